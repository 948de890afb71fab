//! Window functions over summaries: the store gave them for spans that lie in a window as a whole, and single samples
//! elsewhere. A single sample is a span of no length here, so that there is one list.
//!
//! A span belongs to the window in which its middle lies. Where samples are there to be read, no window cuts a span,
//! and the result is that of the samples (docs/decisions/tiers.md has the bounds of rounding). Where only summaries are
//! left, the ends of a window move to the nearest border, and a window within one span gets that span.

use model::{Digest, Fields};

use super::rate::Shape;
use super::window::{Kernel, Plan, Site};
use crate::promql::eval::Cells;
use crate::promql::eval::select::Run;
use crate::promql::number::kahan_sum;

impl Kernel {
    /// The fields of summaries that are enough, if some are.
    pub(super) fn fields(&self) -> Option<Fields> {
        let none = Fields::default();
        Some(match self {
            Self::Rate { counter, .. } => {
                Fields { first: true, last: true, count: true, resets: *counter, ..none }
            }
            Self::Sum => Fields { sum: true, ..none },
            Self::Avg => Fields { sum: true, count: true, ..none },
            Self::Count | Self::Present => Fields { count: true, ..none },
            Self::Min => Fields { min: true, ..none },
            Self::Max => Fields { max: true, ..none },
            Self::First | Self::TimeOfFirst => Fields { first: true, ..none },
            Self::Last | Self::TimeOfLast => Fields { last: true, ..none },
            _ => return None,
        })
    }

    /// Runs over the summaries and floats of a series.
    pub(super) fn over_summaries(&self, run: &Run, plan: &Plan<'_>, site: &Site<'_>) -> Option<Cells> {
        let all = woven(run);
        match self {
            Self::Rate { counter, per_second } => rate(&all, plan, *counter, *per_second),
            Self::Avg => {
                let sums: Vec<f64> = all.iter().map(|s| s.sum).collect();
                each_window(&all, plan, |w| {
                    let count: u64 = all[w.low..w.high].iter().map(|s| s.count).sum();
                    let sum = kahan_sum(&sums[w.low..w.high], |v| v);
                    let count = count as f64;
                    Some(if sum.sum.is_infinite() { sum.sum } else { sum.sum / count + sum.c / count })
                })
            }
            Self::Sum => self.over_values(&all, run, plan, site, |s| s.sum),
            Self::Count => Self::Sum.over_values(&all, run, plan, site, |s| s.count as f64),
            Self::Present => self.over_values(&all, run, plan, site, |_| 1.0),
            Self::Min => self.over_values(&all, run, plan, site, |s| s.min),
            Self::Max => self.over_values(&all, run, plan, site, |s| s.max),
            Self::First => self.over_values(&all, run, plan, site, |s| s.first),
            Self::Last => self.over_values(&all, run, plan, site, |s| s.last),
            Self::TimeOfFirst => {
                Self::First.over_values(&all, run, plan, site, |s| s.first_t as f64 / 1000.0)
            }
            Self::TimeOfLast => Self::Last.over_values(&all, run, plan, site, |s| s.last_t as f64 / 1000.0),
            _ => None,
        }
    }

