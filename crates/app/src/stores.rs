//! Opens the stores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use disk::Fs;
use disk::log::SyncPolicy;
use model::{Budget, Clock, ReplayProgress, Result};

use crate::config::logs::LogRetention;
use crate::config::{HistoryConfig, StorageConfig};
use crate::retention::{Retention, Shares};

/// The least share of the memory limit that samples in memory may take before they are flushed.
const HEAD_SHARE: u64 = 4;

/// What is kept: samples, what happened to containers, logs and spans.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) samples: Arc<tsdb::Store>,
    pub(crate) events: Arc<events::Store>,
    pub(crate) records: Arc<events::wide::Store>,
    /// What samples, logs and spans may take together, bytes.
    together: Arc<AtomicU64>,
}

impl Stores {
    /// Gives samples what logs and spans do not take of the limit that they share.
    pub(crate) fn share_out(&self) {
        let together = self.together.load(Ordering::Relaxed);
        if together == u64::MAX {
            return;
        }
        let taken = u64::try_from(self.records.metrics().part_bytes.get()).unwrap_or(0);
        let bytes = together.saturating_sub(taken.min(self.records.retention().bytes)).max(1);
        let kept = self.samples.retention();
        if kept.bytes != bytes {
            self.samples.set_retention(tsdb::Retention { bytes, ..(*kept).clone() });
        }
    }
}

/// How far behind a sample may be, ms: as written, otherwise what suits.
fn out_of_order_ms(written: &StorageConfig) -> i64 {
    match written.tsdb.as_ref().and_then(|tsdb| tsdb.out_of_order_time_window) {
        Some(window) => window.as_i64_ms(),
        None => tsdb::Options::default().out_of_order_ms,
    }
}

fn max_exemplars(written: &StorageConfig) -> usize {
    let default = tsdb::Options::default().max_exemplars;
    written.exemplars.as_ref().map_or(default, |e| usize::try_from(e.max_exemplars).unwrap_or(0))
}

/// Takes over what a reload may change.
pub(crate) fn configure(stores: &Stores, written: &StorageConfig, kept: Kept) {
    let Stores { samples, events, records, together } = stores;
    together.store(kept.samples.bytes, Ordering::Relaxed);
    samples.set_retention(kept.samples);
    records.set_retention(kept.records);
    samples.set_out_of_order(out_of_order_ms(written));
    samples.set_max_exemplars(max_exemplars(written));
    events.set_retention(events::Retention {
        container_ms: kept.events_ms,
        bytes: kept.events_bytes,
        ..events.retention()
    });
    stores.share_out();
}

/// What the stores are held to.
pub(crate) struct Terms {
    /// How long and how much is kept.
    pub(crate) retention: Retention,
    /// When a write is on the device.
    pub(crate) sync: SyncPolicy,
    /// Bytes of the whole process.
    pub(crate) memory_limit: u64,
}

/// What the stores keep.
pub(crate) struct Kept {
    samples: tsdb::Retention,
    /// Container events, ms; 0: no limit.
    events_ms: i64,
    /// `u64::MAX`: no limit.
    events_bytes: u64,
    /// Logs and spans.
    records: events::wide::Retention,
}

/// What the stores keep by this configuration.
pub(crate) fn kept(
    fs: &dyn Fs,
    ours: &Path,
    retention: &Retention,
    history: &HistoryConfig,
    logs: &LogRetention,
) -> Result<Kept> {
    let Shares { samples: bytes, events: events_bytes, records: records_bytes } =
        retention.shares(fs, ours)?;
    let samples = tsdb::Retention {
        time_ms: retention.time_ms,
        bytes,
        series: history.series(),
        downsampling: history.downsampling(),
    };
    let records = logs.resolve(records_bytes)?;
    Ok(Kept { samples, events_ms: retention.time_ms, events_bytes, records })
}

