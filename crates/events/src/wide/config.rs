//! How a store of records behaves.

use disk::log::SyncPolicy;
use serde::Deserialize;

const DAY_MS: i64 = 86_400_000;

/// Options of [`super::Store`]. Durations are in milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How long records are kept; 0: no limit by time.
    pub retention_ms: i64,
    /// What all records may take on disk, in bytes; 0: no limit. Not given: at most 10 GiB and at most 80 % of the
    /// file system.
    pub retention_bytes: Option<u64>,
    /// Records reach a part at the latest after this time.
    pub flush_ms: i64,
    /// ... or when this many bytes of them are in memory. Writers are slowed down at four times as many.
    pub flush_bytes: u64,
    /// Most streams in memory at one time; records of further ones are refused until the next flush.
    pub max_streams: usize,
    /// The longest message, with its fields, in bytes.
    pub max_record_bytes: usize,
    /// How far in the future a record may lie.
    pub max_future_ms: i64,
    /// Most sources with a position.
    pub max_positions: usize,
    /// Whether an acknowledgement waits for the device, or only for the operating system.
    pub sync: SyncPolicy,
    /// Where memory is reserved.
    #[serde(skip)]
    pub budget: model::Budget,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention_ms: 7 * DAY_MS,
            retention_bytes: None,
            flush_ms: 10 * 60_000,
            flush_bytes: 32 << 20,
            max_streams: 100_000,
            max_record_bytes: 1 << 20,
            max_future_ms: 3_600_000,
            max_positions: 200_000,
            sync: SyncPolicy::Batch,
            budget: model::Budget::unlimited(),
        }
    }
}

/// What is kept of a store. A change takes effect at the next maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long records are kept, ms; 0: no limit by time.
    pub time_ms: i64,
    /// What all records may take on disk, in bytes; `u64::MAX`: no limit.
    pub bytes: u64,
}
