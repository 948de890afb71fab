//! What must be done from time to time.

use disk::log::SyncPolicy;
use model::Result;
use tracing::info;

use super::Store;

/// Compactions in one call, so that it comes to an end.
const COMPACTIONS: usize = 16;

impl Store {
    /// Syncs the log, flushes, compacts and applies retention where due. Called every few seconds.
    pub fn maintain(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        let result = self.maintain_all();
        if result.is_err() {
            self.metrics.failures.inc();
        }
        self.show_figures();
        result
    }

    fn maintain_all(&self) -> Result<()> {
        self.log.commit(self.log.enqueued())?;
        if self.options.sync != SyncPolicy::Off {
            self.log.sync()?;
        }
        self.feed.release()?;
        self.blocks.clear_leftovers()?;
        self.blocks.quarantine()?;
        // Before the flush: where the disk is full, this makes room for it.
        self.apply_retention()?;
        self.write_what_is_due().inspect_err(|_| {
            self.metrics.named.compactions_failed.inc();
        })?;
        self.apply_retention()
    }

    fn write_what_is_due(&self) -> Result<()> {
        if self.flush_is_due()? {
            self.flush_locked()?;
        }
        for _ in 0..COMPACTIONS {
            if !self.compact_once()? {
                break;
            }
        }
        Ok(())
    }

    /// Older samples are not kept: by the clock, unless it has just stepped far forward.
    pub(super) fn oldest_kept(&self, now: i64) -> i64 {
        match self.options.retention_ms {
            0 => i64::MIN + 1,
            retention => self.steady.lock().look(now).saturating_sub(retention),
        }
    }

    fn apply_retention(&self) -> Result<()> {
        if self.options.retention_ms > 0 {
            let oldest = self.oldest_kept(self.clock.now_ms());
            let all = self.blocks.all();
            let expired: Vec<_> = all.iter().filter(|b| b.meta.range.end < oldest).cloned().collect();
            if !expired.is_empty() {
                self.metrics.named.by_time.inc();
            }
            self.drop_blocks(&expired, "older than the retention")?;
        }
        let mut by_age: Vec<_> = self.blocks.all().iter().cloned().collect();
        by_age.sort_by_key(|b| b.meta.range.end);
        let sizes: Vec<u64> = by_age.iter().map(|b| b.bytes).collect();
        let room = self.size_limit.saturating_sub(self.log.bytes()?).saturating_sub(self.feed.bytes());
        let too_many = disk::space::oldest_to_remove(&sizes, room);
        if too_many > 0 {
            self.metrics.named.by_size.inc();
        }
        self.drop_blocks(&by_age[..too_many], "over the size limit")
    }

    fn drop_blocks(&self, doomed: &[std::sync::Arc<crate::block::Block>], why: &str) -> Result<()> {
        if doomed.is_empty() {
            return Ok(());
        }
        for block in doomed {
            info!(block = block.name, "block removed: {why}");
        }
        self.blocks.replace(doomed, Vec::new())
    }
}
