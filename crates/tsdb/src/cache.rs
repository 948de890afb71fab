//! Parts of blocks kept in memory: chunks of data files and decompressed frames of index files. Bounded in bytes and
//! reserved from the budget; what has not been asked for since the hand last came by goes first (CLOCK).

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::{Budget, Reservation};
use parking_lot::Mutex;

/// Which bytes: block, file of the block, offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) block: u64,
    pub(crate) file: u8,
    pub(crate) offset: u64,
}

struct Kept {
    bytes: Arc<Vec<u8>>,
    asked: bool,
    _reserved: Reservation,
}

#[derive(Default)]
struct Inner {
    map: HashMap<Key, Kept, RandomState>,
    /// The order in which the hand comes by.
    ring: VecDeque<Key>,
    used: u64,
}

pub(crate) struct Cache {
    inner: Mutex<Inner>,
    limit: u64,
    budget: Budget,
}

impl Cache {
    pub(crate) fn new(limit: u64, budget: Budget) -> Self {
        Self { inner: Mutex::default(), limit, budget }
    }

    pub(crate) fn get(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let mut inner = self.inner.lock();
        let kept = inner.map.get_mut(&key)?;
        kept.asked = true;
        Some(Arc::clone(&kept.bytes))
    }

    /// Keeps bytes if they fit.
    pub(crate) fn put(&self, key: Key, bytes: &Arc<Vec<u8>>) {
        let size = bytes.len() as u64;
        if size > self.limit / 4 {
            return;
        }
        let mut inner = self.inner.lock();
        while inner.used + size > self.limit && inner.evict() {}
        let Ok(reserved) = self.budget.reserve(size) else {
            // Memory is short: make room for others instead.
            inner.evict();
            return;
        };
        let kept = Kept { bytes: Arc::clone(bytes), asked: false, _reserved: reserved };
        match inner.map.insert(key, kept) {
            Some(old) => inner.used -= old.bytes.len() as u64,
            None => inner.ring.push_back(key),
        }
        inner.used += size;
    }

    /// Gives back half of what it holds; how many bytes.
    pub(crate) fn shrink(&self) -> u64 {
        let mut inner = self.inner.lock();
        let before = inner.used;
        while inner.used > before / 2 && inner.evict() {}
        before - inner.used
    }

    /// Forgets a block that is gone.
    pub(crate) fn forget(&self, block: u64) {
        let mut inner = self.inner.lock();
        let mut freed = 0;
        inner.map.retain(|key, kept| {
            let stays = key.block != block;
            if !stays {
                freed += kept.bytes.len() as u64;
            }
            stays
        });
        inner.ring.retain(|key| key.block != block);
        inner.used -= freed;
    }
}

impl Inner {
    /// Moves the hand until something went; `false` when nothing is left.
    fn evict(&mut self) -> bool {
        while let Some(key) = self.ring.pop_front() {
            match self.map.get_mut(&key) {
                Some(kept) if kept.asked => {
                    kept.asked = false;
                    self.ring.push_back(key);
                }
                Some(_) => {
                    if let Some(gone) = self.map.remove(&key) {
                        self.used -= gone.bytes.len() as u64;
                    }
                    return true;
                }
                None => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(offset: u64) -> Key {
        Key { block: offset % 2, file: 0, offset }
    }

    #[test]
    fn it_stays_within_its_bytes_and_keeps_what_is_asked_for() {
        let budget = Budget::new("test", 1 << 20);
        let cache = Cache::new(1_000, budget.clone());
        for offset in 0..100 {
            cache.put(key(offset), &Arc::new(vec![0; 100]));
            cache.get(key(0));
            assert!(budget.used() <= 1_000);
        }
        assert!(cache.get(key(0)).is_some(), "asked for all the time");
        assert!(cache.get(key(1)).is_none());
        let held = budget.used();
        assert_eq!(held - budget.used(), 0);
        let given = cache.shrink();
        assert!(given >= held / 2 && budget.used() == held - given, "{given} of {held}");
        cache.put(key(7), &Arc::new(vec![0; 900]));
        assert!(cache.get(key(7)).is_none(), "too large to keep");
        cache.forget(0);
        cache.forget(1);
        assert_eq!((budget.used(), cache.inner.lock().used), (0, 0));
    }

    #[test]
    fn without_memory_nothing_is_kept() {
        let cache = Cache::new(1_000, Budget::new("test", 10));
        cache.put(key(0), &Arc::new(vec![0; 100]));
        assert!(cache.get(key(0)).is_none());
    }
}
