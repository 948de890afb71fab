//! The store: opening, closing, and what its parts share.

mod admin;
pub(crate) mod blocks;
mod census;
mod changes;
mod compact;
mod exemplars;
mod families;
mod flush;
mod maintain;
mod names;
mod partition;
mod read;
mod replay;
mod snapshot;
mod stats;
mod thin;
mod tiers;
mod write;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use disk::Fs;
use disk::log::Log;
use model::{Clock, Error, ReplayProgress, Result, Steady, Tenant};
use parking_lot::{Mutex, RwLock};

use crate::config::Options;
use crate::exemplars::Exemplars;
use crate::feed::{Feed, Prepared};
use crate::head::{Head, Index, Limits, Lookup};
use crate::metrics::Metrics;
use crate::retention::Retention;
use crate::tiers::Tiers;
use crate::wal;
use blocks::Blocks;
pub(crate) use compact::largest as longest_block;
use flush::Flushing;
use thin::Thinned;
use tiers::Making;

/// A store of time series in one directory.
pub struct Store {
    pub(crate) fs: Arc<dyn Fs>,
    /// The directory given to [`Store::open`].
    pub(crate) root: PathBuf,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) log: Arc<Log>,
    pub(crate) feed: Arc<Feed>,
    /// Counts flushes: series must be defined in the log again after each. Appends hold it for reading.
    pub(crate) epoch: RwLock<u32>,
    pub(crate) lookup: Lookup,
    /// Bytes of definitions in the log since its last cut.
    pub(crate) defined_bytes: AtomicU64,
    /// Held by whoever adds or removes series.
    pub(crate) membership: Mutex<()>,
    pub(crate) index: Arc<RwLock<Index>>,
    pub(crate) head: Head,
    pub(crate) families: RwLock<families::Families>,
    pub(crate) positions: RwLock<HashMap<String, Vec<u8>>>,
    pub(crate) exemplars: Mutex<Exemplars>,
    /// See [`Options::out_of_order_ms`].
    pub(crate) out_of_order: AtomicI64,
    pub(crate) blocks: Blocks,
    pub(crate) tiers: Tiers,
    making: Mutex<Making>,
    pub(crate) changes: changes::Changes,
    pub(crate) flushing: Mutex<Flushing>,
    /// Where the head reserves memory.
    pub(crate) in_memory: model::Budget,
    /// Where compactions do.
    pub(crate) compacting: model::Budget,
    /// Held by whoever maintains.
    pub(crate) maintenance: Mutex<()>,
    /// See [`Store::begin_close`].
    closing: AtomicBool,
    /// What ages are held against.
    steady: Mutex<Steady>,
    /// What is kept; its bytes are what blocks, tiers and log may take.
    retention: RwLock<Arc<Retention>>,
    thinned: Mutex<Thinned>,
    /// What opening found wrong.
    pub(crate) warnings: Vec<String>,
}

