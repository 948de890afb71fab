//! The imports under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{CancelFlag, Error, Imported, Result};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{ImportState, shown};

/// Imports at one time; each has memory of its own.
const MOST: usize = 2;
/// Bytes that are kept of a refusal.
const REFUSAL: usize = 1024;

/// An import.
#[derive(Debug)]
pub(crate) struct Running {
    pub(super) id: u64,
    pub(super) format: &'static str,
    pub(super) started_ms: i64,
    received: AtomicU64,
    figures: Mutex<Figures>,
    flag: CancelFlag,
    cancelled: CancellationToken,
}

#[derive(Debug, Default)]
struct Figures {
    /// As the store says.
    report: Imported,
    /// Samples refused before they came to the store, and the first reason.
    refused: u64,
    first_refusal: Option<String>,
}

impl Running {
    pub(super) fn came(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(super) fn report(&self, report: Imported) {
        self.figures.lock().report = report;
    }

    pub(super) fn refuse(&self, samples: u64, mut why: String) {
        let mut figures = self.figures.lock();
        figures.refused += samples;
        figures.first_refusal.get_or_insert_with(|| {
            why.truncate(why.floor_char_boundary(REFUSAL));
            why
        });
    }

    pub(super) fn state(&self) -> ImportState {
        let figures = self.figures.lock();
        let mut report = figures.report;
        report.refused += figures.refused;
        shown(self, report, figures.first_refusal.clone())
    }

    pub(super) fn cancel_flag(&self) -> CancelFlag {
        self.flag.clone()
    }

    pub(super) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    running: Mutex<BTreeMap<u64, Arc<Running>>>,
    next: AtomicU64,
}

impl Imports {
    pub(super) fn begin(&self, format: &'static str, now_ms: i64) -> Result<Arc<Running>> {
        let mut all = self.running.lock();
        if all.len() >= MOST {
            return Err(Error::limited(format_args!("{MOST} imports are under way already; wait for one")));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let running = Arc::new(Running {
            id,
            format,
            started_ms: now_ms,
            received: AtomicU64::new(0),
            figures: Mutex::default(),
            flag: CancelFlag::default(),
            cancelled: CancellationToken::new(),
        });
        all.insert(id, running.clone());
        Ok(running)
    }

    pub(super) fn end(&self, id: u64) {
        self.running.lock().remove(&id);
    }

    pub(super) fn list(&self) -> Vec<ImportState> {
        self.running.lock().values().map(|running| running.state()).collect()
    }

    pub(super) fn cancel(&self, id: u64) -> Option<ImportState> {
        let running = self.running.lock().get(&id).cloned()?;
        running.flag.cancel();
        running.cancelled.cancel();
        Some(running.state())
    }
}
