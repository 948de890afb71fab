//! When samples of which minutes changed last, so that answers can be kept as long as they hold.

use std::collections::BTreeMap;

use model::TimeRange;
use parking_lot::Mutex;

/// Minutes that are told apart. What is older changes together.
const MINUTES: usize = 512;
/// A batch that spans more minutes than this changes everything.
const WIDE: i64 = 64;

/// Numbers changes, minute by minute of the samples' times.
#[derive(Default)]
pub(crate) struct Changes(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    now: u64,
    /// The last change of each minute.
    minutes: BTreeMap<i64, u64>,
    /// The last change of a minute that is no longer told apart, and the latest such minute.
    older: Option<(i64, u64)>,
    /// The last change of everything.
    everything: u64,
}

impl Changes {
    /// Notes that samples in a range were added, if there are any. Called when they can be seen.
    pub(crate) fn note(&self, range: TimeRange) {
        if !range.is_empty() {
            self.0.lock().note(range.start.div_euclid(60_000), range.end.div_euclid(60_000));
        }
    }

    /// Notes that anything may have changed.
    pub(crate) fn everything(&self) {
        let mut inner = self.0.lock();
        inner.now += 1;
        inner.everything = inner.now;
    }

    /// The numbers of the last change in a range, and at all.
    pub(crate) fn last(&self, range: TimeRange) -> (u64, u64) {
        let inner = self.0.lock();
        let (first, last) = (range.start.div_euclid(60_000), range.end.div_euclid(60_000));
        let mut changed = inner.everything;
        if first <= last {
            changed = inner.minutes.range(first..=last).map(|(_, n)| *n).fold(changed, u64::max);
        }
        if let Some((until, n)) = inner.older
            && first <= until
        {
            changed = changed.max(n);
        }
        (changed, inner.now)
    }
}

impl Inner {
    fn note(&mut self, first: i64, last: i64) {
        self.now += 1;
        if last.saturating_sub(first) > WIDE {
            self.everything = self.now;
            return;
        }
        for minute in first..=last {
            self.minutes.insert(minute, self.now);
        }
        while self.minutes.len() > MINUTES {
            if let Some((minute, n)) = self.minutes.pop_first() {
                let (until, newest) = self.older.unwrap_or((minute, n));
                self.older = Some((until.max(minute), newest.max(n)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_change_of_a_range_is_missed(
            batches in prop::collection::vec((0i64..2_000, 0i64..80), 1..800), from in 0i64..2_000, len in 0i64..300,
            seen in 0usize..800,
        ) {
            let changes = Changes::default();
            let range = TimeRange::new(from * 60_000 + 7, (from + len) * 60_000 + 7);
            let (mut kept, mut touched) = (0, false);
            for (n, (minute, span)) in batches.iter().enumerate() {
                if n == seen {
                    kept = changes.last(range).1;
                    touched = false;
                }
                let added = TimeRange::new(minute * 60_000, (minute + span) * 60_000);
                touched |= range.contains(added.start) || range.contains(added.end);
                changes.note(added);
            }
            prop_assert!(!touched || changes.last(range).0 > kept);
        }
    }

    #[test]
    fn other_minutes_do_not_matter() {
        let changes = Changes::default();
        let note = |minute: i64| changes.note(TimeRange::new(minute * 60_000, minute * 60_000));
        note(5);
        let range = TimeRange::new(0, 6 * 60_000);
        let kept = changes.last(range).1;
        (100..400).for_each(note);
        assert!(changes.last(range).0 <= kept);
        note(6);
        assert!(changes.last(range).0 > kept);
        let kept = changes.last(range).1;
        changes.everything();
        assert!(changes.last(range).0 > kept);
    }
}
