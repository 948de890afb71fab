//! Aggregations of the floats in a window.

use std::collections::VecDeque;
use std::ops::Range;

use super::start::Starts;
use super::window::{Plan, Site, windows};
use crate::promql::annotations::invalid_quantile;
use crate::promql::eval::Cells;
use crate::promql::eval::select::Run;
use crate::promql::number::{self, Mean, kahan_sum};

pub(super) fn sum(v: &[f64]) -> f64 {
    let sum = kahan_sum(v, |v| v);
    if sum.sum.is_infinite() { sum.sum } else { sum.total() }
}

pub(super) fn mean(v: &[f64]) -> f64 {
    let sum = kahan_sum(v, |v| v);
    if !sum.sum.is_infinite() {
        let count = v.len() as f64;
        return sum.sum / count + sum.c / count;
    }
    // The sum is too large for a number, the mean need not be.
    let mut mean = Mean::default();
    v.iter().for_each(|v| mean.add(*v));
    mean.mean()
}

/// The least value of each window; NaN only where all are.
pub(super) fn least(run: &Run, plan: &Plan<'_>) -> Option<Cells> {
    extreme(run, plan, |v, other| v < other)
}

/// The greatest value of each window; NaN only where all are.
pub(super) fn greatest(run: &Run, plan: &Plan<'_>) -> Option<Cells> {
    extreme(run, plan, |v, other| v > other)
}

/// The value that `beats` all others in each window. The queue holds, in order, the samples that can still win once
/// those before them have left the window; each sample enters and leaves it once, however long windows are.
fn extreme(run: &Run, plan: &Plan<'_>, beats: impl Fn(f64, f64) -> bool) -> Option<Cells> {
    let mut queue: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    windows(run, plan, |w| {
        next = next.max(w.first);
        for (at, v) in run.v.iter().enumerate().take(w.first + w.v.len()).skip(next) {
            if v.is_nan() {
                continue;
            }
            while queue.back().is_some_and(|last| beats(*v, run.v[*last])) {
                queue.pop_back();
            }
            queue.push_back(at);
        }
        next = w.first + w.v.len();
        while queue.front().is_some_and(|at| *at < w.first) {
            queue.pop_front();
        }
        // Without a number in the window, every sample is NaN.
        Some(queue.front().map_or(w.v[0], |at| run.v[*at]))
    })
}

/// When the last extreme value was, in seconds.
pub(super) fn time_of(t: &[i64], v: &[f64], wins: impl Fn(f64, f64) -> bool) -> Option<f64> {
    let (mut best_t, mut best) = (*t.first()?, *v.first()?);
    for (t, v) in t.iter().zip(v) {
        if wins(*v, best) || best.is_nan() {
            (best_t, best) = (*t, *v);
        }
    }
    Some(best_t as f64 / 1000.0)
}

/// The population variance: the mean first, then the squares of the distances from it. Values count from the first
/// one, so that equal values have no variance at all.
pub(super) fn variance(v: &[f64]) -> f64 {
    let Some(first) = v.first() else { return f64::NAN };
    let count = v.len() as f64;
    let sum = kahan_sum(v, |v| v - first);
    let mean = sum.sum / count + sum.c / count;
    let squares = kahan_sum(v, |v| {
        let distance = v - first - mean;
        distance * distance
    });
    squares.total() / count
}

/// The median of the distances from the median.
pub(super) fn median_deviation(v: &[f64], buffer: &mut Vec<f64>) -> f64 {
    if v.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    buffer.clear();
    buffer.extend_from_slice(v);
    let median = number::quantile(0.5, buffer);
    buffer.iter_mut().for_each(|v| *v = (*v - median).abs());
    number::quantile(0.5, buffer)
}

/// The quantile of each window; `q` has one entry a step.
pub(super) fn quantiles(run: &Run, plan: &Plan<'_>, q: &[f64], site: &Site<'_>) -> Option<Cells> {
    let mut sorted = Sorted::default();
    windows(run, plan, |w| {
        let q = q[w.step];
        if !(0.0..=1.0).contains(&q) {
            site.notes.warn(site.first_arg, invalid_quantile(q));
        }
        Some(sorted.quantile(q, &run.v, w.first..w.first + w.v.len()))
    })
}

/// The values of a window in order. Where windows overlap a lot, what leaves and what enters is taken out and put in;
/// elsewhere nothing is kept in order, and the rank is selected.
#[derive(Default)]
struct Sorted {
    values: Vec<f64>,
    /// Which samples `values` holds in order; empty where it holds none in order.
    held: Range<usize>,
    /// The window before.
    last: Range<usize>,
}

