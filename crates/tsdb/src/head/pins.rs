//! Who reads labels by the places where their pairs are listed: what is removed meanwhile stays until they are done.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many readers began after each number of removals.
#[derive(Debug, Default)]
pub(super) struct Pins(Arc<Mutex<BTreeMap<u64, usize>>>);

/// While it lives, nothing that was there when it was made loses its labels.
#[derive(Debug)]
pub(crate) struct Pin {
    pins: Arc<Mutex<BTreeMap<u64, usize>>>,
    removals: u64,
}

impl Pins {
    /// A reader that begins after so many removals.
    pub(super) fn add(&self, removals: u64) -> Pin {
        *self.0.lock().entry(removals).or_default() += 1;
        Pin { pins: Arc::clone(&self.0), removals }
    }

    /// What was removed up to this number, nobody reads any more.
    pub(super) fn settled(&self) -> u64 {
        self.0.lock().keys().next().copied().unwrap_or(u64::MAX)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.lock();
        if let Some(readers) = pins.get_mut(&self.removals) {
            *readers -= 1; // one for each `Pin`
            if *readers == 0 {
                pins.remove(&self.removals);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_reader_counts() {
        let pins = Pins::default();
        assert_eq!(pins.settled(), u64::MAX);
        let (first, again, later) = (pins.add(3), pins.add(3), pins.add(7));
        assert_eq!(pins.settled(), 3);
        drop(first);
        assert_eq!(pins.settled(), 3);
        drop(again);
        assert_eq!(pins.settled(), 7);
        drop(later);
        assert_eq!(pins.settled(), u64::MAX);
    }
}
