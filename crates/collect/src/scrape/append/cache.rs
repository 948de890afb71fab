//! What is remembered of a target's series between scrapes.
//!
//! The key is a seeded 128-bit hash of a series as the target writes it, so that a known one costs neither an
//! allocation nor a look at its labels.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use model::{Labels, SeriesRef};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Passes on a key that is a hash already.
#[derive(Default)]
pub(super) struct Hashed(u64);

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

/// One series as the target writes it.
#[derive(Debug)]
pub(super) enum Slot {
    /// A rule drops it.
    Dropped {
        /// Scrape that last had it.
        seen: u64,
    },
    /// It is stored.
    Series(Series),
}

#[derive(Debug)]
pub(super) struct Series {
    /// As stored; empty for a member of a folded series: a target with too many series must not fill this, either.
    pub(super) labels: Labels,
    /// `None` until the store resolved it.
    pub(super) id: Option<SeriesRef>,
    /// Scrape that last had it.
    pub(super) seen: u64,
    /// Scrape that last had it without a timestamp of its own.
    pub(super) tracked: u64,
    /// Whether it owes a stale marker once it is gone.
    pub(super) live: bool,
    /// One of the scrape's own series (`up` ...): stays whatever the target exposes.
    pub(super) pinned: bool,
    /// Whether its last sample was a native histogram.
    pub(super) histogram: bool,
}

impl Series {
    /// Whether it is a member of a folded series.
    pub(super) fn is_member(&self) -> bool {
        self.id.is_some_and(SeriesRef::is_folded)
    }
}

/// All series of a target.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) slots: HashMap<u128, Slot, BuildHasherDefault<Hashed>>,
    /// Number of the current scrape, from 1.
    pub(super) round: u64,
    seed: u64,
    /// Slots after the last scrape that worked.
    good: usize,
}

impl Cache {
    pub(super) fn new() -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self { slots: HashMap::default(), round: 1, seed, good: 0 }
    }

    pub(super) fn key(&self, series: &[u8]) -> u128 {
        xxh3_128_with_seed(series, self.seed)
    }

    pub(super) fn series(&self, key: u128) -> Option<&Series> {
        match self.slots.get(&key) {
            Some(Slot::Series(series)) => Some(series),
            _ => None,
        }
    }

    /// Remembers a series that is new.
    pub(super) fn add(&mut self, key: u128, series: Series) -> &mut Series {
        self.slots.insert(key, Slot::Series(series));
        match self.slots.get_mut(&key) {
            Some(Slot::Series(series)) => series,
            _ => unreachable!("it was put in just now"),
        }
    }

    pub(super) fn series_mut(&mut self, key: u128) -> Option<&mut Series> {
        match self.slots.get_mut(&key) {
            Some(Slot::Series(series)) => Some(series),
            _ => None,
        }
    }

    /// Series that end with this scrape. After a scrape that failed, `failed`, that is every live one.
    pub(super) fn ended(&self, failed: bool) -> Vec<u128> {
        let round = self.round;
        let ended = self.slots.iter().filter(|(_, slot)| match slot {
            Slot::Series(s) => s.live && !s.pinned && (failed || s.tracked != round),
            Slot::Dropped { .. } => false,
        });
        let mut keys: Vec<u128> = ended.map(|(key, _)| *key).collect();
        if !failed && !keys.is_empty() {
            // The target may write a series in another way than before (labels in another order): it goes on.
            let current: std::collections::HashSet<&Labels> = self.current().map(|s| &s.labels).collect();
            keys.retain(|key| {
                self.series(*key).is_some_and(|s| s.is_member() || !current.contains(&s.labels))
            });
        }
        keys
    }

    fn current(&self) -> impl Iterator<Item = &Series> {
        self.slots.values().filter_map(|slot| match slot {
            Slot::Series(s) if s.tracked == self.round => Some(s),
            _ => None,
        })
    }

    /// Undoes what a scrape that failed has added.
    pub(super) fn roll_back(&mut self) {
        self.slots.retain(|_, slot| !matches!(slot, Slot::Series(s) if s.id.is_none()));
    }

    /// Ends the scrape: remembers who owes a marker and forgets what was not there.
    pub(super) fn finish(&mut self, failed: bool) {
        let round = self.round;
        // A target with ever other series whose scrapes fail must not grow this without bound.
        let overgrown = self.slots.len() > self.good * 2 + 1000;
        self.slots.retain(|_, slot| match slot {
            Slot::Series(s) if s.pinned => true,
            Slot::Series(s) => {
                s.live = !failed && s.tracked == round;
                s.seen == round || (failed && !overgrown)
            }
            Slot::Dropped { seen } => *seen == round || (failed && !overgrown),
        });
        if !failed {
            self.good = self.slots.len();
        }
        self.round += 1;
    }
}
