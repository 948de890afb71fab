//! Runs of one series from several places become one, strictly increasing in time; of equal times the first run wins.

use model::{Histogram, TimeRange};

mod rich;

/// Parallel times and values; native histograms with their times. Start timestamps are empty or one a sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) t: Vec<i64>,
    pub(crate) v: Vec<f64>,
    pub(crate) start: Vec<i64>,
    pub(crate) histograms: Vec<(i64, Histogram)>,
    pub(crate) histogram_start: Vec<i64>,
}

impl Run {
    pub(crate) fn clear(&mut self) {
        self.t.clear();
        self.v.clear();
        self.start.clear();
        self.histograms.clear();
        self.histogram_start.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.t.len()
    }

    /// Whether there is neither a float nor a histogram.
    pub(crate) fn is_empty(&self) -> bool {
        self.t.is_empty() && self.histograms.is_empty()
    }

    /// Whether there are floats without start timestamps and nothing else.
    fn is_plain(&self) -> bool {
        self.start.is_empty() && self.histograms.is_empty()
    }

    pub(crate) fn extend(&mut self, samples: &[(i64, u64)]) {
        self.t.extend(samples.iter().map(|s| s.0));
        self.v.extend(samples.iter().map(|s| f64::from_bits(s.1)));
    }

    /// The part of the run inside `range`.
    fn inside(&self, range: TimeRange) -> (&[i64], &[f64]) {
        let from = self.t.partition_point(|t| *t < range.start);
        let to = self.t.partition_point(|t| *t <= range.end).max(from);
        (&self.t[from..to], &self.v[from..to])
    }

    /// Keeps what lies in one of `ranges`, which are in order and apart from each other.
    pub(crate) fn keep_within(&mut self, ranges: &[TimeRange]) {
        let inside = |first: Option<i64>, last: Option<i64>| {
            first.zip(last).is_none_or(|(f, l)| ranges.iter().any(|r| r.contains(f) && r.contains(l)))
        };
        let histograms = inside(self.histograms.first().map(|h| h.0), self.histograms.last().map(|h| h.0));
        if histograms && inside(self.t.first().copied(), self.t.last().copied()) {
            return;
        }
        let mut gaps = Vec::with_capacity(ranges.len() + 1);
        let mut start = i64::MIN;
        for range in ranges {
            gaps.push(TimeRange::new(start, range.start.saturating_sub(1)));
            start = range.end.saturating_add(1);
        }
        gaps.push(TimeRange::new(start, i64::MAX));
        self.delete(&gaps);
    }

    /// Takes out what lies in one of `ranges`, which are in order and apart from each other.
    pub(crate) fn delete(&mut self, ranges: &[TimeRange]) {
        let kept = |t: i64| {
            let at = ranges.partition_point(|r| r.end < t);
            !ranges.get(at).is_some_and(|r| r.contains(t))
        };
        if self.t.iter().any(|t| !kept(*t)) {
            let mut keep = self.t.iter().map(|t| kept(*t)).collect::<Vec<_>>().into_iter();
            let mut next = || keep.next().unwrap_or(true);
            self.v.retain(|_| next());
            let mut at = self.t.iter();
            self.start.retain(|_| at.next().is_none_or(|t| kept(*t)));
            self.t.retain(|t| kept(*t));
        }
        let mut at = self.histograms.iter();
        self.histogram_start.retain(|_| at.next().is_none_or(|h| kept(h.0)));
        self.histograms.retain(|h| kept(h.0));
    }
}

/// Makes start timestamps parallel to `samples` samples where some have one: the others have 0.
pub(crate) fn pad_starts(starts: &mut Vec<i64>, samples: usize) {
    if !starts.is_empty() && starts.len() < samples {
        starts.resize(samples, 0);
    }
}

/// Merges runs, of which earlier ones win, into `out` (cleared), inside `range`. `scratch` is working memory.
///
/// Histograms are taken out of `runs`.
pub(crate) fn merge(runs: &mut [Run], range: TimeRange, out: &mut Run, scratch: &mut Run) {
    out.clear();
    if !runs.iter().all(Run::is_plain) {
        return rich::merge(runs, range, out);
    }
    for run in runs {
        let (t, v) = run.inside(range);
        if out.t.is_empty() && t.len() == run.len() {
            // The common case: nothing lies before it, nothing outside.
            std::mem::swap(&mut out.t, &mut run.t);
            std::mem::swap(&mut out.v, &mut run.v);
            continue;
        }
        let (Some(first), Some(last)) = (t.first(), t.last()) else { continue };
        if out.t.last().is_none_or(|newest| newest < first) {
            out.t.extend_from_slice(t);
            out.v.extend_from_slice(v);
        } else if out.t.first().is_some_and(|oldest| last < oldest) {
            scratch.clear();
            scratch.t.extend_from_slice(t);
            scratch.v.extend_from_slice(v);
            scratch.t.extend_from_slice(&out.t);
            scratch.v.extend_from_slice(&out.v);
            std::mem::swap(out, scratch);
        } else {
            weave(out, t, v, scratch);
        }
    }
}

fn weave(out: &mut Run, t: &[i64], v: &[f64], scratch: &mut Run) {
    scratch.clear();
    let (mut a, mut b) = (0, 0);
    while a < out.len() || b < t.len() {
        let take_new = match (out.t.get(a), t.get(b)) {
            (Some(have), Some(new)) => {
                if have == new {
                    b += 1;
                    continue;
                }
                new < have
            }
            (have, _) => have.is_none(),
        };
        if take_new {
            scratch.t.push(t[b]);
            scratch.v.push(v[b]);
            b += 1;
        } else {
            scratch.t.push(out.t[a]);
            scratch.v.push(out.v[a]);
            a += 1;
        }
    }
    std::mem::swap(out, scratch);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merging_is_a_map_into_which_the_first_writes(
            runs in prop::collection::vec(prop::collection::btree_map(0i64..60, any::<i8>(), 0..20), 0..5),
            start in -5i64..65, len in 0i64..70,
        ) {
            let range = TimeRange::new(start, start + len);
            let mut model = BTreeMap::new();
            for run in &runs {
                for (t, v) in run.iter().filter(|(t, _)| range.contains(**t)) {
                    model.entry(*t).or_insert(f64::from(*v));
                }
            }
            let mut runs: Vec<Run> = runs.into_iter().map(|m| Run {
                t: m.keys().copied().collect(), v: m.values().map(|v| f64::from(*v)).collect(), ..Run::default()
            }).collect();
            let (mut out, mut scratch) = (Run::default(), Run::default());
            merge(&mut runs, range, &mut out, &mut scratch);
            prop_assert_eq!(out.t, model.keys().copied().collect::<Vec<_>>());
            prop_assert_eq!(out.v, model.values().copied().collect::<Vec<_>>());
        }
    }
}
