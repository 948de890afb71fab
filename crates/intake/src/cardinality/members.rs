//! What is remembered of the members of folded series: 16 bytes each, a key and the last value.
//!
//! Counters are never negative, so the sign of the value says that a member has ended. Who was not heard of for one to
//! two turns is forgotten: two tables take turns, and who is heard of moves to the young one.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bits of a key that are a hash of the member's labels; above them is the number of its group.
pub(super) const HASH_BITS: u32 = 45;
/// Groups that have a number; none is given twice, because callers keep references to members.
pub(super) const MOST_GROUPS: usize = (1 << (63 - HASH_BITS)) - 1;

/// The key of a member of a group.
pub(super) const fn key(group: u32, hash: u64) -> u64 {
    (group as u64) << HASH_BITS | hash & ((1 << HASH_BITS) - 1)
}

/// The group of a key.
pub(super) const fn group_of(key: u64) -> u32 {
    (key >> HASH_BITS) as u32
}

/// Spreads a key, whose upper bits repeat.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        // An odd constant without structure: 2^64 divided by the golden ratio.
        self.0 = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

type Table = HashMap<u64, f64, BuildHasherDefault<Spread>>;

/// The last value of a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    /// What it was.
    pub(super) v: f64,
    /// Whether the member is still there.
    pub(super) live: bool,
}

impl Last {
    fn read(stored: f64) -> Self {
        Self { v: stored.abs(), live: stored.is_sign_positive() }
    }
}

/// All members.
#[derive(Debug, Default)]
pub(super) struct Members {
    young: Table,
    old: Table,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn get(&self, key: u64) -> Option<Last> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied().map(Last::read)
    }

    /// Remembers a value of a member that is there; it is not negative.
    pub(super) fn put(&mut self, key: u64, v: f64) {
        // Zero has a sign as well; -0 would say "ended".
        if self.young.insert(key, v.abs()).is_none() {
            self.old.remove(&key);
        }
    }

    /// Notes that a member has ended; whether it was there.
    pub(super) fn end(&mut self, key: u64) -> bool {
        let found = self.young.get_mut(&key).or_else(|| self.old.get_mut(&key));
        let Some(stored) = found.filter(|stored| stored.is_sign_positive()) else { return false };
        *stored = -*stored;
        true
    }

    /// Ends a turn; `forgotten` is told who goes.
    pub(super) fn turn(&mut self, mut forgotten: impl FnMut(u64, Last)) {
        for (key, stored) in std::mem::replace(&mut self.old, std::mem::take(&mut self.young)) {
            forgotten(key, Last::read(stored));
        }
    }

    /// Forgets the members of a group.
    pub(super) fn drop_group(&mut self, group: u32) {
        self.young.retain(|key, _| group_of(*key) != group);
        self.old.retain(|key, _| group_of(*key) != group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_sixteen_bytes() {
        assert_eq!(size_of::<(u64, f64)>(), 16);
        let last = MOST_GROUPS as u32 - 1;
        let key = key(last, u64::MAX);
        assert_eq!((group_of(key), key >> 63), (last, 0));
    }

    #[test]
    fn who_ended_comes_back_and_who_is_silent_for_two_turns_is_forgotten() {
        let mut members = Members::default();
        members.put(key(1, 10), 0.0);
        members.put(key(1, 20), 5.0);
        assert!(members.end(key(1, 10)) && !members.end(key(1, 10)), "ended once");
        assert_eq!(members.get(key(1, 10)), Some(Last { v: 0.0, live: false }));
        members.put(key(1, 10), 2.0);
        assert_eq!(members.get(key(1, 10)), Some(Last { v: 2.0, live: true }));
        members.turn(|_, _| panic!("nobody is old yet"));
        members.put(key(1, 10), 3.0);
        assert_eq!(members.len(), 2);
        let mut gone = Vec::new();
        members.turn(|key, last| gone.push((key, last.v)));
        assert_eq!(gone, [(key(1, 20), 5.0)]);
        assert_eq!(members.get(key(1, 10)), Some(Last { v: 3.0, live: true }));
        members.drop_group(1);
        assert_eq!(members.len(), 0);
    }
}
