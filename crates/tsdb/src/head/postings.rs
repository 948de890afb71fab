//! Which series have a label pair: a short sorted list, or a roaring bitmap.

use roaring::RoaringBitmap;

/// A list longer than this becomes a bitmap.
const FEW: usize = 16;

/// A set of slots.
#[derive(Debug, Clone)]
pub(crate) enum Postings {
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
    pub(crate) fn insert(&mut self, slot: u32) {
        match self {
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
                bitmap.insert(slot);
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        match self {
            Self::Few(list) => list.retain(|s| *s != slot),
            Self::Many(bitmap) => {
                bitmap.remove(slot);
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Few(list) => list.len() as u64,
            Self::Many(bitmap) => bitmap.len(),
        }
    }

    /// Adds all of it to `into`.
    pub(crate) fn union_into(&self, into: &mut RoaringBitmap) {
        match self {
            Self::Few(list) => into.extend(list.iter().copied()),
            Self::Many(bitmap) => *into |= bitmap,
        }
    }

    /// Whether a slot of `other` is in it.
    pub(crate) fn meets(&self, other: &RoaringBitmap) -> bool {
        match self {
            Self::Few(list) => list.iter().any(|s| other.contains(*s)),
            Self::Many(bitmap) => !bitmap.is_disjoint(other),
        }
    }
}
