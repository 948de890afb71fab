//! Which part of the log is delivered: batches are handed out in the order of the log and come back in any order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::Reservation;
use parking_lot::Mutex;

/// One batch of the log under way.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Items that are neither delivered nor given up.
    left: AtomicUsize,
    /// Whether some of it may have been delivered by a process before this one.
    pub(super) uncertain: bool,
    /// Its memory.
    _held: Option<Reservation>,
}

impl Ticket {
    /// So many items are delivered, or given up on purpose.
    pub(super) fn done(&self, items: usize) {
        self.left.fetch_sub(items, Ordering::AcqRel);
    }
}

/// The batches under way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    open: Mutex<VecDeque<(u64, Arc<Ticket>)>>,
}

impl Tracker {
    /// A batch that ends at `position` begins its way.
    pub(super) fn begin(
        &self,
        position: u64,
        items: usize,
        uncertain: bool,
        held: Option<Reservation>,
    ) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket { left: AtomicUsize::new(items), uncertain, _held: held });
        self.open.lock().push_back((position, Arc::clone(&ticket)));
        ticket
    }

    /// The position up to which everything is done, where it moved since the last call.
    pub(super) fn delivered(&self) -> Option<u64> {
        let mut open = self.open.lock();
        let mut reached = None;
        while let Some((position, ticket)) = open.front()
            && ticket.left.load(Ordering::Acquire) == 0
        {
            reached = Some(*position);
            open.pop_front();
        }
        reached
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.open.lock().is_empty()
    }

    /// Items under way.
    pub(super) fn items(&self) -> usize {
        self.open.lock().iter().map(|(_, ticket)| ticket.left.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_prefix_counts_as_delivered() {
        let tracker = Tracker::default();
        let tickets: Vec<_> = (1..=4).map(|n| tracker.begin(n * 10, 2, false, None)).collect();
        tickets[1].done(2);
        tickets[0].done(1);
        assert_eq!(tracker.delivered(), None);
        assert_eq!(tracker.items(), 5);
        tickets[0].done(1);
        assert_eq!(tracker.delivered(), Some(20));
        assert_eq!(tracker.delivered(), None);
        tickets[3].done(2);
        tickets[2].done(2);
        assert_eq!(tracker.delivered(), Some(40));
        assert!(tracker.is_empty());
        tracker.begin(50, 0, false, None);
        assert_eq!(tracker.delivered(), Some(50), "a batch without samples is done at once");
    }
}
