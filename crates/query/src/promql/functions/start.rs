//! What start timestamps tell about counters.

use std::ops::Range;

use super::window::Site;
use crate::promql::eval::select::Run;

/// The times of some samples and their start timestamps (0: not known), ms; `start` may be empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starts<'a> {
    pub(super) t: &'a [i64],
    pub(super) start: &'a [i64],
}

impl Starts<'_> {
    /// Whether sample `i`, which is not the first, counts from a later start than the one before it.
    pub(super) fn is_reset(&self, i: usize) -> bool {
        let (Some(before), Some(start)) = (i.checked_sub(1), self.start.get(i)) else { return false };
        is_reset((self.start[before], self.t[before]), (*start, self.t[i]))
    }

    /// The start of sample `i`, if it lies before the sample and after `after`.
    pub(super) fn within(&self, i: usize, after: i64) -> Option<i64> {
        let start = self.start.get(i).copied().filter(|start| *start != 0)?;
        (start > after && start < self.t[i]).then_some(start)
    }

    /// Tells where a sample of `inside` counts from a time that the one before it covers, too.
    pub(super) fn tell_overlap(&self, inside: Range<usize>, site: &Site<'_>) {
        if self.start.is_empty() {
            return;
        }
        let overlaps = |i: usize| {
            let (before, start) = (self.start[i - 1], self.start[i]);
            start != 0 && start < self.t[i - 1] && start != before
        };
        if (inside.start + 1..inside.end).any(overlaps) {
            site.notes.start_overlap(site.span, site.metric);
        }
    }
}

/// Whether a sample (its start and its time) counts anew after the one before it.
///
/// A start at the time of the sample before is one of two things: a delta, or a cumulative series whose start is not
/// known and was given as the time of its first sample. It is a delta if the sample before has a start of its own.
pub(super) fn is_reset((before_start, before): (i64, i64), (start, t): (i64, i64)) -> bool {
    if start == 0 || start >= t || start < before {
        return false;
    }
    start > before || (before_start != 0 && before_start < before)
}

impl Run {
    /// The start timestamps of the histograms.
    pub(super) fn histogram_start(&self, i: usize) -> i64 {
        self.h_start.get(i).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_resets_and_unknown_starts_are_not() {
        assert!(is_reset((0, 60), (61, 120)), "it started after the sample before");
        assert!(is_reset((1, 60), (60, 120)), "a delta");
        assert!(!is_reset((0, 60), (60, 120)), "the start was not known");
        assert!(!is_reset((60, 60), (60, 120)), "the start was given as the first sample");
        assert!(!is_reset((120, 60), (60, 120)), "a start after its sample is none");
        assert!(!is_reset((1, 60), (1, 120)), "cumulative");
        assert!(!is_reset((1, 60), (120, 120)), "no time passed");
    }

    #[test]
    fn a_start_counts_inside_of_the_window_only() {
        let starts = Starts { t: &[100], start: &[50] };
        assert_eq!((starts.within(0, 49), starts.within(0, 50)), (Some(50), None));
        assert_eq!(Starts { t: &[100], start: &[100] }.within(0, 0), None);
        assert_eq!(Starts { t: &[100], start: &[] }.within(0, 0), None);
    }
}
