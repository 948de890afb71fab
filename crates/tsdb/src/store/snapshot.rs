//! A copy of the store that can be opened as one: blocks under a second name, and a log with what is in no block.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use disk::log::{Log, SyncPolicy};
use disk::{io_error, publish};
use model::{Result, Tenant};
use tracing::info;

use super::Store;
use super::blocks::Blocks;
use crate::tiers;
use crate::wal;

/// Where snapshots are, below the directory of the store.
pub(super) const SNAPSHOTS: &str = "snapshots";

impl Store {
    pub(super) fn publish_snapshot(&self, skip_head: bool) -> Result<String> {
        let _one_at_a_time = self.maintenance.lock();
        if !skip_head {
            self.flush_all()?;
        }
        let snapshots = self.root.join(SNAPSHOTS);
        publish::prepare(&*self.fs, &snapshots)?;
        let name = name(self.clock.now_ms());
        publish::directory(&*self.fs, &snapshots, &name, |dir| self.copy_to(dir, skip_head))?;
        info!(name, "snapshot made");
        Ok(name)
    }

    /// Makes `dir` a copy of everything stored so far, which can be opened as a store: files that do not change any more
    /// get a second name where the file system has links. Whoever calls publishes it.
    pub fn snapshot_to(&self, dir: &Path) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        self.flush_all()?;
        self.copy_to(dir, false)?;
        self.fs.sync_dir(dir).map_err(|e| io_error("sync a directory", dir, &e))
    }

    fn copy_to(&self, dir: &Path, skip_head: bool) -> Result<()> {
        let tenant = dir.join(Tenant::DEFAULT);
        self.copy_blocks(&self.blocks, &tenant.join("blocks"))?;
        publish::prepare(&*self.fs, &tenant.join("tiers"))?;
        for (level, (_, folder)) in self.tiers.levels.iter().zip(tiers::LEVELS) {
            self.copy_blocks(&level.blocks, &tenant.join("tiers").join(folder))?;
        }
        if !skip_head {
            self.copy_knowledge(&tenant.join("wal"))?;
        }
        let sync = self.fs.sync_dir(&tenant);
        sync.map_err(|e| io_error("sync a directory", &tenant, &e))
    }

    fn copy_blocks(&self, blocks: &Blocks, to: &Path) -> Result<()> {
        let fs = &*self.fs;
        publish::prepare(fs, to)?;
        for block in blocks.all().iter().filter(|b| !b.is_broken()) {
            publish::link_or_copy_directory(fs, &blocks.dir().join(&block.name), &to.join(&block.name))?;
        }
        fs.sync_dir(to).map_err(|e| io_error("sync a directory", to, &e))
    }

    /// Metadata, positions and exemplars: they live in the log alone.
    fn copy_knowledge(&self, to: &Path) -> Result<()> {
        let options = disk::log::Options { sync: SyncPolicy::Off, ..disk::log::Options::new(wal::KIND) };
        let (log, _) = Log::open(Arc::clone(&self.fs), to, options, &mut |_, _| Ok(()))?;
        for record in self.knowledge() {
            log.enqueue(&record)?;
        }
        for record in self.kept_exemplars(0).0 {
            log.enqueue(&record)?;
        }
        log.commit(log.enqueued())?;
        log.sync()
    }
}

/// `YYYYMMDDTHHMMSSZ-hex`: the time, and something that two snapshots of one second do not share.
fn name(now_ms: i64) -> String {
    let seconds = now_ms.div_euclid(1_000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let random = RandomState::new().build_hasher().finish();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z-{random:016x}")
}

/// Year, month and day of a number of days since 1970-01-01. The 400-year cycle is counted from a first of March, so
/// that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_time() {
        for (ms, start) in [
            (0, "19700101T000000Z-"),
            (951_782_399_999, "20000228T235959Z-"),
            (951_868_799_000, "20000229T235959Z-"),
            (1_700_000_000_000, "20231114T221320Z-"),
            (4_107_542_400_000, "21000301T000000Z-"),
        ] {
            let name = name(ms);
            assert!(name.starts_with(start) && name.len() == start.len() + 16, "{name}");
        }
        assert_ne!(name(0), name(0));
    }
}
