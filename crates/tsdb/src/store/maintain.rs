//! What must be done from time to time.

use std::sync::atomic::Ordering;

use disk::log::SyncPolicy;
use model::{Error, Result};

use super::Store;

/// Compactions in one call, so that it comes to an end.
const COMPACTIONS: usize = 16;

impl Store {
    /// Syncs the log, flushes, compacts, applies retention and makes summaries where due. Called every few seconds.
    pub fn maintain(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        let result = match self.maintain_all() {
            Err(_) if self.is_closing() => Ok(()),
            result => result,
        };
        if result.is_err() {
            self.metrics.failures.inc();
        }
        self.show_figures();
        result
    }

    /// The store is about to be closed: what upkeep can do another time ends soon, and is not begun again.
    pub fn begin_close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Ends long work with an error where the store is about to be closed.
    pub(super) fn go_on(&self) -> Result<()> {
        if self.is_closing() { Err(Error::unavailable("the store is being closed")) } else { Ok(()) }
    }

    fn maintain_all(&self) -> Result<()> {
        self.log.commit(self.log.enqueued())?;
        if self.options.sync != SyncPolicy::Off {
            self.log.sync()?;
        }
        self.feed.release()?;
        self.blocks.clear_leftovers()?;
        for level in &self.tiers.levels {
            level.blocks.clear_leftovers()?;
        }
        self.blocks.quarantine()?;
        // Before the flush: where the disk is full, this makes room for it.
        self.apply_retention(false)?;
        self.write_what_is_due().inspect_err(|_| {
            if !self.is_closing() {
                self.metrics.named.compactions_failed.inc();
            }
        })?;
        self.apply_retention(true)?;
        self.go_on()?;
        self.maintain_tiers()
    }

    /// The time that ages are held against.
    pub(super) fn retention_now(&self) -> i64 {
        self.steady.lock().look(self.clock.now_ms())
    }

    fn write_what_is_due(&self) -> Result<()> {
        if self.flush_is_due()? {
            self.flush_locked()?;
        }
        for _ in 0..COMPACTIONS {
            self.go_on()?;
            if !self.compact_once()? {
                break;
            }
        }
        Ok(())
    }

    /// Older samples are not kept: by the clock, unless it has just stepped far forward.
    pub(super) fn oldest_kept(&self, now: i64) -> i64 {
        match self.retention().longest_ms() {
            0 => i64::MIN + 1,
            time_ms => self.steady.lock().look(now).saturating_sub(time_ms),
        }
    }
}
