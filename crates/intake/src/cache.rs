//! From the hash of a series' raw label bytes to its reference.
//!
//! Senders name their series in the same order again and again. Entries stand in the order in which they came, so the
//! next series of a request is most often the next entry: one comparison in memory that is on its way already, where a
//! table costs a miss.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroU64;

use hashbrown::HashTable;
use model::SeriesRef;
use model::hashing::Parts;
use parking_lot::{RwLock, RwLockReadGuard};
use xxhash_rust::xxh3::xxh3_128_with_secret;

/// A full cache starts anew when so many times its size were turned away.
const TURNED_AWAY: usize = 4;

/// A bounded map. The hash is seeded at random: nobody outside can aim for a collision.
pub(crate) struct RefCache {
    /// Of raw label bytes, and of canonical forms: so that no key of one is a key of the other.
    secrets: [[u8; 192]; 2],
    known: RwLock<Known>,
    limit: usize,
}

/// What is kept of a key: 80 bits. That two of ten million series have the same has a chance of one in 10^10.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    /// By which a table sorts.
    halves: [u32; 2],
    /// What else there is, and which table.
    rest: u16,
}

impl Key {
    #[inline]
    fn of(key: u128) -> Self {
        Self { halves: [(key >> 32) as u32, key as u32], rest: (key >> 64) as u16 }
    }

    fn hash(&self) -> u64 {
        u64::from(self.halves[0]) << 32 | u64::from(self.halves[1])
    }
}

/// A series in 20 bytes: whole keys, and numbers in one piece, would make it 32.
struct Entry {
    halves: [u32; 2],
    rest: u16,
    /// How many raw bytes it stands for; 0: more than can be said here, or none.
    length: u16,
    series: [u32; 2],
}

impl Entry {
    #[inline]
    fn key(&self) -> Key {
        Key { halves: self.halves, rest: self.rest }
    }

    #[inline]
    fn series(&self) -> Option<SeriesRef> {
        NonZeroU64::new(u64::from(self.series[0]) << 32 | u64::from(self.series[1])).map(SeriesRef)
    }
}

const fn in_halves(series: SeriesRef) -> [u32; 2] {
    [(series.0.get() >> 32) as u32, series.0.get() as u32]
}

#[derive(Default)]
struct Known {
    entries: Vec<Entry>,
    /// Places in `entries`.
    places: Places,
    /// Series that found no room.
    turned_away: usize,
}

/// Tables that do not all grow at one moment.
struct Places {
    parts: Parts,
    tables: [HashTable<u32>; Parts::COUNT],
}

impl Default for Places {
    fn default() -> Self {
        Self { parts: Parts::new(), tables: std::array::from_fn(|_| HashTable::new()) }
    }
}

impl Known {
    fn place(&self, key: Key) -> Option<usize> {
        let table = &self.places.tables[self.places.parts.of(key.rest as u8)];
        // Places of the tables are those of entries: both are emptied together.
        table.find(key.hash(), |at| self.entries[*at as usize].key() == key).map(|at| *at as usize)
    }

    /// Adds a series whose key is not there.
    fn add(&mut self, key: Key, raw: usize, series: SeriesRef) {
        let at = self.entries.len() as u32;
        let length = u16::try_from(raw).unwrap_or(0);
        let Key { halves, rest } = key;
        self.entries.push(Entry { halves, rest, length, series: in_halves(series) });
        let Self { entries, places: Places { parts, tables }, .. } = self;
        let table = &mut tables[parts.of(rest as u8)];
        table.insert_unique(key.hash(), at, |at| entries[*at as usize].key().hash());
    }

    fn forget(&mut self) {
        *self = Self::default();
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
        let key = Key::of(key);
        if let Some(expected) = self.known.entries.get(self.next)
            && expected.key() == key
        {
            self.next += 1;
            return expected.series();
        }
        let at = self.known.place(key)?;
        self.next = at + 1;
        self.known.entries.get(at).and_then(Entry::series)
    }

    /// How many raw bytes the next series has if it is the one that came next before; 0: no idea.
    #[inline]
    pub(crate) fn guess(&self) -> u16 {
        self.known.entries.get(self.next).map_or(0, |entry| entry.length)
    }
}

impl RefCache {
    /// Remembers at most `limit` series. Where there are more, those that came first stay: senders go round, and a cache
    /// that made room for each would know none of them when it comes again. It starts anew when four times as
    /// many were turned away, so that series that are gone do not stay for ever.
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

    /// Remembers series by key and number of raw bytes, the later ones where a key is there already.
    pub(crate) fn put(&self, found: impl Iterator<Item = (u128, usize, SeriesRef)>) {
        let mut known = self.known.write();
        for (key, raw, series) in found {
            let key = Key::of(key);
            if let Some(at) = known.place(key) {
                known.entries[at].series = in_halves(series);
                continue;
            }
            if known.entries.len() >= self.limit {
                known.turned_away += 1;
                if known.turned_away < self.limit.saturating_mul(TURNED_AWAY) {
                    continue;
                }
                known.forget();
            }
            known.add(key, raw, series);
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
                    cache.put(std::iter::once((key, 8, series)));
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
    fn a_full_cache_keeps_what_it_has_and_starts_anew_in_the_end() {
        let cache = RefCache::new(2);
        let series = SeriesRef(NonZeroU64::MIN);
        let put = |n: u8| cache.put(std::iter::once((cache.key(&[n]), 1, series)));
        let knows = |n: u8| cache.lookup().get(cache.key(&[n])).is_some();
        (0..2 + 2 * TURNED_AWAY as u8 - 1).for_each(put);
        assert!(cache.len() == 2 && knows(0) && knows(1) && !knows(2));
        put(200);
        assert!(cache.len() == 1 && !knows(0) && knows(200));
        assert_ne!(cache.key(b"a"), cache.key_of_form("a"));
    }
}
