//! Opens the two stores.

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use model::{Budget, Clock, ReplayProgress, Result};

use crate::config::StorageConfig;
use crate::retention::Retention;

/// The part of the size limit that events get; the rest is for samples.
const EVENTS_SHARE: u64 = 10;

/// The least share of the memory limit that samples in memory may take before they are flushed.
const HEAD_SHARE: u64 = 4;

pub(crate) type Stores = (Arc<tsdb::Store>, Arc<events::Store>);

/// How far behind a sample may be, ms: as written, otherwise what suits.
fn out_of_order_ms(written: &StorageConfig) -> i64 {
    let window = written.tsdb.as_ref().map_or(0, |tsdb| tsdb.out_of_order_time_window.as_ms());
    match i64::try_from(window) {
        Ok(0) => tsdb::Options::default().out_of_order_ms,
        Ok(window) => window,
        Err(_) => i64::MAX,
    }
}

fn max_exemplars(written: &StorageConfig) -> usize {
    let default = tsdb::Options::default().max_exemplars;
    written.exemplars.as_ref().map_or(default, |e| usize::try_from(e.max_exemplars).unwrap_or(0))
}

/// Takes over what a reload may change.
pub(crate) fn configure(store: &tsdb::Store, written: &StorageConfig) {
    store.set_out_of_order(out_of_order_ms(written));
    store.set_max_exemplars(max_exemplars(written));
}

/// Opens both below `ours`, with what the memory limit leaves them. Reads their logs, so it may take seconds.
pub(crate) fn open(
    fs: Arc<dyn Fs>,
    ours: &Path,
    retention: Retention,
    written: &StorageConfig,
    memory_limit: u64,
    budget: &Budget,
    clock: Arc<dyn Clock>,
    progress: &ReplayProgress,
) -> Result<Stores> {
    // One limit for the directory, so that both stores together stay inside.
    let (samples_bytes, events_bytes) = match disk::space::size_limit(&*fs, ours, retention.bytes)? {
        u64::MAX => (0, 0),
        limit => (limit - limit / EVENTS_SHARE, (limit / EVENTS_SHARE).max(1)),
    };
    let defaults = tsdb::Options::default();
    let options = tsdb::Options {
        retention_ms: retention.time_ms,
        retention_bytes: Some(samples_bytes),
        out_of_order_ms: out_of_order_ms(written),
        max_exemplars: max_exemplars(written),
        flush_bytes: defaults.flush_bytes.min(memory_limit / HEAD_SHARE / 2),
        cache_bytes: defaults.cache_bytes.min(memory_limit / 8),
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
        retention_bytes: Some(events_bytes),
        budget: budget.clone(),
        ..defaults
    };
    let events = events::Store::open(fs, &ours.join("events"), options, clock)?;
    for warning in metrics.warnings().iter().chain(events.warnings()) {
        tracing::warn!(warning, "found while opening the stores");
    }
    Ok((Arc::new(metrics), Arc::new(events)))
}
