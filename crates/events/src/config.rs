//! How the event store behaves.

use disk::log::SyncPolicy;
use model::EventKind;
use serde::Deserialize;

const DAY_MS: i64 = 86_400_000;

/// Options of [`crate::Store`]. Durations are in milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How long logs and spans are kept; 0: no limit by time.
    pub retention_ms: i64,
    /// How long container events are kept; 0: no limit by time.
    pub container_retention_ms: i64,
    /// What all events may take on disk, in bytes; 0: no limit. Not given: at most 10 GiB and at most 80 % of the
    /// file system.
    pub retention_bytes: Option<u64>,
    /// Events reach a part at the latest after this time.
    pub flush_ms: i64,
    /// ... or when this many bytes of them are in memory.
    pub flush_bytes: u64,
    /// The largest event in bytes; larger ones are refused.
    pub max_event_bytes: usize,
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
            container_retention_ms: 15 * DAY_MS,
            retention_bytes: None,
            flush_ms: 10 * 60_000,
            flush_bytes: 4 << 20,
            max_event_bytes: 1 << 20,
            max_positions: 200_000,
            sync: SyncPolicy::Batch,
            budget: model::Budget::unlimited(),
        }
    }
}

/// What is kept of a store. A change takes effect at the next maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long logs and spans are kept, ms; 0: no limit by time.
    pub time_ms: i64,
    /// How long container events are kept, likewise.
    pub container_ms: i64,
    /// What all events may take on disk, in bytes; `u64::MAX`: no limit.
    pub bytes: u64,
}

impl Retention {
    pub(crate) fn of(&self, kind: EventKind) -> i64 {
        match kind {
            EventKind::Container => self.container_ms,
            EventKind::Log | EventKind::Span => self.time_ms,
        }
    }
}
