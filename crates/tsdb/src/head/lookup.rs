//! From the bytes of a label set to its series, without an allocation: a seeded 128-bit hash leads straight to the
//! reference. The seed is random, so nobody outside can prepare two label sets with one hash.

use std::hash::{BuildHasher, Hasher, RandomState};

use hashbrown::HashTable;
use model::SeriesRef;
use parking_lot::RwLock;

const PARTS: usize = 16;

#[derive(Clone, Copy)]
struct Entry {
    high: u64,
    low: u64,
    series: SeriesRef,
}

/// Known series by the hash of their labels.
pub(crate) struct Lookup {
    seed: u64,
    parts: Vec<RwLock<HashTable<Entry>>>,
}

impl Lookup {
    pub(crate) fn new() -> Self {
        // The standard library seeds this randomly.
        let seed = RandomState::new().build_hasher().finish();
        Self { seed, parts: (0..PARTS).map(|_| RwLock::new(HashTable::new())).collect() }
    }

    /// The hash by which a label set is found.
    #[inline]
    pub(crate) fn hash(&self, canonical: &str) -> u128 {
        xxhash_rust::xxh3::xxh3_128_with_seed(canonical.as_bytes(), self.seed)
    }

    fn part(&self, hash: u128) -> &RwLock<HashTable<Entry>> {
        &self.parts[(hash >> 124) as usize % PARTS]
    }

    #[inline]
    pub(crate) fn get(&self, hash: u128) -> Option<SeriesRef> {
        let (high, low) = halves(hash);
        self.part(hash).read().find(low, |e| e.low == low && e.high == high).map(|e| e.series)
    }

    pub(crate) fn insert(&self, hash: u128, series: SeriesRef) {
        let (high, low) = halves(hash);
        self.part(hash).write().insert_unique(low, Entry { high, low, series }, |e| e.low);
    }

    pub(crate) fn remove(&self, hash: u128) {
        let (high, low) = halves(hash);
        if let Ok(entry) = self.part(hash).write().find_entry(low, |e| e.low == low && e.high == high) {
            entry.remove();
        }
    }
}

fn halves(hash: u128) -> (u64, u64) {
    ((hash >> 64) as u64, hash as u64)
}
