//! A hash table of eight bytes an entry that may be nine tenths full and grows by an eighth.
//!
//! A hash has its home where its share of the table is; an entry lies there or a little behind, without a gap between.
//! So all entries are in the order of their hashes, and three things follow. A search ends at the first larger hash,
//! also where nothing is found. Growing reads one list from the beginning to the end and writes another. And the place
//! says most of the hash: 32 bits of it are enough to tell nearly all entries apart.

use crate::head::series::Slot;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    hash: u32,
    slot: Slot,
}

/// No entry. Slots are numbers of things in memory, and never reach this one.
const FREE: Entry = Entry { hash: 0, slot: Slot::MAX };

/// Homes of the first table.
const FIRST: usize = 8;
/// Places behind the last home.
const BEHIND: usize = 16;

#[derive(Debug)]
pub(super) struct Table {
    entries: Vec<Entry>,
    homes: usize,
    len: usize,
}

fn home(hash: u32, homes: usize) -> usize {
    ((u64::from(hash) * homes as u64) >> 32) as usize
}

impl Table {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), homes: 0, len: 0 }
    }

    fn at(&self, place: usize) -> Entry {
        self.entries.get(place).copied().unwrap_or(FREE)
    }

    /// The first place from the home of a hash on that has no lesser hash.
    #[inline]
    fn seek(&self, hash: u32) -> usize {
        let mut place = home(hash, self.homes);
        loop {
            let entry = self.at(place);
            if entry == FREE || entry.hash >= hash {
                return place;
            }
            place += 1;
        }
    }

    /// The slot with this hash that `is` the one.
    #[inline]
    pub(super) fn find(&self, hash: u32, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        let mut place = self.seek(hash);
        loop {
            let entry = self.at(place);
            if entry == FREE || entry.hash != hash {
                return None;
            }
            if is(entry.slot) {
                return Some(entry.slot);
            }
            place += 1;
        }
    }

    pub(super) fn insert(&mut self, hash: u32, slot: Slot) {
        if self.len * 10 >= self.homes * 9 {
            self.grow();
        }
        let mut place = self.seek(hash);
        while self.at(place) != FREE && self.at(place).hash == hash {
            place += 1;
        }
        let rest = self.entries.get(place..).unwrap_or_default();
        let Some(run) = rest.iter().position(|entry| *entry == FREE) else {
            // The last run has reached the end of the table.
            self.grow();
            return self.insert(hash, slot);
        };
        self.entries.copy_within(place..place + run, place + 1);
        self.entries[place] = Entry { hash, slot }; // a free place is at or behind it
        self.len += 1;
    }

    pub(super) fn remove(&mut self, hash: u32, slot: Slot) {
        let mut place = self.seek(hash);
        while self.at(place) != (Entry { hash, slot }) {
            if self.at(place) == FREE || self.at(place).hash != hash {
                return;
            }
            place += 1;
        }
        // What lies behind its home comes nearer to it.
        let mut end = place + 1;
        while self.at(end) != FREE && home(self.at(end).hash, self.homes) < end {
            end += 1;
        }
        self.entries.copy_within(place + 1..end, place);
        self.entries[end - 1] = FREE; // it is the place itself, or one that was copied
        self.len -= 1;
    }

    fn grow(&mut self) {
        let homes = (self.homes + self.homes / 8).max(self.homes + FIRST);
        let mut entries: Vec<Entry> = Vec::with_capacity(homes + BEHIND);
        for entry in self.entries.iter().filter(|entry| **entry != FREE) {
            let gap = home(entry.hash, homes).saturating_sub(entries.len());
            entries.extend(std::iter::repeat_n(FREE, gap));
            entries.push(*entry);
        }
        let all = entries.len().max(homes) + BEHIND;
        entries.reserve_exact(all - entries.len());
        entries.resize(all, FREE);
        (self.entries, self.homes) = (entries, homes);
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_put_and_not_taken(
            // Few hashes, many of them at the end, where runs leave the table.
            steps in prop::collection::vec((any::<bool>(), prop_oneof![0u32..20, u32::MAX - 20..=u32::MAX, any::<u32>()], 0u32..4), 0..800),
        ) {
            let (mut table, mut list) = (Table::new(), Vec::<(u32, Slot)>::new());
            for (put, hash, slot) in steps {
                if put {
                    table.insert(hash, slot);
                    list.push((hash, slot));
                } else {
                    table.remove(hash, slot);
                    if let Some(at) = list.iter().position(|one| *one == (hash, slot)) {
                        list.swap_remove(at);
                    }
                }
                prop_assert_eq!(table.len, list.len());
                let mut last = None;
                for (place, entry) in table.entries.iter().enumerate().filter(|(_, entry)| **entry != FREE) {
                    prop_assert!(last <= Some(entry.hash) && home(entry.hash, table.homes) <= place);
                    last = Some(entry.hash);
                }
                for other in 0..4 {
                    let there = list.contains(&(hash, other));
                    prop_assert_eq!(table.find(hash, |slot| slot == other).is_some(), there);
                }
                prop_assert!(list.iter().all(|(h, s)| table.find(*h, |slot| slot == *s).is_some()));
            }
        }
    }

    #[test]
    fn an_entry_takes_ten_bytes() {
        let mut table = Table::new();
        let hash = |n: u32| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()) as u32;
        for n in 0..100_000u32 {
            table.insert(hash(n), n);
            let most = 800 + 10 * table.len * 105 / 100;
            assert!(table.bytes() <= most, "{} bytes for {}", table.bytes(), table.len);
        }
        assert!((0..100_000).all(|n| table.find(hash(n), |slot| slot == n) == Some(n)));
        assert_eq!(table.find(7, |_| true).filter(|n| hash(*n) != 7), None);
    }
}
