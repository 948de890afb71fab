//! Snapshots of everything that the data directory keeps, for backups.
//!
//! One lies in `<data>/bonghwa/snapshots/NAME` and has the shape of `<data>/bonghwa`, without the token and what is of this
//! process only. Whoever makes one removes it; what is forgotten goes after a day, and when the server starts.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Fs, io_error, publish};
use model::{Clock, Error, Result};
use parking_lot::Mutex;
use server::Snapshot;

use crate::budgets::Decisions;
use crate::pushes::Pushes;
use crate::stores::Stores;

const FOLDER: &str = "snapshots";
/// A backup takes less.
const FORGOTTEN_MS: i64 = 86_400_000;
/// Each keeps blocks on disk that are gone otherwise.
const MOST: usize = 4;

/// Makes them.
pub(crate) struct Snapshots {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    kept: Kept,
    one_at_a_time: Mutex<()>,
}

/// What the data directory keeps.
pub(crate) struct Kept {
    pub(crate) stores: Stores,
    pub(crate) pushes: Arc<Pushes>,
    pub(crate) deletions: Arc<Pushes>,
    pub(crate) decisions: Arc<Decisions>,
}

impl Snapshots {
    /// Snapshots below `ours`; those of a process before are removed.
    pub(crate) fn open(fs: Arc<dyn Fs>, ours: &Path, clock: Arc<dyn Clock>, kept: Kept) -> Result<Self> {
        let dir = ours.join(FOLDER);
        publish::prepare(&*fs, &dir)?;
        // An absolute path means the same to whoever asks.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        let all = Self { fs, dir, clock, kept, one_at_a_time: Mutex::new(()) };
        for name in all.names()? {
            publish::remove_directory(&*all.fs, &all.dir, &name)?;
        }
        Ok(all)
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = self.fs.list(&self.dir).map_err(|e| io_error("list the snapshots", &self.dir, &e))?;
        Ok(entries
            .into_iter()
            .filter(|e| e.is_dir && !publish::is_temporary(&e.name))
            .map(|e| e.name)
            .collect())
    }

    fn snapshot(&self, name: String) -> Snapshot {
        Snapshot { path: self.dir.join(&name).display().to_string(), name }
    }

    /// Removes those that nobody removed.
    fn forget(&self) -> Result<()> {
        let oldest = self.clock.now_ms().saturating_sub(FORGOTTEN_MS);
        for name in self.names()? {
            if made_ms(&name).is_none_or(|made| made < oldest) {
                tracing::info!(name, "a snapshot that was not removed for a day is removed");
                publish::remove_directory(&*self.fs, &self.dir, &name)?;
            }
        }
        Ok(())
    }
}

/// When a snapshot was made: its name begins with that.
fn made_ms(name: &str) -> Option<i64> {
    name.split_once('-')?.0.parse().ok()
}

impl server::Snapshots for Snapshots {
    fn make(&self) -> Result<Snapshot> {
        let _guard = self.one_at_a_time.lock();
        self.forget()?;
        if self.names()?.len() >= MOST {
            return Err(Error::limited(format_args!(
                "there are {MOST} snapshots already; remove one (DELETE /api/bonghwa/v1/snapshots/NAME)"
            )));
        }
        let name =
            format!("{}-{:08x}", self.clock.now_ms(), RandomState::new().build_hasher().finish() as u32);
        publish::directory(&*self.fs, &self.dir, &name, |dir| {
            for part in ["metrics", "events", "records"] {
                let part = dir.join(part);
                self.fs.create_dir(&part).map_err(|e| io_error("create a folder", &part, &e))?;
            }
            self.kept.stores.samples.snapshot_to(&dir.join("metrics"))?;
            self.kept.stores.events.snapshot_to(&dir.join("events"))?;
            self.kept.stores.records.snapshot_to(&dir.join("records"))?;
            self.kept.pushes.copy_to(self.fs.clone(), dir)?;
            self.kept.deletions.copy_to(self.fs.clone(), dir)?;
            self.kept.decisions.copy_to(self.fs.clone(), dir)
        })?;
        tracing::info!(name, "snapshot of everything made");
        Ok(self.snapshot(name))
    }

    fn list(&self) -> Result<Vec<Snapshot>> {
        Ok(self.names()?.into_iter().map(|name| self.snapshot(name)).collect())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let _guard = self.one_at_a_time.lock();
        if !self.names()?.iter().any(|known| known == name) {
            let shown: String = name.chars().take(80).collect();
            return Err(Error::not_found(format_args!("there is no snapshot {shown:?}")));
        }
        publish::remove_directory(&*self.fs, &self.dir, name)
    }
}
