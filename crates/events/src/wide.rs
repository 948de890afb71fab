//! Records: log lines and spans, behind [`RecordWriter`] and [`RecordReader`].
//!
//! What it is: a store of wide events. Rows go to a write-ahead log and stay in memory as the bytes they were logged
//! in ([`arena`]) until they become a [`part`]: blocks of columns, sorted by day, stream and time, with each message split
//! into a template and variables ([`split`]). Small parts are merged, old ones go.
//!
//! ```text
//! write    -> record::Encoder -> disk::log (durable) -> arena (visible)
//! maintain -> flush: block::Builder -> part -> publish -> the log is cut; rewrite: merges, deletes, expires
//! scan     -> sources, opened when their turn comes: templates rule out, tests, columns -> merge by time
//! ```
//!
//! docs/formats/records.md draws the bytes. Start reading at [`shelf`].

mod arena;
mod block;
mod columns;
mod condition;
mod config;
mod count;
mod derived;
mod fields;
mod filter;
mod flush;
mod fuzzing;
mod ints;
mod keep;
mod maintain;
mod merge;
mod metrics;
mod needle;
mod parallel;
mod part;
mod patterns;
mod pools;
mod read;
mod record;
mod rewrite;
mod scan;
mod search;
mod shaped;
mod shapes;
mod shelf;
mod sizes;
mod snapshot;
mod split;
mod texts;
mod timed;
mod unordered;
mod words;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use model::records::{RecordWriter, Written};
use model::{Clock, Error, EventKind, Position, Records, Result, Steady, Tenant};
use parking_lot::{Mutex, RwLock};

pub use config::{Options, Retention, StreamRetention};
#[doc(hidden)]
pub use fuzzing::fuzz;
pub use metrics::Metrics;
use part::Part;
use shelf::Shelf;
pub use sizes::{ColumnSize, Sizes, sizes};

const KINDS: [EventKind; 2] = [EventKind::Log, EventKind::Span];
const FOLDERS: [&str; 2] = ["log", "span"];

/// A store of records in one directory.
pub struct Store {
    options: Options,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    shelves: [Shelf; 2],
    warnings: Vec<String>,
    retention: RwLock<Retention>,
    /// Held while memory becomes parts.
    maintenance: Mutex<()>,
    workplace: Mutex<Option<flush::Workplace>>,
    /// Held while parts become other parts. Who needs both takes this one last.
    rewriting: Mutex<()>,
    /// When streams were last held against what is kept of each, ms.
    streams_looked_at: Mutex<Option<i64>>,
    /// What ages are held against.
    steady: Mutex<Steady>,
}

impl Store {
    /// Opens the store in `dir` (created if missing) and reads its logs.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let dir = dir.join(Tenant::DEFAULT);
        disk::publish::prepare(&*fs, &dir)?;
        let metrics = Metrics::default();
        let mut warnings = Vec::new();
        let now = clock.now_ms();
        let mut open = |name: &str| Shelf::open(&fs, &dir.join(name), &options, &metrics, now, &mut warnings);
        let shelves = [open(FOLDERS[0])?, open(FOLDERS[1])?];
        let retention = RwLock::new(Retention {
            time_ms: options.retention_ms,
            bytes: disk::space::size_limit(&*fs, &dir, options.retention_bytes)?,
            streams: Vec::new(),
        });
        let newest = shelves.iter().filter_map(Shelf::newest_ns).max().map(|ns| ns / 1_000_000);
        let steady = Mutex::new(Steady::since(newest, now, options.retention_ms));
        let maintenance = Mutex::new(());
        let store = Self {
            options,
            clock,
            metrics,
            shelves,
            warnings,
            retention,
            maintenance,
            workplace: Mutex::default(),
            rewriting: Mutex::default(),
            streams_looked_at: Mutex::default(),
            steady,
        };
        store.measure();
        Ok(store)
    }

    /// The store's own metrics, for registration.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What opening found wrong.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What is kept now.
    pub fn retention(&self) -> Retention {
        self.retention.read().clone()
    }

    /// Changes what is kept, from the next maintenance on.
    pub fn set_retention(&self, retention: Retention) {
        *self.retention.write() = retention;
        *self.streams_looked_at.lock() = None;
    }

    /// Makes everything durable. The store may be dropped without it: the log has every acknowledged record.
    pub fn close(&self) -> Result<()> {
        if let Err(e) = self.flush_at_end() {
            tracing::warn!("{e}; the log has what is in memory");
        }
        self.shelves.iter().try_for_each(|shelf| shelf.log.sync())
    }

    fn shelf(&self, kind: EventKind) -> Result<&Shelf> {
        match kind {
            EventKind::Log => Ok(&self.shelves[0]),
            EventKind::Span => Ok(&self.shelves[1]),
            EventKind::Container => Err(Error::invalid("events of containers are not kept here")),
        }
    }

    fn check_tenant(&self, tenant: &Tenant) -> Result<()> {
        if tenant.as_str() == Tenant::DEFAULT {
            return Ok(());
        }
        Err(Error::not_found(format_args!("tenant {:?} does not exist", tenant.as_str())))
    }

    fn measure(&self) {
        let sum =
            |of: fn(&Shelf) -> u64| self.shelves.iter().map(of).sum::<u64>().try_into().unwrap_or(i64::MAX);
        let sum_parts =
            |of: fn(&Part) -> i64| self.shelves.iter().flat_map(Shelf::parts).map(|p| of(&p)).sum();
        self.metrics.parts.set(sum_parts(|_| 1));
        self.metrics.part_bytes.set(sum_parts(|p| p.bytes as i64));
        self.metrics.memory.set(sum(Shelf::memory));
        self.metrics.streams.set(sum(Shelf::streams_in_memory));
    }
}

impl RecordWriter for Store {
    fn write(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        self.check_tenant(tenant)?;
        let written = self.shelf(kind)?.write(
            records,
            positions,
            &self.options,
            &self.retention.read(),
            self.clock.now_ms(),
        )?;
        self.metrics.appended.inc_by(written.accepted as u64);
        self.metrics.appended_bytes.inc_by(records.text_bytes() as u64);
        self.metrics.refused.inc_by(written.refused.len() as u64);
        Ok(written)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.shelves.iter().find_map(|shelf| shelf.position(source))
    }
}
