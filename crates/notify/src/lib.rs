//! Telling people: what a notification is, how its words are made, and how each service takes it.
//!
//! What it is: the data that templates see, and receivers, one folder each, all of one shape: their section of
//! `alertmanager.yml` and an [`Integration`] that sends one notification.
//!
//! What it is not: it does not decide who is told or when, keeps nothing, and repeats nothing: a [`Failure`] says
//! whether trying again makes sense, and whoever called decides.
//!
//! Start reading at [`Notification`] and [`Integration`].

#![forbid(unsafe_code)]

mod integration;
mod notification;

pub use integration::{Delivered, Failure, Integration, Retry};
pub use notification::Notification;
