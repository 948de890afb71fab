//! Scrapes targets as Prometheus does.
//!
//! ```text
//! ScrapeConfig -> Discovery -> label sets -> relabel -> Target -> Loop: fetch -> Appender -> MetricWriter
//! ```
//!
//! [`Manager`] holds the jobs. Each has a pool of loops, one a target; a loop asks its target at its place in the
//! interval, and its appender turns the answer into one batch for the store. Start reading at `manager.rs`, then
//! `pool.rs`, `runner.rs`, `append.rs`.

mod append;
pub mod config;
mod failures;
mod fetch;
mod manager;
mod metrics;
mod pool;
mod runner;
mod target;

pub use config::{GlobalConfig, ScrapeConfig};
pub use failures::LineFile;
pub use manager::{Features, Manager, Problem};
pub use metrics::Metrics;
