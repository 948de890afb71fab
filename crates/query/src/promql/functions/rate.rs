//! `rate`, `increase`, `delta`, `irate`, `idelta` of floats.

use super::start::Starts;
use super::window::{Plan, Site, Window, windows};
use crate::promql::eval::select::Run;
use crate::promql::eval::{Cells, Steps};

/// The increase between the first and the last sample of each window, extended to the window's edges where the
/// samples come close to them, counter resets added back. Where the first sample of a window started within the
/// window, the counter is known to have been zero then.
///
/// The places of all resets are found once a series; a window then costs as much as it has resets.
pub(super) fn extrapolated(
    run: &Run,
    plan: &Plan<'_>,
    counter: bool,
    per_second: bool,
    site: &Site<'_>,
) -> Option<Cells> {
    match counter && !run.start.is_empty() {
        true => with_starts(run, plan, per_second, site),
        false => plain(run, plan, counter, per_second),
    }
}

/// What windows are like that samples at certain times fall into. Series of one target have the same times, so this
/// is found once for all of them.
#[derive(Debug, Default)]
pub(crate) struct Extents {
    t: Vec<i64>,
    /// Of which windows: steps, ends, length, and whether per second.
    windows: Option<(Steps, Steps, i64, bool)>,
    found: Vec<Extent>,
}

/// A window with at least two samples.
#[derive(Debug, Clone, Copy)]
struct Extent {
    step: usize,
    /// Of the first sample, and after the last one.
    low: usize,
    high: usize,
    /// From the first to the last sample, seconds.
    covered: f64,
    /// How much further the window reaches before and after them, seconds.
    before: f64,
    after: f64,
    /// By what an increase is multiplied if it is extended that far.
    factor: f64,
}

impl Extent {
    fn factor(covered: f64, before: f64, after: f64, divisor: Option<f64>) -> f64 {
        let factor = if covered == 0.0 { 1.0 } else { (covered + before + after) / covered };
        divisor.map_or(factor, |seconds| factor / seconds)
    }
}

impl Extents {
    fn of(t: &[i64], plan: &Plan<'_>, divisor: Option<f64>) -> Vec<Extent> {
        let seconds = |from: i64, to: i64| to.saturating_sub(from) as f64 / 1000.0;
        let mut found = Vec::with_capacity(plan.steps.len);
        let (mut low, mut high) = (0, 0);
        for step in 0..plan.steps.len {
            let end = plan.end(step);
            let start = end.saturating_sub(plan.range);
            while high < t.len() && t[high] <= end {
                high += 1;
            }
            while low < high && t[low] <= start {
                low += 1;
            }
            if high - low < 2 {
                continue;
            }
            let (first, last) = (t[low], t[high - 1]);
            let covered = seconds(first, last);
            let between = covered / (high - low - 1) as f64;
            let near = between * 1.1;
            let reach = |free: f64| if free >= near { between / 2.0 } else { free };
            let (before, after) = (reach(seconds(start, first)), reach(seconds(last, end)));
            let factor = Extent::factor(covered, before, after, divisor);
            found.push(Extent { step, low, high, covered, before, after, factor });
        }
        found
    }
}

/// Without start timestamps.
fn plain(run: &Run, plan: &Plan<'_>, counter: bool, per_second: bool) -> Option<Cells> {
    let divisor = per_second.then_some(plan.range as f64 / 1000.0);
    let mut extents = run.extents.borrow_mut();
    let windows = Some((plan.steps, plan.ends, plan.range, per_second));
    if extents.windows != windows || extents.t != run.t {
        extents.windows = windows;
        extents.t.clone_from(&run.t);
        extents.found = Extents::of(&run.t, plan, divisor);
    }
    if extents.found.is_empty() {
        return None;
    }
    let v = run.v.as_slice();
    let falls = |i: usize| v[i] < v[i - 1];
    // Counted without a branch first: most series have none.
    let some = counter && v.windows(2).map(|w| u32::from(w[1] < w[0])).sum::<u32>() > 0;
    let resets: Vec<usize> = if some { (1..v.len()).filter(|i| falls(*i)).collect() } else { Vec::new() };
    let mut next = 0;
    let mut cells = Cells::absent(plan.steps.len);
    for w in &extents.found {
        let (first, last) = (v[w.low], v[w.high - 1]); // of `run.t`, which `v` is parallel to
        let mut increase = last - first;
        if some {
            while next < resets.len() && resets[next] <= w.low {
                next += 1;
            }
            for at in resets[next..].iter().take_while(|at| **at < w.high) {
                increase += v[at - 1];
            }
        }
        let mut factor = w.factor;
        if counter && increase > 0.0 && first >= 0.0 {
            let to_zero = w.covered * (first / increase);
            if to_zero < w.before {
                factor = Extent::factor(w.covered, to_zero, w.after, divisor);
            }
        }
        cells.set(w.step, increase * factor);
    }
    Some(cells)
}

