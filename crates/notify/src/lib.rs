//! Telling people: what a notification is, how its words are made, and how each service takes it.
//!
//! What it is: the data that templates see, and receivers, one folder each, all of one shape: their section of
//! `alertmanager.yml` and an [`Integration`] that sends one notification.
//!
//! What it is not: it does not decide who is told or when, keeps nothing, and repeats nothing: a [`Failure`] says
//! whether trying again makes sense, and whoever called decides.
//!
//! ```text
//! alertmanager.yml -> config::Receiver -> Integration <-- Notification
//! ```
//!
//! Start reading at [`Notification`] and [`Integration`], then [`config::Receiver`].

#![forbid(unsafe_code)]

mod body;
pub mod config;
mod data;
mod http;
mod integration;
#[cfg(test)]
mod kit;
mod notification;
pub mod receivers;
mod secrets;
mod shorten;
pub mod template;

pub use integration::{Delivered, Failure, Integration, Retry};
pub use notification::Notification;
pub use receivers::{Integrations, Receivers};
pub use template::Templates;
