//! The engine for metric samples.
//!
//! What it is: a store of time series behind [`model::MetricWriter`] and [`model::MetricReader`]: a write-ahead log, a
//! head in memory, immutable compressed blocks, compaction, retention.
//!
//! What it is not: it knows no query language, no wire format, starts no thread that outlives a call and asks no clock
//! but the one it is given. `app` calls [`Store::maintain`] every few seconds from a thread of its own.
//!
//! ```text
//! resolve(labels) -> head::Lookup -> SeriesRef           (known series: one hash, no allocation)
//! append(batch)   -> head::Shard (visible) -> disk::log   (durable when it returns)
//! maintain()      -> head::freeze -> block::write -> publish -> the log is cut; compaction; retention; tiers
//! follow()       -> feed: segments of the log, kept beyond its cut where a follower needs them
//! select()        -> matching over postings -> copies from the head, pages of blocks -> merge -> runs
//!                    (summaries from tiers in place of samples where the caller says that they are enough)
//! ```
//!
//! Samples of one batch become visible together. All that a flush takes out goes to blocks, split at two-hour
//! borders, so the log holds exactly what is in memory. Blocks may overlap; where two hold a sample of the same time
//! the older block wins, as the first sample wins within the head.
//!
//! Bytes are drawn in docs/formats. Start reading at [`store`], then `head` and `block`.

#![forbid(unsafe_code)]

mod block;
mod cache;
mod codec;
mod config;
mod exemplars;
mod feed;
#[doc(hidden)]
pub mod fuzzing;
mod head;
pub mod import;
pub mod inspect;
mod matching;
#[doc(hidden)]
pub mod measuring;
mod merge;
mod metrics;
mod retention;
pub mod store;
mod tiers;
mod wal;

pub use config::Options;
pub use metrics::Metrics;
pub use model::ReplayProgress;
pub use retention::{Downsampling, Retention, SeriesRetention, TierInfo};
pub use store::Store;
