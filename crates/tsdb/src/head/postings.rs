//! Which series have a label pair: one, a short sorted list, or a roaring bitmap.

use std::ops::Range;

use roaring::RoaringBitmap;

/// A list longer than this becomes a bitmap.
const FEW: usize = 16;
/// After so many series a bitmap looks whether it should be kept as runs: series of one target come one after the other.
const LOOK_EVERY: u16 = 512;

/// A set of slots.
#[derive(Debug, Clone)]
pub(crate) enum Postings {
    /// Most pairs of a flood of series: no memory of its own.
    One(u32),
    /// Sorted.
    Few(Vec<u32>),
    /// With the number of series added since it was last made small.
    Many(RoaringBitmap, u16),
}

impl Default for Postings {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Postings {
    fn few(&self) -> Option<&[u32]> {
        match self {
            Self::One(slot) => Some(std::slice::from_ref(slot)),
            Self::Few(list) => Some(list),
            Self::Many(..) => None,
        }
    }

    pub(crate) fn insert(&mut self, slot: u32) {
        match self {
            Self::One(other) if *other == slot => {}
            Self::One(other) => *self = Self::Few(vec![slot.min(*other), slot.max(*other)]),
            Self::Few(list) if list.is_empty() => *self = Self::One(slot),
            Self::Few(list) => {
                if let Err(at) = list.binary_search(&slot) {
                    if list.len() >= FEW {
                        let mut bitmap: RoaringBitmap = list.iter().copied().collect();
                        bitmap.insert(slot);
                        bitmap.optimize();
                        *self = Self::Many(bitmap, 0);
                    } else {
                        list.insert(at, slot);
                    }
                }
            }
            Self::Many(bitmap, added) => {
                // A new slot mostly is the highest.
                if bitmap.try_push(slot).is_err() {
                    bitmap.insert(slot);
                }
                *added += 1;
                if *added >= LOOK_EVERY {
                    *added = 0;
                    bitmap.optimize();
                }
            }
        }
    }

    /// Adds slots that follow each other.
    pub(crate) fn insert_range(&mut self, slots: Range<u32>) {
        if slots.len() <= FEW {
            slots.for_each(|slot| self.insert(slot));
            return;
        }
        let mut bitmap = match std::mem::take(self) {
            Self::Many(bitmap, _) => bitmap,
            few => few.few().into_iter().flatten().copied().collect(),
        };
        bitmap.insert_range(slots);
        *self = Self::Many(bitmap, 0);
        self.optimize();
    }

    /// Makes it as small as it can be.
    pub(crate) fn optimize(&mut self) {
        if let Self::Many(bitmap, added) = self {
            bitmap.optimize();
            *added = 0;
        }
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        match self {
            Self::One(other) if *other == slot => *self = Self::default(),
            Self::One(_) => {}
            Self::Few(list) => list.retain(|s| *s != slot),
            Self::Many(bitmap, _) => {
                bitmap.remove(slot);
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Many(bitmap, _) => bitmap.len(),
            few => few.few().map_or(0, |list| list.len() as u64),
        }
    }

    /// Adds all of it to `into`.
    pub(crate) fn union_into(&self, into: &mut RoaringBitmap) {
        match self {
            Self::Many(bitmap, _) => *into |= bitmap,
            few => into.extend(few.few().into_iter().flatten().copied()),
        }
    }

    /// Whether a slot of `other` is in it.
    pub(crate) fn meets(&self, other: &RoaringBitmap) -> bool {
        match self {
            Self::Many(bitmap, _) => !bitmap.is_disjoint(other),
            few => few.few().into_iter().flatten().any(|slot| other.contains(*slot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn postings_are_a_set(changes in prop::collection::vec((prop::bool::weighted(0.8), 0u32..3_000), 0..2_000)) {
            let (mut postings, mut set) = (Postings::default(), BTreeSet::new());
            // Runs in the beginning, as of a target, then here and there.
            let runs = (100u32..1_000).map(|slot| (true, slot));
            for (n, (add, slot)) in runs.chain(changes).enumerate() {
                if n % 37 == 0 {
                    postings.insert_range(slot..slot + n as u32 % 40);
                    set.extend(slot..slot + n as u32 % 40);
                }
                if add {
                    postings.insert(slot);
                    set.insert(slot);
                } else {
                    postings.remove(slot);
                    set.remove(&slot);
                }
                let probe = RoaringBitmap::from_iter([slot, 9_999]);
                prop_assert_eq!(postings.meets(&probe), set.contains(&slot));
                prop_assert_eq!(postings.len(), set.len() as u64);
                if n % 250 == 0 {
                    let mut all = RoaringBitmap::new();
                    postings.union_into(&mut all);
                    prop_assert!(all.iter().eq(set.iter().copied()));
                }
            }
        }
    }
}