    /// Runs over one value of each span, as if it were a sample in its middle.
    fn over_values(
        &self,
        all: &[Digest],
        run: &Run,
        plan: &Plan<'_>,
        site: &Site<'_>,
        value: impl Fn(&Digest) -> f64,
    ) -> Option<Cells> {
        let values = Run {
            t: all.iter().map(Digest::middle).collect(),
            v: all.iter().map(&value).collect(),
            ..Run::default()
        };
        let found = self.over_floats(&values, plan, site);
        if run.coarse.is_none() {
            return found;
        }
        let mut found = found.unwrap_or_else(|| Cells::absent(plan.steps.len));
        for step in 0..plan.steps.len {
            if !found.is_present(step)
                && let Some(within) = span_around(all, plan.end(step))
            {
                found.set(step, value(&all[within]));
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

/// Summaries and single samples in one list.
fn woven(run: &Run) -> Vec<Digest> {
    let mut all = Vec::with_capacity(run.summaries.len() + run.t.len());
    let mut singles = run.t.iter().zip(&run.v).map(|(t, v)| Digest::of(*t, *v)).peekable();
    for summary in &run.summaries {
        while let Some(single) = singles.next_if(|s| s.end <= summary.from) {
            all.push(single);
        }
        all.push(*summary);
    }
    all.extend(singles);
    // The store keeps them apart; were they not, windows would count backwards.
    all.sort_by_key(Digest::middle);
    all
}

/// The spans of a window, and where they begin and end.
struct Spans {
    low: usize,
    high: usize,
    /// The open start, at a border of spans.
    start: i64,
    end: i64,
}

/// Calls `f` for each window that has a span.
fn each_window(all: &[Digest], plan: &Plan<'_>, mut f: impl FnMut(Spans) -> Option<f64>) -> Option<Cells> {
    let mut cells = Cells::absent(plan.steps.len);
    let (mut low, mut high, mut any, mut spent) = (0, 0, false, 0);
    for step in 0..plan.steps.len {
        let end = plan.end(step);
        let start = end.saturating_sub(plan.range);
        while all.get(high).is_some_and(|s| s.middle() <= end) {
            high += 1;
        }
        while low < high && all[low].middle() <= start {
            low += 1;
        }
        let spans = if low < high {
            Spans { low, high, start: border(all, low, start), end: border(all, high, end) }
        } else if let Some(at) = span_around(all, end) {
            Spans { low: at, high: at + 1, start: all[at].from, end: all[at].end }
        } else {
            continue;
        };
        if plan.gives_up(&mut spent, 64) {
            break;
        }
        if let Some(value) = f(spans) {
            cells.set(step, value);
            any = true;
        }
    }
    any.then_some(cells)
}

/// The end of a window, or the border nearest to it where it cuts a span. The span right before `at` has its middle
/// at or before the end, the one at `at` after it.
fn border(all: &[Digest], at: usize, end: i64) -> i64 {
    if let Some(before) = at.checked_sub(1).and_then(|at| all.get(at))
        && before.from < end
        && end < before.end
    {
        return before.end;
    }
    match all.get(at) {
        Some(after) if after.from < end && end < after.end => after.from,
        _ => end,
    }
}

/// The span of some length that holds `t`.
fn span_around(all: &[Digest], t: i64) -> Option<usize> {
    let at = all.partition_point(|s| s.end < t);
    all.get(at).filter(|s| s.from < t && t <= s.end).map(|_| at)
}

/// As of samples: the increase between the first and the last sample, extended to the ends of the window.
fn rate(all: &[Digest], plan: &Plan<'_>, counter: bool, per_second: bool) -> Option<Cells> {
    // Samples before each span; a drop between two spans comes before those inside the second one.
    let mut before: Vec<u64> = Vec::with_capacity(all.len() + 1);
    before.push(0);
    let mut resets: Vec<(usize, f64)> = Vec::new();
    for (at, span) in all.iter().enumerate() {
        before.push(before[at] + span.count);
        if counter {
            if at > 0 && span.first < all[at - 1].last {
                resets.push((2 * at, all[at - 1].last));
            }
            if span.resets != 0.0 {
                resets.push((2 * at + 1, span.resets));
            }
        }
    }
    let mut next = 0;
    each_window(all, plan, |w| {
        let (first, last) = (&all[w.low], &all[w.high - 1]); // a window has a span
        let mut increase = last.last - first.first;
        while next < resets.len() && resets[next].0 <= 2 * w.low {
            next += 1;
        }
        for (_, counted) in resets[next..].iter().take_while(|r| r.0 < 2 * w.high) {
            increase += counted;
        }
        let count = before[w.high] - before[w.low];
        let shape = Shape {
            start: w.start,
            end: w.end,
            first: first.first_t,
            last: last.last_t,
            count: usize::try_from(count).unwrap_or(usize::MAX),
        };
        let factor = shape.extension(None, counter.then_some(first.first), increase)?;
        let length = w.end - w.start;
        if per_second {
            return Some(increase * (factor / (length as f64 / 1000.0)));
        }
        // Where only summaries are left, the window may have another length than was asked for.
        let scale = if length == plan.range { 1.0 } else { plan.range as f64 / length as f64 };
        Some(increase * factor * scale)
    })
}

#[cfg(test)]
#[path = "summaries/tests.rs"]
mod tests;
