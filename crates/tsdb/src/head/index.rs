//! Labels of the series in memory, and which series have a label pair.
//!
//! A series is a list of pair numbers; a pair is a name number, a value and its postings. So a label set costs four
//! bytes a label, and each distinct value is stored once. Lists of one length lie side by side (`lists`).

mod restore;

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use model::labels::{self, Iter as Pairs, put};
use model::{Budget, Error, Labels, Matcher, Reservation, Result};
use roaring::RoaringBitmap;

use super::lists::Lists;
use super::pins::{Pin, Pins};
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
    /// Where its pairs are, in the lists of their number.
    at: u32,
    /// Of the series that is there, or that will be next.
    generation: u32,
    labels: u16,
    live: bool,
}

/// A series, and where its pairs are listed. The labels can be read as long as a [`Pin`] of before is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) id: SeriesId,
    at: u32,
    labels: u16,
}

/// What a removed series leaves: its list, and the pairs and names that no other series has.
struct Gone {
    /// The number of the removal.
    removal: u64,
    at: u32,
    labels: usize,
    pairs: Vec<u32>,
    names: Vec<u32>,
}

pub(crate) struct Index {
    hasher: RandomState,
    names: Vec<Name>,
    free_names: Vec<u32>,
    /// Numbers of names, by text.
    numbers: HashTable<u32>,
    pairs: Vec<Pair>,
    free_pairs: Vec<u32>,
    series: Vec<Entry>,
    lists: Lists,
    free: Vec<Slot>,
    live: RoaringBitmap,
    limits: Limits,
    reserved: Reservation,
    used: u64,
    /// Pairs of the series that is being added, where they are known.
    scratch: Vec<Option<u32>>,
    /// Pairs of the series added last; none where one of them may be gone.
    last: Vec<u32>,
    /// Series that were ever removed.
    removals: u64,
    pins: Pins,
    /// In the order of removals.
    gone: VecDeque<Gone>,
    before: restore::Before,
}

/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 256 << 10;
/// Rough cost of a series beside its labels: entry, lookups here and where senders are remembered, state.
const SERIES_COST: u64 = 110;
/// Rough cost of a label: its number, and a share of a bitmap.
const LABEL_COST: u64 = 8;
/// Rough cost of a new pair beside its value.
const PAIR_COST: u64 = 80;

impl Index {
    pub(crate) fn new(limits: Limits, budget: &Budget) -> Result<Self> {
        Ok(Self {
            hasher: RandomState::default(),
            names: Vec::new(),
            free_names: Vec::new(),
            numbers: HashTable::new(),
            pairs: Vec::new(),
            free_pairs: Vec::new(),
            series: Vec::new(),
            lists: Lists::default(),
            free: Vec::new(),
            live: RoaringBitmap::new(),
            limits,
            reserved: budget.reserve(0)?,
            used: 0,
            scratch: Vec::new(),
            last: Vec::new(),
            removals: 0,
            pins: Pins::default(),
            gone: VecDeque::new(),
            before: restore::Before::default(),
        })
    }

    /// Series that are there.
    pub(crate) fn live(&self) -> &RoaringBitmap {
        &self.live
    }

    /// Adds a series that is not there, or refuses (kind `Limited`).
    pub(crate) fn create(&mut self, labels: &Labels) -> Result<SeriesId> {
        let bytes = labels.canonical().len();
        if bytes > self.limits.max_labels_bytes || labels.len() > usize::from(u16::MAX) {
            let most = self.limits.max_labels_bytes;
            return Err(Error::limited(format_args!("label set of {bytes} bytes, allowed are {most}")));
        }
        if self.live.len() >= self.limits.max_series as u64 {
            let most = self.limits.max_series;
            return Err(Error::limited(format_args!("{most} series are in memory, which is the limit")));
        }
        self.settle();
        let cost = self.look_up(labels.iter());
        if self.used + cost > self.reserved.bytes() {
            self.reserved.grow(cost.max(STEP))?;
        }
        self.used += cost;
        Ok(self.add(labels.iter()))
    }

    /// Counts what a replay restored against the budget, whether it fits or not.
    pub(crate) fn adopt(&mut self) {
        self.reserved.claim(self.used.saturating_sub(self.reserved.bytes()));
    }

    /// Finds the pairs of a new series that are known, and says roughly how many bytes the series takes. New series
    /// come in the company of their like: most pairs are those of the one before.
    fn look_up(&mut self, labels: Pairs<'_>) -> u64 {
        let mut found = std::mem::take(&mut self.scratch);
        found.clear();
        let mut cost = SERIES_COST;
        let mut before = self.last.iter().peekable();
        for (name, value) in labels {
            let text = |number: &u32| &*self.names[self.pairs[*number as usize].name as usize].text;
            while before.next_if(|number| text(number) < name).is_some() {}
            let same =
                |number: &&&u32| text(number) == name && *self.pairs[***number as usize].value == *value;
            let pair = match before.peek().filter(same) {
                Some(number) => Some(**number),
                None => self.find_pair(name, value),
            };
            cost += LABEL_COST + if pair.is_none() { PAIR_COST + value.len() as u64 } else { 0 };
            found.push(pair);
        }
        self.scratch = found;
        cost
    }