impl Sorted {
    /// The quantile of the samples at `inside`; ranges only move forward.
    fn quantile(&mut self, q: f64, v: &[f64], inside: Range<usize>) -> f64 {
        /// Moving one value costs about as much as selecting among this many.
        const WORTH: usize = 16;
        let last = std::mem::replace(&mut self.last, inside.clone());
        let moved = inside.start.saturating_sub(last.start) + inside.end.saturating_sub(last.end);
        let near = inside.start < last.end && moved * WORTH < inside.len();
        if near && self.held == last {
            for value in &v[self.held.start..inside.start] {
                if let Ok(at) = self.values.binary_search_by(|held| number::by_rank(held, value)) {
                    self.values.remove(at);
                }
            }
            for value in &v[self.held.end..inside.end] {
                let at = self.values.partition_point(|held| number::by_rank(held, value).is_lt());
                self.values.insert(at, *value);
            }
            self.held = inside;
            return number::quantile_of_sorted(q, &self.values);
        }
        self.values.clear();
        self.values.extend_from_slice(&v[inside.clone()]);
        // The next window is likely to overlap as much as this one does.
        if near {
            self.values.sort_unstable_by(number::by_rank);
            self.held = inside;
            return number::quantile_of_sorted(q, &self.values);
        }
        self.held = 0..0;
        number::quantile(q, &mut self.values)
    }
}

/// How often the value changed within each window.
pub(super) fn changes(run: &Run, plan: &Plan<'_>) -> Option<Cells> {
    count_pairs(run, plan, |i| {
        let (before, v) = (run.v[i - 1], run.v[i]);
        before != v && !(before.is_nan() && v.is_nan())
    })
}

/// How often a counter fell within each window.
pub(super) fn resets(run: &Run, plan: &Plan<'_>) -> Option<Cells> {
    let starts = Starts { t: &run.t, start: &run.start };
    count_pairs(run, plan, |i| run.v[i] < run.v[i - 1] || starts.is_reset(i))
}

/// Counts the samples that `hit` accepts beside the ones before them, by differences of one running count.
fn count_pairs(run: &Run, plan: &Plan<'_>, hit: impl Fn(usize) -> bool) -> Option<Cells> {
    let mut until: Vec<u32> = Vec::with_capacity(run.v.len());
    let mut count = 0;
    for i in 0..run.v.len() {
        if i > 0 && hit(i) {
            count += 1;
        }
        until.push(count);
    }
    windows(run, plan, |w| Some(f64::from(until[w.first + w.v.len() - 1] - until[w.first])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::eval::Steps;

    #[test]
    fn extremes_slide_and_skip_nan() {
        let nan = f64::NAN;
        let v = vec![3.0, 1.0, nan, 2.0, 2.0, nan, nan, -1.0, 5.0];
        let t = (0..).step_by(10).take(v.len()).collect();
        let run = Run { t, v, ..Run::default() };
        for range in [10, 20, 30, 60] {
            let steps = Steps::range(0, 120, 5);
            let ctx = model::Ctx::unbounded();
            let plan = Plan { steps, ends: steps, range, ctx: &ctx };
            let naive = |better: fn(f64, f64) -> bool| {
                let best = |w: &[f64]| {
                    w.iter().copied().reduce(|a, b| if better(b, a) || a.is_nan() { b } else { a })
                };
                windows(&run, &plan, |w| best(w.v)).unwrap()
            };
            let pairs = [
                (least(&run, &plan).unwrap(), naive(|a, b| a < b)),
                (greatest(&run, &plan).unwrap(), naive(|a, b| a > b)),
            ];
            for (ours, naive) in pairs {
                let bits = |c: &Cells| (0..c.len()).map(|i| c.float(i).map(f64::to_bits)).collect::<Vec<_>>();
                assert_eq!(bits(&ours), bits(&naive), "range {range}");
            }
        }
        assert_eq!(time_of(&[1000, 2000, 3000], &[5.0, 5.0, 1.0], |a, b| a >= b), Some(2.0));
    }

    #[test]
    fn sliding_quantiles_are_those_of_each_window_alone() {
        let mut state = 88_172_645_463_325_252u64;
        let v: Vec<f64> = (0..3_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                [state as f64 / 1e19, 0.0, -0.0, f64::NAN, (state % 5) as f64][(state % 5) as usize]
            })
            .collect();
        let (mut from, mut to, mut sorted) = (0, 0, Sorted::default());
        let mut slid = 0;
        while to < v.len() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            to = (to + (state % 7) as usize + if state.is_multiple_of(97) { 400 } else { 0 }).min(v.len());
            from = to.saturating_sub(200).max(from);
            if from == to {
                continue;
            }
            slid += usize::from(!sorted.held.is_empty());
            for q in [0.0, 0.3, 0.99, 1.0] {
                let alone = number::quantile(q, &mut v[from..to].to_vec());
                let ours = sorted.quantile(q, &v, from..to);
                assert_eq!(ours.to_bits(), alone.to_bits(), "{q} of {from}..{to}");
            }
        }
        assert!(slid > 100, "only {slid} windows overlapped");
    }

    #[test]
    fn deviations() {
        assert_eq!(variance(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), 4.0);
        assert_eq!(median_deviation(&[4.0, 6.0, 2.0, 1.0, 999.0, 1.0, 2.0], &mut Vec::new()), 1.0);
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
    }
}
