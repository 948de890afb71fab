//! From the hash of a series' raw label bytes to its reference.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use model::SeriesRef;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Shards, so that requests on several threads do not wait for each other.
const SHARDS: usize = 16;

/// A bounded, sharded map. The hash is seeded at random: nobody outside can aim for a collision.
pub(crate) struct RefCache {
    seed: u64,
    shards: [Mutex<HashMap<u128, SeriesRef, BuildHasherDefault<Hashed>>>; SHARDS],
    per_shard: usize,
}

/// Passes a key through that is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

impl RefCache {
    /// Remembers at most about `limit` series; a full shard starts anew.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            seed: RandomState::new().build_hasher().finish(),
            shards: std::array::from_fn(|_| Mutex::default()),
            per_shard: limit.div_ceil(SHARDS).max(1),
        }
    }

    /// The key of a series with these raw label bytes.
    pub(crate) fn key(&self, raw: &[u8]) -> u128 {
        xxh3_128_with_seed(raw, self.seed)
    }

    /// The key of a series with this canonical form: another seed, so that it is no key of raw bytes.
    pub(crate) fn key_of_form(&self, form: &str) -> u128 {
        xxh3_128_with_seed(form.as_bytes(), self.seed.wrapping_add(1))
    }

    fn shard(&self, key: u128) -> &Mutex<HashMap<u128, SeriesRef, BuildHasherDefault<Hashed>>> {
        &self.shards[(key >> 124) as usize % SHARDS]
    }

    pub(crate) fn get(&self, key: u128) -> Option<SeriesRef> {
        self.shard(key).lock().get(&key).copied()
    }

    pub(crate) fn put(&self, key: u128, series: SeriesRef) {
        let mut shard = self.shard(key).lock();
        if shard.len() >= self.per_shard {
            shard.clear();
        }
        shard.insert(key, series);
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}