impl Store {
    /// Opens the store in `dir` (created if missing) and reads its log.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(fs, dir, options, clock, &ReplayProgress::default())
    }

    /// Like [`Store::open`], telling how far it is: reading a long log takes seconds.
    pub fn open_with(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
        progress: &ReplayProgress,
    ) -> Result<Self> {
        let root = dir.to_owned();
        let dir = dir.join(Tenant::DEFAULT);
        disk::publish::prepare(&*fs, &dir)?;
        let snapshots = root.join(snapshot::SNAPSHOTS);
        if fs.exists(&snapshots).map_err(|e| disk::io_error("look at a directory", &snapshots, &e))? {
            disk::publish::prepare(&*fs, &snapshots)?; // of one that was not finished nothing is left
        }
        let metrics = Metrics::default();
        let clock_now = clock.now_ms();
        let limits = Limits { max_series: options.max_series, max_labels_bytes: options.max_labels_bytes };
        let in_memory = options.budget.child("the series in memory", options.head_bytes);
        let mut index = Index::new(limits, &in_memory)?;
        let lookup = Lookup::new();
        let head = Head::new();
        let log_options = disk::log::Options::new(wal::KIND);
        // What waits while the file system takes no writes is memory, too.
        let share = usize::try_from(options.budget.limit() / 16).unwrap_or(usize::MAX);
        let max_pending = log_options.max_pending.min(share);
        let log_options = disk::log::Options { sync: options.sync, max_pending, ..log_options };
        let mut prepared = Prepared::open(&fs, &dir)?;
        let wal = dir.join("wal");
        disk::publish::prepare(&*fs, &wal)?;
        progress.begin(disk::log::segments(&*fs, &wal)?.into_iter().map(|(number, _, size)| (number, size)));
        let mut exemplars = Exemplars::new(options.max_exemplars, options.budget.clone());
        let (log, recovery, replayed) = std::thread::scope(|scope| {
            let applying = replay::Applying::start(scope, &head);
            let mut replay = replay::Replay::new(applying, &mut index, &lookup, &mut exemplars, &options);
            let (log, recovery) = Log::open(Arc::clone(&fs), &wal, log_options, &mut |place, record| {
                replay.record(place, record);
                progress.record(place.segment, record.len() as u64);
                Ok(())
            })?;
            Ok::<_, Error>((log, recovery, replay.finish()))
        })?;
        progress.finish();
        head.adopt(&in_memory);
        index.adopt();
        let mut warnings = recovery.warnings;
        warnings.extend(prepared.take_warnings());
        warnings.extend(replayed.warnings);
        let blocks = Blocks::open(&fs, &dir.join("blocks"), &options, &metrics)?;
        warnings.extend(blocks.lost().into_iter().map(|l| l.text));
        let tiers = Tiers::open(&fs, &dir.join("tiers"), &options)?;
        blocks.number_above(tiers.seen());
        let size_limit = disk::space::size_limit(&*fs, &dir, options.retention_bytes)?;
        let retention = Retention {
            time_ms: options.retention_ms,
            bytes: size_limit,
            series: options.series_retention.clone(),
            downsampling: options.downsampling.clone(),
        };
        let families = families::Families::new(replayed.families, options.max_families, &options.budget);
        let log = Arc::new(log);
        let feed = prepared.attach(
            Arc::clone(&fs),
            Arc::clone(&log),
            metrics.clone(),
            options.budget.clone(),
            size_limit,
        );
        metrics.log_corruptions.inc_by(recovery.corrupt_places + replayed.corrupt_records);
        metrics.series.set(index.live().len() as i64);
        metrics.show_exemplars(&exemplars);
        let stored = blocks.all();
        let stored = head.range().into_iter().chain(stored.iter().map(|b| b.meta.range));
        let newest = stored.map(|range| range.end).max();
        let steady = Steady::since(newest, clock_now, options.retention_ms);
        let store = Self {
            fs,
            root,
            clock,
            metrics,
            log,
            feed: Arc::new(feed),
            epoch: RwLock::new(1),
            defined_bytes: AtomicU64::new(0),
            lookup,
            membership: Mutex::new(()),
            index: Arc::new(RwLock::new(index)),
            head,
            families: RwLock::new(families),
            positions: RwLock::new(replayed.positions),
            exemplars: Mutex::new(exemplars),
            out_of_order: AtomicI64::new(options.out_of_order_ms),
            blocks,
            tiers,
            making: Mutex::default(),
            changes: changes::Changes::default(),
            flushing: Mutex::new(Flushing::since(clock_now)),
            maintenance: Mutex::new(()),
            closing: AtomicBool::new(false),
            steady: Mutex::new(steady),
            retention: RwLock::new(Arc::new(retention)),
            thinned: Mutex::new(Thinned::new()),
            compacting: options.budget.child("compactions", u64::MAX),
            in_memory,
            warnings,
            options,
        };
        store.metrics.named.replay_seconds.set((store.clock.now_ms() - clock_now) as f64 / 1_000.0);
        store.show_figures();
        Ok(store)
    }

    /// The store's own metrics, for registration.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What opening found wrong: torn tails, corrupt records, blocks set aside.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Changes [`Options::out_of_order_ms`] from here on.
    pub fn set_out_of_order(&self, ms: i64) {
        self.out_of_order.store(ms, Ordering::Relaxed);
    }

    /// Changes [`Options::max_exemplars`]; the oldest go where there are more.
    pub fn set_max_exemplars(&self, most: usize) {
        let mut ring = self.exemplars.lock();
        ring.resize(most);
        self.metrics.show_exemplars(&ring);
        self.metrics.named.max_exemplars.set(most as i64);
    }

    /// Gives back half of what is cached of blocks; how many bytes. For when memory is short.
    pub fn shrink_cache(&self) -> u64 {
        self.blocks.shrink_cache()
    }

    /// Where compactions reserve memory: a refusal puts one off.
    pub fn compaction_budget(&self) -> &model::Budget {
        &self.compacting
    }

    /// Where the head reserves memory.
    pub fn head_budget(&self) -> &model::Budget {
        &self.in_memory
    }

    pub(crate) fn out_of_order_ms(&self) -> i64 {
        self.out_of_order.load(Ordering::Relaxed)
    }

    /// Makes everything durable, and leaves a short log where that takes a moment only (see
    /// [`Options::close_flush_log_bytes`]). The store may be dropped without it: the log has every acknowledged sample.
    pub fn close(&self) -> Result<()> {
        self.log.commit(self.log.enqueued())?;
        self.log.sync()?;
        if self.flush_is_worth_it()? {
            self.flush()?;
        }
        self.feed.release()
    }

    pub(crate) fn check_tenant(&self, tenant: &Tenant) -> Result<()> {
        if tenant.as_str() == Tenant::DEFAULT {
            return Ok(());
        }
        Err(Error::not_found(format_args!("tenant {:?} does not exist", tenant.as_str())))
    }
}