    /// Adds the series that was looked up.
    fn add(&mut self, labels: Pairs<'_>) -> SeriesId {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.series.push(Entry { at: 0, generation: 1, labels: 0, live: false });
                (self.series.len() - 1) as Slot
            }
        };
        let known = std::mem::take(&mut self.scratch);
        let at = self.lists.add(known.len());
        self.last.clear();
        for (place, ((name, value), found)) in labels.zip(&known).enumerate() {
            let pair = found.unwrap_or_else(|| self.pair(name, value));
            self.pairs[pair as usize].postings.insert(slot);
            if let Some(number) = self.lists.get_mut(known.len(), at).get_mut(place) {
                *number = pair;
            }
            self.last.push(pair);
        }
        if self.live.try_push(slot).is_err() {
            self.live.insert(slot);
        }
        let entry = &mut self.series[slot as usize];
        entry.at = at;
        entry.labels = known.len() as u16;
        entry.live = true;
        self.scratch = known;
        SeriesId { slot, generation: entry.generation }
    }

    /// The pairs of a series.
    fn pairs_of(&self, entry: &Entry) -> &[u32] {
        self.lists.get(usize::from(entry.labels), entry.at)
    }

    /// Whether the series in a slot has these labels (canonical form).
    pub(crate) fn is(&self, slot: Slot, canonical: &str) -> bool {
        let Some(entry) = self.series.get(slot as usize).filter(|e| e.live) else { return false };
        let mut pairs = self.pairs_of(entry).iter();
        let mut same = |(name, value): (&str, &str)| {
            pairs.next().is_some_and(|number| {
                let pair = &self.pairs[*number as usize];
                *pair.value == *value && *self.names[pair.name as usize].text == *name
            })
        };
        labels::pairs(canonical).all(&mut same) && pairs.next().is_none()
    }

    fn find_name(&self, name: &str) -> Option<usize> {
        let hash = self.hasher.hash_one(name);
        self.numbers.find(hash, |n| *self.names[*n as usize].text == *name).map(|n| *n as usize)
    }

    fn name(&mut self, name: &str) -> usize {
        if let Some(number) = self.find_name(name) {
            return number;
        }
        let new = Name { text: name.into(), values: HashTable::new() };
        let number = match self.free_names.pop() {
            Some(number) => {
                self.names[number as usize] = new;
                number
            }
            None => {
                self.names.push(new);
                (self.names.len() - 1) as u32
            }
        };
        let (hasher, names) = (&self.hasher, &self.names);
        self.numbers
            .insert_unique(hasher.hash_one(name), number, |n| hasher.hash_one(&*names[*n as usize].text));
        number as usize
    }

    fn find_pair(&self, name: &str, value: &str) -> Option<u32> {
        let name = self.find_name(name)?;
        let hash = self.hasher.hash_one(value);
        self.names[name].values.find(hash, |p| &*self.pairs[*p as usize].value == value).copied()
    }

    /// A new pair; but it may have come with this very series.
    fn pair(&mut self, name: &str, value: &str) -> u32 {
        if let Some(pair) = self.find_pair(name, value) {
            return pair;
        }
        let name = self.name(name);
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
        let (at, len) = (entry.at, usize::from(entry.labels));
        (entry.live, entry.labels) = (false, 0);
        // Generation 0 means "no series".
        entry.generation = entry.generation.checked_add(1).unwrap_or(1);
        self.live.remove(slot);
        self.free.push(slot);
        self.last.clear();
        let mut freed = SERIES_COST + LABEL_COST * len as u64;
        let (mut pairs, mut names) = (Vec::new(), Vec::new());
        for place in 0..len {
            let Some(number) = self.lists.get(len, at).get(place).copied() else { break };
            let pair = &mut self.pairs[number as usize];
            pair.postings.remove(slot);
            if pair.postings.len() == 0 {
                let hash = self.hasher.hash_one(&*pair.value);
                let name = &mut self.names[pair.name as usize];
                if let Ok(found) = name.values.find_entry(hash, |p| *p == number) {
                    found.remove();
                }
                if name.values.is_empty() {
                    let hash = self.hasher.hash_one(&*name.text);
                    if let Ok(found) = self.numbers.find_entry(hash, |n| *n == pair.name) {
                        found.remove();
                    }
                    names.push(pair.name);
                }
                freed += PAIR_COST + pair.value.len() as u64;
                pairs.push(number);
            }
        }
        self.removals += 1;
        self.gone.push_back(Gone { removal: self.removals, at, labels: len, pairs, names });
        self.used = self.used.saturating_sub(freed);
        self.settle();
    }

    /// Lets go what was removed and nobody reads any more.
    fn settle(&mut self) {
        let settled = if self.gone.is_empty() { return } else { self.pins.settled() };
        while let Some(gone) = self.gone.pop_front_if(|gone| gone.removal <= settled) {
            for number in &gone.pairs {
                self.pairs[*number as usize].value = Box::default();
            }
            for number in &gone.names {
                self.names[*number as usize] = Name { text: Box::default(), values: HashTable::new() };
            }
            self.free_pairs.extend(gone.pairs);
            self.free_names.extend(gone.names);
            self.lists.remove(gone.labels, gone.at);
        }
    }

    /// Keeps the labels of what is there now readable by [`Self::canonical_of`].
    pub(crate) fn pin(&self) -> Pin {
        self.pins.add(self.removals)
    }

    /// The series in a slot, with the place of its labels.
    pub(crate) fn listed(&self, slot: Slot) -> Option<Listed> {
        let entry = self.series.get(slot as usize).filter(|e| e.live)?;
        let id = SeriesId { slot, generation: entry.generation };
        Some(Listed { id, at: entry.at, labels: entry.labels })
    }

    /// Writes the canonical form of a series' labels to `out` (cleared), also where it was removed since.
    pub(crate) fn canonical_of(&self, series: &Listed, out: &mut String) {
        self.put_pairs(self.lists.get(usize::from(series.labels), series.at), out);
    }

    fn put_pairs(&self, pairs: &[u32], out: &mut String) {
        out.clear();
        // The list is in the order of the canonical form it was made from.
        for number in pairs {
            let pair = &self.pairs[*number as usize];
            put(out, &self.names[pair.name as usize].text);
            put(out, &pair.value);
        }
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
        self.put_pairs(self.pairs_of(entry), out);
        true
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, slot: Slot, scratch: &mut String) -> Option<Labels> {
        if self.canonical(slot, scratch) { Labels::from_canonical(scratch) } else { None }
    }

    /// How many series each value of a label has, in no order.
    pub(crate) fn counts(&self, name: &str) -> impl Iterator<Item = (&str, u64)> {
        let values = self.find_name(name).map(|name| &self.names[name].values);
        values.into_iter().flatten().map(|number| {
            let pair = &self.pairs[*number as usize];
            (&*pair.value, pair.postings.len())
        })
    }

    /// How many distinct values each label has among `series`, in no order.
    pub(crate) fn shape(&self, series: &RoaringBitmap) -> Vec<(&str, u64)> {
        let mut pairs = RoaringBitmap::new();
        for slot in series {
            pairs.extend(
                self.series.get(slot as usize).into_iter().flat_map(|e| self.pairs_of(e).iter().copied()),
            );
        }
        let mut of_name = vec![0; self.names.len()];
        for number in &pairs {
            of_name[self.pairs[number as usize].name as usize] += 1;
        }
        let counts = self.names.iter().zip(of_name).filter(|(_, values)| *values > 0);
        counts.map(|(name, values)| (&*name.text, values)).collect()
    }

    /// How many of `series` have each combination of values of `labels`; an absent label has the value "".
    pub(crate) fn grouped<const N: usize>(
        &self,
        labels: [&str; N],
        series: &RoaringBitmap,
    ) -> HashMap<[&str; N], u64> {
        let names = labels.map(|label| self.find_name(label));
        let mut groups: HashMap<[Option<u32>; N], u64> = HashMap::new();
        for entry in series.iter().filter_map(|slot| self.series.get(slot as usize)) {
            let of = |name: Option<usize>| {
                let wanted = name? as u32;
                self.pairs_of(entry)
                    .iter()
                    .copied()
                    .find(|number| self.pairs[*number as usize].name == wanted)
            };
            *groups.entry(names.map(of)).or_default() += 1;
        }
        let value = |number: Option<u32>| number.map_or("", |n| &*self.pairs[n as usize].value);
        groups.into_iter().map(|(group, count)| (group.map(value), count)).collect()
    }

    /// The order of two series by their labels (names and values in turn).
    pub(crate) fn compare(&self, a: Slot, b: Slot) -> Ordering {
        let labels = |slot: Slot| self.series.get(slot as usize).map_or(&[][..], |e| self.pairs_of(e));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_of_series_that_are_gone_take_no_memory() {
        let limits = Limits { max_series: 1_000, max_labels_bytes: 1_000 };
        let mut index = Index::new(limits, &Budget::unlimited()).unwrap();
        let labels = |n: u32| Labels::from_pairs([("__name__", "m"), (&*format!("name_{n}"), "v")]);
        let kept = index.create(&labels(0)).unwrap();
        let used = index.used;
        for n in 1..500 {
            let id = index.create(&labels(n)).unwrap();
            assert_eq!(index.select(&[Matcher::equal(format!("name_{n}"), "v")]).unwrap().len(), 1);
            index.remove(id.slot);
            assert!(index.select(&[Matcher::equal(format!("name_{n}"), "v")]).unwrap().is_empty());
        }
        assert_eq!((index.names.len(), index.pairs.len(), index.used), (3, 3, used));
        let mut names = Vec::new();
        index.label_names(None, &mut |name| names.push(name.to_owned()));
        assert_eq!(
            (names, index.labels(kept.slot, &mut String::new())),
            (vec!["__name__".to_owned(), "name_0".to_owned()], Some(labels(0)),)
        );
    }
}
