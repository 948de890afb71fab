//! What tests and development tools need and the product does not.
//!
//! What it is: in-memory stores behind the two seams of `model` ([`MemoryMetrics`], [`MemoryEvents`], [`MemoryRecords`]), a clock that
//! a test moves, data generators ([`demo`], [`secrets`]), the runners of the script languages of PromQL ([`promqltest`]) and LogQL ([`logqltest`]), and the reference
//! programs that results are compared with ([`reference`]).
//!
//! What it is not: no part of the binary. Nothing under `crates/` depends on it but as a development dependency.
//!
//! ```text
//! script --promqltest--> MemoryMetrics --MetricReader--> query::promql::Engine --> compared with what the script says
//! ```
//!
//! Start reading at [`memory`], then [`promqltest`].

#![forbid(unsafe_code)]

pub mod answer;
pub mod conformance;
pub mod demo;
pub mod http;
pub mod journal;
pub mod logqltest;
pub mod memory;
pub mod prometheus;
pub mod promqltest;
pub mod reference;
pub mod secrets;
pub mod suite;

pub use memory::{MemoryEvents, MemoryMetrics, MemoryRecords};
pub use model::ManualClock;
pub use reference::reference;
