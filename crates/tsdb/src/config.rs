//! How a store behaves.

use disk::log::SyncPolicy;
use serde::Deserialize;

use crate::retention::{Downsampling, SeriesRetention};

/// Blocks are split at multiples of two hours, in ms.
pub(crate) const WINDOW: i64 = 2 * 3_600_000;

/// The window of this length that holds `t`.
pub(crate) fn window_of(t: i64, length: i64) -> model::TimeRange {
    let start = t.div_euclid(length).saturating_mul(length);
    model::TimeRange::new(start, start.saturating_add(length - 1))
}

/// Options of [`crate::Store`]. Durations are in milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How long samples are kept; 0: no limit by time.
    pub retention_ms: i64,
    /// What the store may take on disk, in bytes; 0: no limit. Not given: at most 10 GiB and at most 80 % of the file
    /// system.
    pub retention_bytes: Option<u64>,
    /// A sample this much older than its series' newest is refused.
    pub out_of_order_ms: i64,
    /// A sample further ahead of the clock is refused; 0: no limit.
    pub future_ms: i64,
    /// Samples reach a block at the latest after this time.
    pub flush_ms: i64,
    /// ... or when this many bytes of compressed samples are in memory (twice as many with append buffers), or when
    /// the budget is nearly used up.
    pub flush_bytes: u64,
    /// ... or when the log has this many bytes, labels of series not counted.
    pub flush_log_bytes: u64,
    /// An orderly stop writes memory to a block where the log has this many bytes, so that the next start is quick; 0:
    /// never ...
    pub close_flush_log_bytes: u64,
    /// ... but not where more bytes of samples than this are in memory: a stop must be quick too.
    pub close_flush_bytes: u64,
    /// A series without samples for this long leaves memory at the next flush (its blocks stay).
    pub idle_ms: i64,
    /// Most series in memory; more are refused.
    pub max_series: usize,
    /// Longest label set in bytes.
    pub max_labels_bytes: usize,
    /// Most metric families with metadata, and most sources with a position.
    pub max_families: usize,
    /// Most exemplars in memory, over all series; the oldest go first. 0 keeps none.
    pub max_exemplars: usize,
    /// What cached parts of blocks may take in memory.
    pub cache_bytes: u64,
    /// What series and samples in memory may take; more are refused.
    pub head_bytes: u64,
    /// Whether an acknowledgement waits for the device (survives a power failure), or only for the operating system
    /// (survives the end of the process).
    pub sync: SyncPolicy,
    /// Series that are kept shorter or longer than [`Self::retention_ms`].
    #[serde(skip)]
    pub series_retention: Vec<SeriesRetention>,
    /// Summaries of five minutes and of an hour.
    #[serde(skip)]
    pub downsampling: Downsampling,
    /// Where memory is reserved.
    #[serde(skip)]
    pub budget: model::Budget,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention_ms: 15 * 24 * 3_600_000,
            retention_bytes: None,
            out_of_order_ms: 30 * 60_000,
            future_ms: 10 * 60_000,
            flush_ms: 30 * 60_000,
            flush_bytes: 128 << 20,
            flush_log_bytes: 256 << 20,
            close_flush_log_bytes: 16 << 20,
            close_flush_bytes: 128 << 20,
            idle_ms: 3_600_000,
            max_series: 10_000_000,
            max_labels_bytes: 64 << 10,
            max_families: 200_000,
            max_exemplars: 100_000,
            cache_bytes: 64 << 20,
            head_bytes: u64::MAX,
            sync: SyncPolicy::Batch,
            series_retention: Vec::new(),
            downsampling: Downsampling::default(),
            budget: model::Budget::unlimited(),
        }
    }
}
