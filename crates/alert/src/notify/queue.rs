//! Alerts that wait for one Alertmanager.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::sink::OutgoingAlert;

/// A queue with a bound: the newest stay.
pub(super) struct Queue {
    capacity: usize,
    alerts: Mutex<VecDeque<Arc<OutgoingAlert>>>,
    work: Notify,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, alerts: Mutex::default(), work: Notify::new() }
    }

    /// Adds alerts; returns how many had to be dropped.
    pub(super) fn add(&self, alerts: &[Arc<OutgoingAlert>]) -> usize {
        let too_many = alerts.len().saturating_sub(self.capacity);
        let alerts = alerts.get(too_many..).unwrap_or_default();
        let mut waiting = self.alerts.lock();
        let over = (waiting.len() + alerts.len()).saturating_sub(self.capacity);
        waiting.drain(..over);
        waiting.extend(alerts.iter().cloned());
        drop(waiting);
        self.work.notify_one();
        too_many + over
    }

    /// Takes the oldest, at most `most`.
    pub(super) fn batch(&self, most: usize) -> Vec<Arc<OutgoingAlert>> {
        let mut waiting = self.alerts.lock();
        let count = waiting.len().min(most.max(1));
        waiting.drain(..count).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.alerts.lock().len()
    }

    /// Waits until something was added.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use model::Labels;

    use super::*;

    #[test]
    fn the_newest_stay() {
        let alert = |n: i64| {
            Arc::new(OutgoingAlert {
                labels: Labels::empty(),
                annotations: model::rule::Texts::new(),
                starts_at_ms: n,
                ends_at_ms: 0,
                generator_url: String::new(),
            })
        };
        let queue = Queue::new(3);
        assert_eq!(queue.add(&[alert(1), alert(2)]), 0);
        assert_eq!(queue.add(&[alert(3), alert(4)]), 1);
        let starts =
            |batch: Vec<Arc<OutgoingAlert>>| batch.iter().map(|a| a.starts_at_ms).collect::<Vec<_>>();
        assert_eq!(starts(queue.batch(2)), [2, 3]);
        assert_eq!(queue.add(&(5..10).map(alert).collect::<Vec<_>>()), 3);
        assert_eq!((queue.len(), starts(queue.batch(10))), (3, vec![7, 8, 9]));
    }
}
