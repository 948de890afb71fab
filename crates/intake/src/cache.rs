//! From the hash of a series' raw label bytes to its reference.
//!
//! Senders name their series in the same order again and again. Entries stand in the order in which they came, so the
//! next series of a request is most often the next entry: one comparison in memory that is on its way already, where a
//! table costs a miss.

use std::hash::{BuildHasher, Hasher, RandomState};

use hashbrown::HashTable;
use model::SeriesRef;
use parking_lot::{RwLock, RwLockReadGuard};
use xxhash_rust::xxh3::xxh3_128_with_secret;

/// A bounded map. The hash is seeded at random: nobody outside can aim for a collision.
pub(crate) struct RefCache {
    /// Of raw label bytes, and of canonical forms: so that no key of one is a key of the other.
    secrets: [[u8; 192]; 2],
    known: RwLock<Known>,
    limit: usize,
}

/// A key in halves: with 128 bits in one piece an entry would take 32 bytes and not 24.
struct Entry {
    halves: [u64; 2],
    series: SeriesRef,
}

impl Entry {
    #[inline]
    fn key(&self) -> u128 {
        u128::from(self.halves[0]) << 64 | u128::from(self.halves[1])
    }
}

#[derive(Default)]
struct Known {
    entries: Vec<Entry>,
    /// Places in `entries`.
    places: HashTable<u32>,
}

impl Known {
    fn place(&self, key: u128) -> Option<usize> {
        // Places of the table are those of entries: both are emptied together.
        self.places.find(key as u64, |at| self.entries[*at as usize].key() == key).map(|at| *at as usize)
    }
}

/// Looks keys up one after the other. Nothing can be put while it lives.
pub(crate) struct Lookup<'a> {
    known: RwLockReadGuard<'a, Known>,
    next: usize,
}

impl Lookup<'_> {
    #[inline]
    pub(crate) fn get(&mut self, key: u128) -> Option<SeriesRef> {
        if let Some(expected) = self.known.entries.get(self.next)
            && expected.key() == key
        {
            self.next += 1;
            return Some(expected.series);
        }
        let at = self.known.place(key)?;
        self.next = at + 1;
        self.known.entries.get(at).map(|e| e.series)
    }
}

impl RefCache {
    /// Remembers at most `limit` series; where there are more, it starts anew.
    pub(crate) fn new(limit: usize) -> Self {
        // The standard library seeds this randomly.
        let random = RandomState::new();
        let word = |n: u64| {
            let mut hasher = random.build_hasher();
            hasher.write_u64(n);
            hasher.finish().to_le_bytes()
        };
        let secret = |from: u64| std::array::from_fn(|at| word(from + at as u64 / 8)[at % 8]);
        let limit = limit.clamp(1, u32::MAX as usize);
        Self { secrets: [secret(0), secret(24)], known: RwLock::default(), limit }
    }

    /// The key of a series with these raw label bytes.
    #[inline]
    pub(crate) fn key(&self, raw: &[u8]) -> u128 {
        xxh3_128_with_secret(raw, &self.secrets[0])
    }

    /// The key of a series with this canonical form.
    pub(crate) fn key_of_form(&self, form: &str) -> u128 {
        xxh3_128_with_secret(form.as_bytes(), &self.secrets[1])
    }

    pub(crate) fn lookup(&self) -> Lookup<'_> {
        Lookup { known: self.known.read(), next: 0 }
    }

    /// Remembers series, the later ones where a key is there already.
    pub(crate) fn put(&self, found: impl Iterator<Item = (u128, SeriesRef)>) {
        let mut known = self.known.write();
        for (key, series) in found {
            if let Some(at) = known.place(key) {
                known.entries[at].series = series;
                continue;
            }
            if known.entries.len() >= self.limit {
                known.entries.clear();
                known.places.clear();
            }
            let Known { entries, places } = &mut *known;
            let at = entries.len() as u32;
            entries.push(Entry { halves: [(key >> 64) as u64, key as u64], series });
            places.insert_unique(key as u64, at, |at| entries[*at as usize].halves[1]);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.known.read().entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::num::NonZeroU64;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_in_any_order(steps in prop::collection::vec((0u64..40, any::<bool>()), 1..300)) {
            let cache = RefCache::new(1000);
            let mut map = HashMap::new();
            for (n, (name, put)) in (1..).zip(steps) {
                let key = cache.key(&name.to_le_bytes());
                if put {
                    let series = SeriesRef(NonZeroU64::new(n).unwrap());
                    cache.put(std::iter::once((key, series)));
                    map.insert(name, series);
                }
                let mut lookup = cache.lookup();
                for other in 0..40u64 {
                    prop_assert_eq!(lookup.get(cache.key(&other.to_le_bytes())), map.get(&other).copied());
                }
            }
        }
    }

    #[test]
    fn a_full_cache_starts_anew() {
        let cache = RefCache::new(2);
        let series = SeriesRef(NonZeroU64::MIN);
        cache.put((0..5u8).map(|n| (cache.key(&[n]), series)));
        assert_eq!(cache.len(), 1);
        assert_eq!(cache.lookup().get(cache.key(&[4])), Some(series));
        assert_eq!(cache.lookup().get(cache.key(&[0])), None);
        assert_ne!(cache.key(b"a"), cache.key_of_form("a"));
    }
}
