//! Which series have a label pair: one, a short sorted list, or a roaring bitmap.

use roaring::RoaringBitmap;

/// A list longer than this becomes a bitmap.
const FEW: usize = 16;

/// A set of slots.
#[derive(Debug, Clone)]
pub(crate) enum Postings {
    /// Most pairs of a flood of series: no memory of its own.
    One(u32),
    /// Sorted.
    Few(Vec<u32>),
    Many(RoaringBitmap),
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
            Self::Many(_) => None,
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
                        *self = Self::Many(bitmap);
                    } else {
                        list.insert(at, slot);
                    }
                }
            }
            Self::Many(bitmap) => {
                // A new slot mostly is the highest.
                if bitmap.try_push(slot).is_err() {
                    bitmap.insert(slot);
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        match self {
            Self::One(other) if *other == slot => *self = Self::default(),
            Self::One(_) => {}
            Self::Few(list) => list.retain(|s| *s != slot),
            Self::Many(bitmap) => {
                bitmap.remove(slot);
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Many(bitmap) => bitmap.len(),
            few => few.few().map_or(0, |list| list.len() as u64),
        }
    }

    /// Adds all of it to `into`.
    pub(crate) fn union_into(&self, into: &mut RoaringBitmap) {
        match self {
            Self::Many(bitmap) => *into |= bitmap,
            few => into.extend(few.few().into_iter().flatten().copied()),
        }
    }

    /// Whether a slot of `other` is in it.
    pub(crate) fn meets(&self, other: &RoaringBitmap) -> bool {
        match self {
            Self::Many(bitmap) => !bitmap.is_disjoint(other),
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
        fn postings_are_a_set(changes in prop::collection::vec((any::<bool>(), 0u32..40), 0..200)) {
            let (mut postings, mut set) = (Postings::default(), BTreeSet::new());
            for (add, slot) in changes {
                if add {
                    postings.insert(slot);
                    set.insert(slot);
                } else {
                    postings.remove(slot);
                    set.remove(&slot);
                }
                let mut all = RoaringBitmap::new();
                postings.union_into(&mut all);
                prop_assert!(all.iter().eq(set.iter().copied()));
                prop_assert_eq!(postings.len(), set.len() as u64);
                let probe = RoaringBitmap::from_iter([slot, 99]);
                prop_assert_eq!(postings.meets(&probe), set.contains(&slot));
            }
        }
    }
}
