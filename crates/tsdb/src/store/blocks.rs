//! The blocks of a store: which there are, which were lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

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
        let name = directory_name(number, range);
        publish::directory(&*self.fs, &self.dir, &name, |dir| write(dir, number))?;
        Ok(Arc::new(Block::open(&*self.fs, &self.dir, &name, Arc::clone(&self.cache))?))
    }

    /// Shows `new` and removes `old`, for readers in one step.
    pub(crate) fn replace(&self, old: &[Arc<Block>], new: Vec<Arc<Block>>) -> Result<()> {
        let gone = |b: &Arc<Block>| old.iter().any(|o| o.number == b.number);
        let mut list: Vec<_> = self.all().iter().filter(|b| !gone(b)).cloned().collect();
        list.extend(new);
        self.install(list);
        for block in old {
            self.cache.forget(block.number);
            publish::remove_directory(&*self.fs, &self.dir, &block.name)?;
        }
        Ok(())
    }

    /// Takes blocks that turned out to be corrupt out of use.
    pub(crate) fn quarantine(&self) -> Result<()> {
        let all = self.all();
        let broken: Vec<_> = all.iter().filter(|b| b.is_broken()).collect();
        if broken.is_empty() {
            return Ok(());
        }
        self.install(all.iter().filter(|b| !b.is_broken()).cloned().collect());
        for block in broken {
            warn!(block = block.name, "corrupt block is set aside");
            self.cache.forget(block.number);
            self.set_aside(&block.name, block.meta.range)?;
        }
        Ok(())
    }

    fn set_aside(&self, name: &str, range: TimeRange) -> Result<()> {
        self.metrics.quarantined.inc();
        self.metrics.named.block_failures.inc();
        let (from, aside) = (self.dir.join(name), format!("{ASIDE}{name}"));
        let to = self.dir.join(&aside);
        self.fs.rename(&from, &to).map_err(|e| io_error("set a corrupt block aside", &from, &e))?;
        self.fs.sync_dir(&self.dir).map_err(|e| io_error("sync a directory", &self.dir, &e))?;
        self.remember_lost(&aside, range);
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
