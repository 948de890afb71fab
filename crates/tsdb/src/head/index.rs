//! Labels of the series in memory, and which series have a label pair.
//!
//! A series is a list of pair numbers; a pair is a name number, a value and its postings. So a label set costs four
//! bytes a label, and each distinct value is stored once.

use std::cmp::Ordering;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use model::labels::put;
use model::{Budget, Error, Labels, Matcher, Reservation, Result};
use roaring::RoaringBitmap;

use super::postings::Postings;
use super::series::{SeriesId, Slot};
use crate::matching::{self, PostingSource};

/// What the index may grow to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_series: usize,
    pub(crate) max_labels_bytes: usize,
}

struct Pair {
    name: u32,
    value: Box<str>,
    postings: Postings,
}

struct Name {
    text: Box<str>,
    /// Numbers of its pairs, by value.
    values: HashTable<u32>,
}

struct Entry {
    labels: Box<[u32]>,
    /// Of the series that is there, or that will be next.
    generation: u32,
    live: bool,
}

pub(crate) struct Index {
    hasher: RandomState,
    names: Vec<Name>,
    pairs: Vec<Pair>,
    free_pairs: Vec<u32>,
    series: Vec<Entry>,
    free: Vec<Slot>,
    live: RoaringBitmap,
    limits: Limits,
    reserved: Reservation,
    used: u64,
}

/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 256 << 10;
/// Rough cost of a series beside its label list: entry, lookup, state, a share of the bitmaps.
const SERIES_COST: u64 = 120;
/// Rough cost of a new pair beside its value.
const PAIR_COST: u64 = 120;

impl Index {
    pub(crate) fn new(limits: Limits, budget: &Budget) -> Result<Self> {
        Ok(Self {
            hasher: RandomState::default(),
            names: Vec::new(),
            pairs: Vec::new(),
            free_pairs: Vec::new(),
            series: Vec::new(),
            free: Vec::new(),
            live: RoaringBitmap::new(),
            limits,
            reserved: budget.reserve(0)?,
            used: 0,
        })
    }

    /// Series that are there.
    pub(crate) fn live(&self) -> &RoaringBitmap {
        &self.live
    }

    /// Adds a series that is not there, or refuses (kind `Limited`).
    pub(crate) fn create(&mut self, labels: &Labels) -> Result<SeriesId> {
        self.admit(labels)?;
        Ok(self.restore(labels))
    }

    fn admit(&mut self, labels: &Labels) -> Result<()> {
        let bytes = labels.canonical().len();
        if bytes > self.limits.max_labels_bytes {
            let most = self.limits.max_labels_bytes;
            return Err(Error::limited(format_args!("label set of {bytes} bytes, allowed are {most}")));
        }
        if self.live.len() >= self.limits.max_series as u64 {
            let most = self.limits.max_series;
            return Err(Error::limited(format_args!("{most} series are in memory, which is the limit")));
        }
        let bytes = self.cost(labels);
        if self.used + bytes > self.reserved.bytes() {
            self.reserved.grow(bytes.max(STEP))?;
        }
        Ok(())
    }

    /// Counts what a replay restored against the budget, if it fits.
    pub(crate) fn adopt(&mut self) {
        let more = self.used.saturating_sub(self.reserved.bytes());
        if self.reserved.grow(more).is_err() {
            self.used = self.reserved.bytes(); // what is held does not count: only what comes does
        }
    }

    /// Rough bytes of a new series.
    fn cost(&self, labels: &Labels) -> u64 {
        let new = labels.iter().filter(|(n, v)| self.find_pair(n, v).is_none());
        let pairs: u64 = new.map(|(_, v)| PAIR_COST + v.len() as u64).sum();
        SERIES_COST + 4 * labels.len() as u64 + pairs
    }