/// Of a counter whose samples have start timestamps.
fn with_starts(run: &Run, plan: &Plan<'_>, per_second: bool, site: &Site<'_>) -> Option<Cells> {
    let starts = Starts { t: &run.t, start: &run.start };
    let resets: Vec<usize> =
        (1..run.v.len()).filter(|i| run.v[*i] < run.v[*i - 1] || starts.is_reset(*i)).collect();
    let mut next = 0;
    windows(run, plan, |w| {
        let (first, last) = (*w.v.first()?, *w.v.last()?);
        let inside = w.first..w.first + w.v.len();
        starts.tell_overlap(inside.clone(), site);
        let mut increase = last - first;
        while next < resets.len() && resets[next] <= w.first {
            next += 1;
        }
        for at in resets[next..].iter().take_while(|at| **at < inside.end) {
            increase += run.v[at - 1];
        }
        let began = starts.within(w.first, w.start);
        if began.is_some() {
            increase += first;
        }
        let shape =
            Shape { start: w.start, end: w.end, first: *w.t.first()?, last: *w.t.last()?, count: w.v.len() };
        let factor = shape.extension(began, Some(first), increase)?;
        let divided = if per_second { factor / (plan.range as f64 / 1000.0) } else { factor };
        Some(increase * divided)
    })
}

/// A window and where its samples lie, ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Time of the first sample.
    pub(super) first: i64,
    /// Time of the last sample.
    pub(super) last: i64,
    pub(super) count: usize,
}

impl Shape {
    /// How much longer the window is than what its samples cover. `began` is when the counter was zero, if that is
    /// known; without it, two samples are needed, and `value`, the first value of a counter, tells how long ago it
    /// can have been zero at most.
    pub(super) fn extension(self, began: Option<i64>, value: Option<f64>, increase: f64) -> Option<f64> {
        let seconds = |from: i64, to: i64| to.saturating_sub(from) as f64 / 1000.0;
        let between = match self.count {
            0 => return None,
            1 => 0.0,
            count => seconds(self.first, self.last) / (count - 1) as f64,
        };
        let near = between * 1.1;
        let (covered, before) = match began {
            Some(began) => (seconds(began, self.last), 0.0),
            None if self.count == 1 => return None,
            None => {
                let covered = seconds(self.first, self.last);
                let mut before = seconds(self.start, self.first);
                if before >= near {
                    before = between / 2.0;
                }
                if let Some(value) = value
                    && increase > 0.0
                    && value >= 0.0
                {
                    let to_zero = covered * (value / increase);
                    if to_zero < before {
                        before = to_zero;
                    }
                }
                (covered, before)
            }
        };
        let mut after = seconds(self.last, self.end);
        if after >= near {
            after = between / 2.0;
        }
        Some(if covered == 0.0 { 1.0 } else { (covered + before + after) / covered })
    }
}

/// The difference of the last two samples, per second for a rate.
pub(super) fn last_two(w: &Window<'_>, run: &Run, rate: bool) -> Option<f64> {
    let (t, v) = (w.t, w.v);
    let at = v.len().checked_sub(2)?;
    let elapsed = t[at + 1] - t[at];
    if elapsed == 0 {
        return None;
    }
    let started = || Starts { t: &run.t, start: &run.start }.is_reset(w.first + at + 1);
    let reset = rate && (v[at + 1] < v[at] || started());
    let difference = if reset { v[at + 1] } else { v[at + 1] - v[at] };
    Some(if rate { difference / (elapsed as f64 / 1000.0) } else { difference })
}

#[cfg(test)]
#[path = "rate/tests.rs"]
mod tests;
