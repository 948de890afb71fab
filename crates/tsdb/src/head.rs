//! What is in memory: the index of active series, and their samples since the last flush.
//!
//! Samples live in shards (series number modulo the number of shards). A batch locks every shard it touches at once,
//! a reader all of them, so that a batch is seen whole or not at all. At a flush the samples of all shards are taken
//! out together ([`Frozen`]); they stay readable until their block is published.

mod arena;
mod buffers;
mod histograms;
mod index;
mod lists;
mod lookup;
mod pins;
mod postings;
mod series;
mod shard;
mod snapshot;

use std::sync::Arc;

use model::TimeRange;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use index::{Index, Limits, Listed};
pub(crate) use lookup::Lookup;
pub(crate) use pins::Pin;

pub(crate) use series::{SeriesId, Slot};
pub(crate) use shard::{Encoded, Frozen, FrozenShard, NOTHING, Outcome, Rules, Shard};
pub(crate) use snapshot::{Decoder, HeadPiece, Snapshot, touch};

/// Shards of the samples. A power of two.
pub(crate) const SHARDS: usize = 8;

/// The samples in memory.
pub(crate) struct Head {
    shards: Vec<RwLock<Shard>>,
    frozen: RwLock<Option<Arc<Frozen>>>,
}

impl Head {
    /// An empty head that takes memory without asking, as a replay must: what is in the log was acknowledged.
    pub(crate) fn new() -> Self {
        let shard = || RwLock::new(Shard::new(model::Budget::unlimited()));
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), frozen: RwLock::new(None) }
    }

    /// From here on memory is taken from `budget`.
    pub(crate) fn adopt(&self, budget: &model::Budget) {
        self.shards.iter().for_each(|shard| shard.write().adopt(budget));
    }

    /// The shard of a slot.
    pub(crate) fn shard_of(slot: Slot) -> usize {
        slot as usize % SHARDS
    }

    /// The place of a slot in its shard.
    pub(crate) fn place_of(slot: Slot) -> usize {
        slot as usize / SHARDS
    }

    pub(crate) fn write(&self, shard: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[shard].write()
    }

    /// All shards, locked for reading in their order.
    pub(crate) fn read_all(&self) -> Vec<RwLockReadGuard<'_, Shard>> {
        self.shards.iter().map(RwLock::read).collect()
    }

    /// From the oldest to the newest sample in memory, what a flush took out and has not published included.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        // In this order: what a flush takes out meanwhile is seen in one of the two.
        let now = self.read_all().iter().filter_map(|shard| shard.current().range()).reduce(TimeRange::union);
        let frozen = self.frozen();
        let out = frozen.iter().flat_map(|frozen| frozen.shards.iter().filter_map(FrozenShard::range));
        now.into_iter().chain(out).reduce(TimeRange::union)
    }

    /// What a flush took out and has not published yet.
    pub(crate) fn frozen(&self) -> Option<Arc<Frozen>> {
        self.frozen.read().clone()
    }

    /// Takes all samples out, atomically for readers. The caller keeps appends away.
    pub(crate) fn freeze(&self) -> Arc<Frozen> {
        let mut shards: Vec<_> = self.shards.iter().map(RwLock::write).collect();
        let frozen = Arc::new(Frozen { shards: shards.iter_mut().map(|s| s.freeze()).collect() });
        *self.frozen.write() = Some(Arc::clone(&frozen));
        frozen
    }

    /// Forgets what was taken out: it is in blocks now.
    pub(crate) fn thaw(&self) {
        *self.frozen.write() = None;
    }
}
