//! The ledger of everything: each transition of an alert, and each attempt to tell somebody, with its answer.

mod search;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::log::{Log, Options, SyncPolicy};
use model::alerts::Alert;
use model::rule::Texts;
use model::{Labels, Result};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use search::Search;

const KIND: Kind = Kind { tag: b'j', name: "ledger of alerts", version: 1, oldest: 1 };
/// Retention goes by segments.
const SEGMENT_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 4 << 20 };

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The service took it.
    Delivered,
    /// It did not, and another attempt follows.
    Again,
    /// It did not, and none follows before the next notification of the group.
    Failed,
}

/// What happened. Times are ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry {
    /// An alert fires.
    Fired {
        /// When it was heard.
        at_ms: i64,
        /// Its fingerprint.
        fingerprint: String,
        /// Its labels.
        labels: Texts,
        /// Texts that describe it.
        annotations: Texts,
        /// Since when it fires.
        starts_at_ms: i64,
        /// Until when that was believed.
        ends_at_ms: i64,
        /// Address of its expression.
        generator_url: String,
        /// Whether it fired before: the line was written again because the first was about to be too old.
        still: bool,
    },
    /// An alert does not fire any more.
    Resolved {
        /// When it was heard, or when its time was over.
        at_ms: i64,
        /// Its fingerprint.
        fingerprint: String,
        /// Its labels.
        labels: Texts,
        /// Texts that describe it.
        annotations: Texts,
        /// Since when it fired.
        starts_at_ms: i64,
        /// When it ended.
        ends_at_ms: i64,
        /// Address of its expression.
        generator_url: String,
    },
    /// An attempt to tell somebody has ended.
    Attempt {
        /// When it ended.
        at_ms: i64,
        /// When it began.
        began_ms: i64,
        /// Who was told.
        receiver: String,
        /// What kind of way: `webhook`.
        integration: String,
        /// Its place in the receiver.
        index: usize,
        /// The group's key; services that can, know repeated notifications by it.
        group_key: String,
        /// The labels of the group.
        group_labels: Texts,
        /// Why it was told.
        reason: super::told::Reason,
        /// Which attempt of this notification it was, from 1.
        attempt: u32,
        /// Fingerprints of the alerts that fire.
        firing: Vec<String>,
        /// Fingerprints of the alerts that are resolved.
        resolved: Vec<String>,
        /// How it ended.
        outcome: Outcome,
        /// What the service said.
        answer: String,
    },
}

impl Entry {
    /// When it happened.
    pub fn at_ms(&self) -> i64 {
        match self {
            Self::Fired { at_ms, .. } | Self::Resolved { at_ms, .. } | Self::Attempt { at_ms, .. } => *at_ms,
        }
    }

    /// An alert that fires.
    pub(super) fn fired(alert: &Alert, at_ms: i64, still: bool) -> Self {
        Self::Fired {
            at_ms,
            fingerprint: alert.fingerprint().to_string(),
            labels: texts(&alert.labels),
            annotations: alert.annotations.clone(),
            starts_at_ms: alert.starts_at_ms,
            ends_at_ms: alert.ends_at_ms,
            generator_url: alert.generator_url.clone(),
            still,
        }
    }

    /// An alert that does not fire any more.
    pub(super) fn resolved(alert: &Alert, at_ms: i64) -> Self {
        Self::Resolved {
            at_ms,
            fingerprint: alert.fingerprint().to_string(),
            labels: texts(&alert.labels),
            annotations: alert.annotations.clone(),
            starts_at_ms: alert.starts_at_ms,
            ends_at_ms: alert.ends_at_ms,
            generator_url: alert.generator_url.clone(),
        }
    }
}

/// Labels as a map.
pub(super) fn texts(labels: &Labels) -> Texts {
    labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// The ledger. Entries that are too old go by whole segments.
pub struct Journal {
    log: Log,
    fs: Arc<dyn Fs>,
    /// The time of the newest entry of each segment, ms.
    newest: Mutex<BTreeMap<u64, i64>>,
}

impl Journal {
    /// Opens the ledger in `dir` and gives every entry to `visit`, oldest first.
    pub(super) fn open(fs: Arc<dyn Fs>, dir: &Path, mut visit: impl FnMut(Entry)) -> Result<Self> {
        let options =
            Options { segment_bytes: SEGMENT_BYTES, sync: SyncPolicy::Interval, ..Options::new(KIND) };
        let mut newest = BTreeMap::<u64, i64>::new();
        let (log, recovery) = Log::open(fs.clone(), dir, options, &mut |place, record| {
            match serde_json::from_slice::<Entry>(record) {
                Ok(entry) => {
                    let newest = newest.entry(place.segment).or_insert(i64::MIN);
                    *newest = (*newest).max(entry.at_ms());
                    visit(entry);
                }
                Err(e) => tracing::warn!(error = %e, "an entry of the ledger of alerts is passed over"),
            }
            Ok(())
        })?;
        for warning in &recovery.warnings {
            tracing::warn!(warning, "ledger of alerts");
        }
        Ok(Self { log, fs, newest: Mutex::new(newest) })
    }

    /// Writes entries with one write: they survive the end of the process when it returns.
    pub(super) fn append(&self, entries: &[Entry]) -> Result<()> {
        let Some(newest) = entries.iter().map(Entry::at_ms).max() else { return Ok(()) };
        self.log.ready()?;
        for entry in entries {
            let record = serde_json::to_vec(entry).map_err(|e| {
                model::Error::internal("an entry of the ledger of alerts cannot be written").with_detail(e)
            })?;
            self.log.enqueue(&record)?;
        }
        self.log.commit(self.log.enqueued())?;
        let segment = self.log.end().segment;
        let mut times = self.newest.lock();
        let time = times.entry(segment).or_insert(newest);
        *time = (*time).max(newest);
        Ok(())
    }

    /// Makes what was written survive a power failure.
    pub(super) fn sync(&self) -> Result<()> {
        self.log.sync()
    }

    /// The first segment that is to stay when what is older than `before_ms`, and more than `most_bytes`, goes.
    pub(super) fn first_to_keep(&self, before_ms: i64, most_bytes: u64) -> Result<Option<u64>> {
        let segments = disk::log::segments(&*self.fs, self.log.dir())?;
        let mut bytes: u64 = segments.iter().map(|(_, _, size)| size).sum();
        let end = self.log.end().segment;
        let times = self.newest.lock();
        let mut keep = None;
        for (number, _, size) in segments {
            let old = times.get(&number).is_none_or(|newest| *newest < before_ms);
            if number >= end || !(old || bytes > most_bytes) {
                break;
            }
            bytes -= size;
            keep = Some(number + 1);
        }
        Ok(keep)
    }

    /// The segment that new entries go to.
    pub(super) fn segment(&self) -> u64 {
        self.log.end().segment
    }

    /// Removes the segments before `first`.
    pub(super) fn remove_before(&self, first: u64) -> Result<()> {
        self.log.remove_before(first)?;
        self.newest.lock().retain(|segment, _| *segment >= first);
        Ok(())
    }
}
