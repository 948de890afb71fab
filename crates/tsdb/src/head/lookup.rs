//! From the bytes of a label set to its series, without an allocation: a seeded hash leads to the few slots that may have
//! it, and the index says which has. The seed is random, so nobody outside can prepare many label sets with one hash.

use std::hash::{BuildHasher, Hasher, RandomState};

use hashbrown::HashTable;
use model::hashing::Parts;
use parking_lot::RwLock;

use super::series::Slot;

/// A hash in two halves: this is why an entry takes 12 bytes and not 16.
#[derive(Clone, Copy)]
struct Entry {
    hash: [u32; 2],
    slot: Slot,
}

impl Entry {
    fn hash(&self) -> u64 {
        u64::from(self.hash[0]) << 32 | u64::from(self.hash[1])
    }
}

/// Slots of known series by the hash of their labels.
pub(crate) struct Lookup {
    seed: u64,
    parts: Parts,
    tables: Vec<RwLock<HashTable<Entry>>>,
}

impl Lookup {
    pub(crate) fn new() -> Self {
        // The standard library seeds this randomly.
        let seed = RandomState::new().build_hasher().finish();
        let tables = (0..Parts::COUNT).map(|_| RwLock::new(HashTable::new())).collect();
        Self { seed, parts: Parts::new(), tables }
    }

    /// The hash by which a label set is found.
    #[inline]
    pub(crate) fn hash(&self, canonical: &str) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(canonical.as_bytes(), self.seed)
    }

    fn table(&self, hash: u64) -> &RwLock<HashTable<Entry>> {
        &self.tables[self.parts.of((hash >> 40) as u8)]
    }

    /// The slot with this hash that `is` the one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        self.table(hash).read().find(hash, |e| e.hash() == hash && is(e.slot)).map(|e| e.slot)
    }

    pub(crate) fn insert(&self, hash: u64, slot: Slot) {
        let entry = Entry { hash: [(hash >> 32) as u32, hash as u32], slot };
        self.table(hash).write().insert_unique(hash, entry, Entry::hash);
    }

    pub(crate) fn remove(&self, hash: u64, slot: Slot) {
        if let Ok(entry) = self.table(hash).write().find_entry(hash, |e| e.slot == slot) {
            entry.remove();
        }
    }
}
