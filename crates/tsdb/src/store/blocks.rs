//! The blocks of a store: which there are, which were lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::leftovers::Leftovers;
use disk::{Fs, io_error, publish};
use model::{ErrorKind, Result, TimeRange};
use parking_lot::{Mutex, RwLock};
use tracing::warn;

use crate::block::{Block, directory_name, parse_name};
use crate::cache::Cache;
use crate::config::Options;
use crate::metrics::Metrics;

/// Prefix of directories that hold a corrupt block.
const ASIDE: &str = "corrupt-";

/// A block that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) range: TimeRange,
    pub(crate) text: String,
}

pub(crate) struct Blocks {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    /// By rank: earlier ones win.
    list: RwLock<Arc<Vec<Arc<Block>>>>,
    lost: RwLock<Vec<Lost>>,
    cache: Arc<Cache>,
    next: Mutex<u64>,
    /// Blocks that are not in the list and still there. They hold what may be deleted meanwhile.
    leftovers: Leftovers,
    metrics: Metrics,
}

impl Blocks {
    /// See [`crate::Store::shrink_cache`].
    pub(crate) fn shrink_cache(&self) -> u64 {
        self.cache.shrink()
    }

    pub(crate) fn open(fs: &Arc<dyn Fs>, dir: &Path, options: &Options, metrics: &Metrics) -> Result<Self> {
        publish::prepare(&**fs, dir)?;
        let blocks = Self {
            fs: Arc::clone(fs),
            dir: dir.to_owned(),
            list: RwLock::default(),
            lost: RwLock::default(),
            cache: Arc::new(Cache::new(
                options.cache_bytes,
                options.budget.child("the cache of blocks", u64::MAX),
            )),
            next: Mutex::new(1),
            leftovers: Leftovers::default(),
            metrics: metrics.clone(),
        };
        let mut found = Vec::new();
        for entry in fs.list(dir).map_err(|e| io_error("list the blocks", dir, &e))? {
            let name = entry.name.as_str();
            if let Some((number, range)) = parse_name(name.strip_prefix(ASIDE).unwrap_or(name)) {
                let mut next = blocks.next.lock();
                *next = (*next).max(number + 1);
                if name.starts_with(ASIDE) {
                    blocks.remember_lost(name, range);
                } else {
                    found.push((entry.name, range));
                }
            }
        }
        let mut list = Vec::new();
        for (name, range) in found {
            publish::prepare(&**fs, &dir.join(&name))?;
            match Block::open(&**fs, dir, &name, Arc::clone(&blocks.cache)) {
                Ok(block) => list.push(Arc::new(block)),
                // Another version is no damage: say so and touch nothing.
                Err(e) if e.kind == ErrorKind::Conflict => return Err(e),
                Err(e) => {
                    warn!("{e}; it is set aside");
                    blocks.set_aside(&name, range)?;
                }
            }
        }
        // A crash between publishing a compacted block and removing its parents leaves both.
        let replaced: Vec<String> = list.iter().flat_map(|b| b.meta.replaces.iter().cloned()).collect();
        // ... and one that removed all that was deleted may have left a block without samples.
        let empty: Vec<String> =
            list.iter().filter(|b| b.meta.samples == 0).map(|b| b.name.clone()).collect();
        list.retain(|b| b.meta.samples > 0 && !replaced.contains(&b.name));
        for name in replaced.iter().chain(&empty) {
            publish::remove_directory(&**fs, dir, name)?;
        }
        blocks.install(list);
        Ok(blocks)
    }

    fn install(&self, mut list: Vec<Arc<Block>>) {
        list.sort_by_key(|b| (b.meta.rank, b.number));
        self.metrics.blocks.set(list.len() as i64);
        self.metrics.named.block_reloads.inc();
        *self.list.write() = Arc::new(list);
    }

