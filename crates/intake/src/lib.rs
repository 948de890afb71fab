//! The one door into storage.
//!
//! What it is: [`Intake`] stands before the stores and implements the same two writing traits. It holds label sets and
//! events to limits, enriches them through a hook, and is the only place where a sample or event is dropped; it counts
//! why. [`remote_write`] takes whole write requests, and series that other
//! receivers collected, to any [`model::MetricWriter`], with a cache that spares known series every allocation.
//!
//! What it is not: it knows no runtime (identity comes through a trait that `app` hands in), opens no sockets and
//! stores nothing itself.
//!
//! ```text
//! collect, server --MetricWriter / EventWriter--> Intake --limits, enrichment, counters--> tsdb, events
//! ```
//!
//! Start reading at [`door`]; what happens to too many series is in [`cardinality`], what becomes of log lines in [`lines`].

#![forbid(unsafe_code)]

mod cache;
pub mod cardinality;
pub mod config;
pub mod door;
mod history;
pub mod lines;
#[cfg(test)]
mod memory;
pub mod metrics;
pub mod remote_write;

pub use cardinality::Cardinality;
pub use config::Config;
pub use door::{Enrich, Intake};
pub use lines::Lines;
pub use metrics::Metrics;
pub use remote_write::{Collected, Outcome, Receiver};
