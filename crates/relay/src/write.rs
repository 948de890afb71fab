//! Remote write: a queue for each receiver.
//!
//! ```text
//! log -> Follower -> queue: relabel, shard by series -> shard: batch -> body -> post, again until it is taken
//!          ^                                                                 |
//!          +---------------- acknowledged: what every shard delivered <------+
//! ```
//!
//! A batch of the log counts as delivered when all its samples are; the log is acknowledged up to the first batch that
//! is not. So whatever ends the process, what was not delivered is read again.

mod body;
mod deliver;
mod manager;
mod metadata;
mod metrics;
mod post;
mod queue;
mod rate;
mod series;
mod shard;
mod track;

#[cfg(test)]
mod tests;

pub use manager::{Doors, Plan, Senders};
pub use metrics::Metrics;