    /// Where they are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The blocks now, by rank.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Block>>> {
        Arc::clone(&self.list.read())
    }

    /// The blocks that cannot be read.
    pub(crate) fn lost(&self) -> Vec<Lost> {
        self.lost.read().clone()
    }

    /// Publishes a block that `write` fills, and opens it. It is not seen before [`Blocks::replace`].
    pub(crate) fn publish<T>(
        &self,
        range: TimeRange,
        write: impl FnOnce(&Path, u64) -> Result<T>,
    ) -> Result<Arc<Block>> {
        let number = {
            let mut next = self.next.lock();
            *next += 1;
            *next - 1
        };
        self.clear_leftovers()?;
        let name = directory_name(number, range);
        let published = publish::directory(&*self.fs, &self.dir, &name, |dir| write(dir, number))
            .and_then(|_| Block::open(&*self.fs, &self.dir, &name, Arc::clone(&self.cache)));
        // It may have its name already.
        published.map(Arc::new).inspect_err(|_| self.abandon(name))
    }

    /// A published block is not wanted after all.
    pub(crate) fn abandon(&self, name: String) {
        self.leftovers.add([name]);
        if let Err(e) = self.clear_leftovers() {
            warn!("{e}; it is tried again");
        }
    }

    /// Removes what errors kept. After an error nothing may be deleted or written.
    pub(crate) fn clear_leftovers(&self) -> Result<()> {
        self.leftovers.clear(&*self.fs, &self.dir)
    }

    /// Shows a published block.
    pub(crate) fn add(&self, block: Arc<Block>) {
        self.install(self.all().iter().cloned().chain([block]).collect());
    }

    /// Shows `new` and removes `old`, for readers in one step.
    pub(crate) fn replace(&self, old: &[Arc<Block>], new: Vec<Arc<Block>>) -> Result<()> {
        let gone = |b: &Arc<Block>| old.iter().any(|o| o.number == b.number);
        let mut list: Vec<_> = self.all().iter().filter(|b| !gone(b)).cloned().collect();
        list.extend(new);
        self.install(list);
        old.iter().for_each(|block| self.cache.forget(block.number));
        self.leftovers.add(old.iter().map(|block| block.name.clone()));
        self.clear_leftovers()
    }

    /// Like [`Blocks::replace`] by one block that says which it replaces; an empty one goes, too.
    pub(crate) fn exchange(&self, old: &[Arc<Block>], new: Arc<Block>) -> Result<Option<Arc<Block>>> {
        if new.meta.samples == 0 {
            // All of it was deleted. The empty block goes last: it says which blocks it replaces.
            let all: Vec<_> = old.iter().cloned().chain([new]).collect();
            self.replace(&all, Vec::new())?;
            return Ok(None);
        }
        self.replace(old, vec![Arc::clone(&new)])?;
        Ok(Some(new))
    }

    /// The highest number that a block has, or had.
    pub(crate) fn last_number(&self) -> u64 {
        *self.next.lock() - 1
    }

    /// Blocks from now on have higher numbers than this.
    pub(crate) fn number_above(&self, number: u64) {
        let mut next = self.next.lock();
        *next = (*next).max(number + 1);
    }

    /// Takes blocks that turned out to be corrupt out of use.
    pub(crate) fn quarantine(&self) -> Result<()> {
        let all = self.all();
        for block in all.iter().filter(|b| b.is_broken()) {
            warn!(block = block.name, "corrupt block is set aside");
            self.set_aside(&block.name, block.meta.range)?;
            self.cache.forget(block.number);
            self.install(self.all().iter().filter(|b| b.number != block.number).cloned().collect());
        }
        Ok(())
    }

    fn set_aside(&self, name: &str, range: TimeRange) -> Result<()> {
        let (from, aside) = (self.dir.join(name), format!("{ASIDE}{name}"));
        let to = self.dir.join(&aside);
        self.fs.rename(&from, &to).map_err(|e| io_error("set a corrupt block aside", &from, &e))?;
        self.metrics.quarantined.inc();
        self.metrics.named.block_failures.inc();
        self.remember_lost(&aside, range);
        if let Err(e) = self.fs.sync_dir(&self.dir) {
            // After a power failure it is found corrupt once more.
            warn!("{}", io_error("sync a directory", &self.dir, &e));
        }
        Ok(())
    }

    fn remember_lost(&self, name: &str, range: TimeRange) {
        let text = format!(
            "block {name} ({} to {} ms) is corrupt and was set aside; its samples are missing",
            range.start, range.end
        );
        self.lost.write().push(Lost { range, text });
    }
}
