//! Goes and gets telemetry.
//!
//! What it is: one folder for each kind of source, all of one shape: a `config.rs`, a loop that reads the source at an
//! interval, and a writer that it hands what it read. Host and container collectors read the kernel and the container
//! engine; the scraper reads targets that discovery finds.
//!
//! What it is not: it stores nothing (it holds a `model::MetricWriter` and a `model::EventWriter`), serves nothing, and
//! never writes to what it observes: only files are read and GET requests made.
//!
//! ```text
//! kernel, container engine, targets --read--> collect --MetricWriter / EventWriter--> intake
//! ```
//!
//! Start reading at the module of the source in question.

#![forbid(unsafe_code)]

pub mod containers;
pub mod discovery;
pub mod host;
pub mod scrape;
pub mod tail;
