//! How a store of records behaves.

use disk::log::SyncPolicy;
use model::{Labels, Matcher};
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
    /// ... or when this many bytes of them are in memory. Writers are slowed down at twice as many.
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
            flush_bytes: 24 << 20,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Retention {
    /// How long records are kept, ms; 0: no limit by time.
    pub time_ms: i64,
    /// What all records may take on disk, in bytes; `u64::MAX`: no limit.
    pub bytes: u64,
    /// What is otherwise for some streams; the first that matches counts.
    pub streams: Vec<StreamRetention>,
}

/// What is kept of some streams.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRetention {
    /// Which ones.
    pub matchers: Vec<Matcher>,
    /// How long their records are kept, ms; 0: no limit by time; `None`: as those of all others.
    pub time_ms: Option<i64>,
    /// What they may take on disk together, in bytes; `u64::MAX`: no limit of their own.
    pub bytes: u64,
}

impl Retention {
    /// The place of the rule that counts for a stream.
    pub(super) fn rule_of(&self, labels: &Labels) -> Option<usize> {
        self.streams.iter().position(|rule| rule.matchers.iter().all(|m| m.matches_labels(labels)))
    }

    /// How long records of a stream are kept, ms; 0: no limit by time.
    pub(super) fn time_of(&self, labels: &Labels) -> i64 {
        self.rule_of(labels).and_then(|rule| self.streams[rule].time_ms).unwrap_or(self.time_ms)
    }

    /// The longest time that records of any stream are kept, ms; 0: no limit by time.
    pub(super) fn longest_ms(&self) -> i64 {
        let all = || self.streams.iter().filter_map(|rule| rule.time_ms).chain([self.time_ms]);
        if all().any(|time| time <= 0) { 0 } else { all().max().unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rule = |app: &str, time_ms| StreamRetention {
            matchers: vec![Matcher::equal("app", app)],
            time_ms,
            bytes: u64::MAX,
        };
        let streams = vec![rule("a", None), rule("a", Some(9)), rule("b", Some(7))];
        let mut retention = Retention { time_ms: 5, bytes: u64::MAX, streams };
        let of = |retention: &Retention, app| retention.time_of(&Labels::from_pairs([("app", app)]));
        assert_eq!(["a", "b", "c"].map(|app| of(&retention, app)), [5, 7, 5]);
        assert_eq!(retention.longest_ms(), 9);
        retention.streams[2].time_ms = Some(0);
        assert_eq!((of(&retention, "b"), retention.longest_ms()), (0, 0));
    }
}