    /// Adds a series that is not there and was admitted, now or before a restart.
    pub(crate) fn restore(&mut self, labels: &Labels) -> SeriesId {
        self.used += self.cost(labels);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.series.push(Entry { labels: Box::default(), generation: 1, live: false });
                (self.series.len() - 1) as Slot
            }
        };
        let pairs: Box<[u32]> = labels.iter().map(|(name, value)| self.pair(name, value)).collect();
        for pair in &pairs {
            self.pairs[*pair as usize].postings.insert(slot);
        }
        self.live.insert(slot);
        let entry = &mut self.series[slot as usize];
        entry.labels = pairs;
        entry.live = true;
        SeriesId { slot, generation: entry.generation }
    }

    fn find_name(&self, name: &str) -> Option<usize> {
        // A store has some hundred names at most times; the first ones are the frequent ones.
        self.names.iter().position(|n| &*n.text == name)
    }

    fn find_pair(&self, name: &str, value: &str) -> Option<u32> {
        let name = self.find_name(name)?;
        let hash = self.hasher.hash_one(value);
        self.names[name].values.find(hash, |p| &*self.pairs[*p as usize].value == value).copied()
    }

    fn pair(&mut self, name: &str, value: &str) -> u32 {
        if let Some(pair) = self.find_pair(name, value) {
            return pair;
        }
        let name = self.find_name(name).unwrap_or_else(|| {
            self.names.push(Name { text: name.into(), values: HashTable::new() });
            self.names.len() - 1
        });
        let pair = Pair { name: name as u32, value: value.into(), postings: Postings::default() };
        let number = match self.free_pairs.pop() {
            Some(number) => {
                self.pairs[number as usize] = pair;
                number
            }
            None => {
                self.pairs.push(pair);
                (self.pairs.len() - 1) as u32
            }
        };
        let (hasher, pairs) = (&self.hasher, &self.pairs);
        let hash = hasher.hash_one(value);
        self.names[name].values.insert_unique(hash, number, |p| hasher.hash_one(&*pairs[*p as usize].value));
        number
    }

    /// Takes a series out; its slot may be used again, under the next generation.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let Some(entry) = self.series.get_mut(slot as usize).filter(|e| e.live) else { return };
        let labels = std::mem::take(&mut entry.labels);
        entry.live = false;
        // Generation 0 means "no series".
        entry.generation = entry.generation.checked_add(1).unwrap_or(1);
        self.live.remove(slot);
        self.free.push(slot);
        let mut freed = SERIES_COST + 4 * labels.len() as u64;
        for number in labels {
            let pair = &mut self.pairs[number as usize];
            pair.postings.remove(slot);
            if pair.postings.len() == 0 {
                let value = std::mem::take(&mut pair.value);
                let hash = self.hasher.hash_one(&*value);
                if let Ok(found) = self.names[pair.name as usize].values.find_entry(hash, |p| *p == number) {
                    found.remove();
                }
                freed += PAIR_COST + value.len() as u64;
                self.free_pairs.push(number);
            }
        }
        self.used = self.used.saturating_sub(freed);
    }

    /// The series in a slot.
    pub(crate) fn id(&self, slot: Slot) -> Option<SeriesId> {
        let entry = self.series.get(slot as usize).filter(|e| e.live)?;
        Some(SeriesId { slot, generation: entry.generation })
    }

    /// Writes the canonical form of a series' labels to `out` (cleared); whether there is such a series.
    pub(crate) fn canonical(&self, slot: Slot, out: &mut String) -> bool {
        out.clear();
        let Some(entry) = self.series.get(slot as usize).filter(|e| e.live) else { return false };
        // The list is in the order of the canonical form it was made from.
        for number in &entry.labels {
            let pair = &self.pairs[*number as usize];
            put(out, &self.names[pair.name as usize].text);
            put(out, &pair.value);
        }
        true
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, slot: Slot, scratch: &mut String) -> Option<Labels> {
        if self.canonical(slot, scratch) { Labels::from_canonical(scratch) } else { None }
    }

    /// The order of two series by their labels (names and values in turn).
    pub(crate) fn compare(&self, a: Slot, b: Slot) -> Ordering {
        let labels = |slot: Slot| self.series.get(slot as usize).map_or(&[][..], |e| &e.labels[..]);
        for (a, b) in labels(a).iter().zip(labels(b)) {
            if a != b {
                let (a, b) = (&self.pairs[*a as usize], &self.pairs[*b as usize]);
                let name = |pair: &Pair| &*self.names[pair.name as usize].text;
                return (name(a), &*a.value).cmp(&(name(b), &*b.value));
            }
        }
        labels(a).len().cmp(&labels(b).len())
    }

    /// Slots of the series that satisfy all matchers.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Result<RoaringBitmap> {
        matching::select(self, matchers)
    }

    /// Names that one of `series` (all, where `None`) has.
    pub(crate) fn label_names(&self, series: Option<&RoaringBitmap>, add: &mut dyn FnMut(&str)) {
        for name in &self.names {
            let mut pairs = name.values.iter().map(|p| &self.pairs[*p as usize]);
            if pairs.any(|p| series.is_none_or(|s| p.postings.meets(s))) {
                add(&name.text);
            }
        }
    }

    /// Values of `name` that one of `series` (all, where `None`) has.
    pub(crate) fn label_values(&self, name: &str, series: Option<&RoaringBitmap>, add: &mut dyn FnMut(&str)) {
        let Some(name) = self.find_name(name) else { return };
        for number in self.names[name].values.iter() {
            let pair = &self.pairs[*number as usize];
            if series.is_none_or(|s| pair.postings.meets(s)) {
                add(&pair.value);
            }
        }
    }

    /// Every label pair with the number of its series.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.names.iter().flat_map(move |name| {
            name.values.iter().map(move |p| {
                let pair = &self.pairs[*p as usize];
                (&*name.text, &*pair.value, pair.postings.len())
            })
        })
    }
}

impl PostingSource for Index {
    fn all(&self) -> Result<RoaringBitmap> {
        Ok(self.live.clone())
    }

    fn equal(&self, name: &str, value: &str) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        if let Some(pair) = self.find_pair(name, value) {
            self.pairs[pair as usize].postings.union_into(&mut found);
        }
        Ok(found)
    }

    fn values(
        &self,
        name: &str,
        prefix: &str,
        accept: &mut dyn FnMut(&str) -> bool,
    ) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        if let Some(name) = self.find_name(name) {
            for number in self.names[name].values.iter() {
                let pair = &self.pairs[*number as usize];
                if pair.value.starts_with(prefix) && accept(&pair.value) {
                    pair.postings.union_into(&mut found);
                }
            }
        }
        Ok(found)
    }
}