/// Opens all below `ours`, with what the memory limit leaves them. Reads their logs, so it may take seconds.
pub(crate) fn open(
    fs: Arc<dyn Fs>,
    ours: &Path,
    terms: &Terms,
    (written, history, logs): (&StorageConfig, &HistoryConfig, &LogRetention),
    budget: &Budget,
    clock: Arc<dyn Clock>,
    progress: &ReplayProgress,
) -> Result<Stores> {
    let Terms { retention, sync, memory_limit } = *terms;
    // One limit for the directory, so that all stores together stay inside.
    let shares = retention.shares(&*fs, ours)?;
    let given = |bytes: u64| Some(if bytes == u64::MAX { 0 } else { bytes });
    let defaults = tsdb::Options::default();
    let options = tsdb::Options {
        retention_ms: retention.time_ms,
        retention_bytes: given(shares.samples),
        series_retention: history.series(),
        downsampling: history.downsampling(),
        out_of_order_ms: out_of_order_ms(written),
        max_exemplars: max_exemplars(written),
        flush_bytes: defaults.flush_bytes.min(memory_limit / HEAD_SHARE / 2),
        cache_bytes: defaults.cache_bytes.min(memory_limit / 8),
        sync,
        // The rest is for queries and requests, and for writing blocks.
        head_bytes: memory_limit / 8 * 5,
        budget: budget.child("stored samples", u64::MAX),
        ..defaults
    };
    let metrics =
        tsdb::Store::open_with(fs.clone(), &ours.join("metrics"), options, clock.clone(), progress)?;
    let defaults = events::Options::default();
    let options = events::Options {
        container_retention_ms: retention.time_ms,
        retention_bytes: given(shares.events),
        sync,
        budget: budget.clone(),
        ..defaults
    };
    let events = events::Store::open(fs.clone(), &ours.join("events"), options, clock.clone())?;
    let defaults = events::wide::Options::default();
    let kept = logs.resolve(shares.records)?;
    let options = events::wide::Options {
        retention_ms: kept.time_ms,
        retention_bytes: given(kept.bytes),
        flush_bytes: defaults.flush_bytes.min(memory_limit / 32),
        sync,
        budget: budget.child("records in memory", memory_limit / 4),
        ..defaults
    };
    let records = events::wide::Store::open(fs, &ours.join("records"), options, clock)?;
    records.set_retention(kept);
    for warning in metrics.warnings().iter().chain(events.warnings()).chain(records.warnings()) {
        tracing::warn!(warning, "found while opening the stores");
    }
    let stores = Stores {
        samples: Arc::new(metrics),
        events: Arc::new(events),
        records: Arc::new(records),
        together: Arc::new(AtomicU64::new(shares.samples)),
    };
    stores.share_out();
    Ok(stores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::records::RecordWriter;

    use crate::config::logs::StreamRule;
    use model::{EventKind, Labels, ManualClock, Records, Tenant};

    #[test]
    fn a_reload_changes_what_all_stores_keep() {
        let (fs, ours) = (Arc::new(disk::sim::SimFs::new()), Path::new("/data"));
        let terms = Terms {
            retention: Retention { time_ms: 1_000, bytes: Some(1_000_000), percentage: 0.0 },
            sync: SyncPolicy::Batch,
            memory_limit: 64 << 20,
        };
        let (written, history) = (StorageConfig::default(), HistoryConfig::default());
        let mut logs = LogRetention::default();
        let (budget, clock) = (Budget::unlimited(), Arc::new(ManualClock::at_ms(0)));
        let progress = ReplayProgress::default();
        let stores =
            open(fs.clone(), ours, &terms, (&written, &history, &logs), &budget, clock.clone(), &progress)
                .unwrap();
        let Stores { samples, events, records, .. } = stores.clone();
        assert_eq!((samples.retention().time_ms, samples.retention().bytes), (1_000, 900_000));
        assert_eq!((records.retention().time_ms, records.retention().bytes), (7 * 86_400_000, 400_000));
        assert_eq!((events.retention().container_ms, events.retention().bytes), (1_000, 100_000));
        let logs_ms = events.retention().time_ms;

        let hours = 7_200_000;
        let after = Retention { time_ms: hours, bytes: Some(50_000), percentage: 0.0 };
        logs.time = model::config::Duration::from_secs(7_200);
        logs.size = Some(model::config::Size(30_000));
        logs.streams =
            vec![StreamRule { selector: "{app=\"a\"}".to_owned(), time: Some(logs.time), size: None }];
        configure(&stores, &written, kept(&*fs, ours, &after, &history, &logs).unwrap());
        assert_eq!((records.retention().time_ms, records.retention().bytes), (hours, 30_000));
        assert_eq!(records.retention().streams[0].time_ms, Some(hours));
        assert_eq!((samples.retention().time_ms, samples.retention().bytes), (hours, 45_000));
        let changed = events::Retention { time_ms: logs_ms, container_ms: hours, bytes: 5_000 };
        assert_eq!(events.retention(), changed);

        let mut lines = Records::new();
        let stream = lines.stream(&Labels::from_pairs([("app", "a")]));
        lines.push(stream, 0, "line");
        records.write(&Tenant::default(), EventKind::Log, &lines, &[]).unwrap();
        clock.advance_ms(3_600_000);
        records.maintain().unwrap();
        stores.share_out();
        let taken = records.metrics().part_bytes.get() as u64;
        assert!(taken > 0);
        assert_eq!(samples.retention().bytes, 45_000 - taken, "samples get what logs leave");
    }
}
