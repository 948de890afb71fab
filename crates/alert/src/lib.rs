//! Rules: what is recorded, what is wrong, and telling others of it.
//!
//! What it is: recording and alerting rules, evaluated on a schedule against [`model::MetricReader`], their
//! results written through [`model::MetricWriter`], their alerts sent to Alertmanagers.
//!
//! What it is not: it names no store, listens nowhere, and asks nobody for the time: a [`model::Clock`] is passed in.
//!
//! ```text
//! rule files --rules::file--> groups --rules::group, at each interval--> samples --> MetricWriter
//!                                              |
//!                                              +--> alerts --AlertSink--> notify --> Alertmanagers
//! ```
//!
//! Start reading at [`rules::Manager`], then [`rules`] (the evaluation), [`template`] and [`notify`]; what Alertmanager's
//! configuration says is in [`alertmanager`].

#![forbid(unsafe_code)]

pub mod alertmanager;
pub mod config;
pub mod notify;
pub mod pipeline;
pub mod rules;
pub mod service;
mod sink;
pub mod template;

pub use sink::{AlertSink, NoSink, OutgoingAlert};
