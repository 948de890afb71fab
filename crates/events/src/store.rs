//! The store: one [`Shelf`] a kind of event.

mod maintain;
mod read;
mod shelf;
mod snapshot;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use model::{Appended, Clock, Error, Event, EventKind, EventWriter, Position, Result, Steady, Tenant};
use parking_lot::{Mutex, RwLock};

use crate::config::{Options, Retention};
use crate::metrics::Metrics;
use shelf::Shelf;

/// A store of events in one directory.
pub struct Store {
    options: Options,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    shelves: [Shelf; 3],
    warnings: Vec<String>,
    retention: RwLock<Retention>,
    maintenance: Mutex<()>,
    /// What ages are held against.
    steady: Mutex<Steady>,
}

const KINDS: [(EventKind, &str); 3] =
    [(EventKind::Container, "container"), (EventKind::Log, "log"), (EventKind::Span, "span")];

impl Store {
    /// Opens the store in `dir` (created if missing) and reads its logs.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let dir = dir.join(Tenant::DEFAULT);
        disk::publish::prepare(&*fs, &dir)?;
        let metrics = Metrics::default();
        let mut warnings = Vec::new();
        let mut open = |name: &str| Shelf::open(&fs, &dir.join(name), &options, &metrics, &mut warnings);
        let shelves = [open(KINDS[0].1)?, open(KINDS[1].1)?, open(KINDS[2].1)?];
        let retention = RwLock::new(Retention {
            time_ms: options.retention_ms,
            container_ms: options.container_retention_ms,
            bytes: disk::space::size_limit(&*fs, &dir, options.retention_bytes)?,
        });
        let newest =
            shelves.iter().flat_map(Shelf::parts).filter_map(|p| p.range()).map(|(_, t)| t / 1_000_000).max();
        let longest = options.retention_ms.max(options.container_retention_ms);
        let steady = Mutex::new(Steady::since(newest, clock.now_ms(), longest));
        let maintenance = Mutex::new(());
        let store = Self { options, clock, metrics, shelves, warnings, retention, maintenance, steady };
        store.count_parts();
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
        *self.retention.read()
    }

    /// Changes what is kept, from the next maintenance on.
    pub fn set_retention(&self, retention: Retention) {
        *self.retention.write() = retention;
    }

    /// Makes everything durable. The store may be dropped without it: the log has every acknowledged event.
    pub fn close(&self) -> Result<()> {
        self.shelves.iter().try_for_each(|shelf| shelf.log.sync())
    }

    fn shelf(&self, kind: EventKind) -> &Shelf {
        match kind {
            EventKind::Container => &self.shelves[0],
            EventKind::Log => &self.shelves[1],
            EventKind::Span => &self.shelves[2],
        }
    }

    fn count_parts(&self) {
        self.metrics.parts.set(self.shelves.iter().map(|s| s.parts().len() as i64).sum());
    }

    fn check_tenant(&self, tenant: &Tenant) -> Result<()> {
        if tenant.as_str() == Tenant::DEFAULT {
            return Ok(());
        }
        Err(Error::not_found(format_args!("tenant {:?} does not exist", tenant.as_str())))
    }
}

impl EventWriter for Store {
    fn append(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        events: &[Event],
        position: Option<Position<'_>>,
    ) -> Result<Appended> {
        self.check_tenant(tenant)?;
        let appended = self.shelf(kind).append(events, position, &self.options, self.clock.now_ms())?;
        self.metrics.appended.inc_by(appended.accepted as u64);
        self.metrics.rejected.inc_by(appended.rejected.len() as u64);
        Ok(appended)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.shelves.iter().find_map(|shelf| shelf.position(source))
    }
}
