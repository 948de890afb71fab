//! From the bytes of a label set to its series, without an allocation: a seeded hash leads to the few slots that may have
//! it, and the index says which has. The seed is random, so nobody outside can prepare many label sets with one hash.

mod table;

use std::hash::{BuildHasher, Hasher, RandomState};

use parking_lot::RwLock;

use super::series::Slot;
use table::Table;

/// Tables as a power of two. Growing one of many is short, and takes the memory of one more.
const TABLES: u32 = 6;

/// Slots of known series by the hash of their labels.
pub(crate) struct Lookup {
    seed: u64,
    /// Each has the hashes that begin with its number.
    tables: Vec<RwLock<Table>>,
}

/// The table of a hash, and what of the hash is kept there.
fn split(hash: u64) -> (usize, u32) {
    ((hash >> (64 - TABLES)) as usize, (hash >> (32 - TABLES)) as u32)
}

impl Lookup {
    pub(crate) fn new() -> Self {
        // The standard library seeds this randomly.
        let seed = RandomState::new().build_hasher().finish();
        Self { seed, tables: (0..1 << TABLES).map(|_| RwLock::new(Table::new())).collect() }
    }

    /// The hash by which a label set is found.
    #[inline]
    pub(crate) fn hash(&self, canonical: &str) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(canonical.as_bytes(), self.seed)
    }

    /// The slot with this hash that `is` the one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (table, hash) = split(hash);
        self.tables[table].read().find(hash, is)
    }

    pub(crate) fn insert(&self, hash: u64, slot: Slot) {
        let (table, hash) = split(hash);
        self.tables[table].write().insert(hash, slot);
    }

    pub(crate) fn remove(&self, hash: u64, slot: Slot) {
        let (table, hash) = split(hash);
        self.tables[table].write().remove(hash, slot);
    }
}
