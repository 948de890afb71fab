//! `rate`, `increase`, `delta`, `irate`, `idelta` of floats.

use super::window::{Plan, Window, windows};
use crate::promql::eval::Cells;
use crate::promql::eval::select::Run;

/// The increase between the first and the last sample of each window, extended to the window's edges where the
/// samples come close to them, counter resets added back.
///
/// The places of all resets are found once a series; a window then costs as much as it has resets.
pub(super) fn extrapolated(run: &Run, plan: &Plan, counter: bool, per_second: bool) -> Option<Cells> {
    let resets: Vec<usize> = match counter {
        true => (1..run.v.len()).filter(|i| run.v[*i] < run.v[*i - 1]).collect(),
        false => Vec::new(),
    };
    let mut next = 0;
    windows(run, plan, |w| {
        let (first, last) = (*w.v.first()?, *w.v.last()?);
        let mut increase = last - first;
        while next < resets.len() && resets[next] <= w.first {
            next += 1;
        }
        for at in resets[next..].iter().take_while(|at| **at < w.first + w.v.len()) {
            increase += run.v[at - 1];
        }
        let factor = factor(&w, counter.then_some(first), increase)?;
        let divided = if per_second { factor / (plan.range as f64 / 1000.0) } else { factor };
        Some(increase * divided)
    })
}

/// How much longer the window is than what its samples cover; `None` with fewer than two samples. `first` is the
/// first value of a counter, which cannot have been below zero before.
fn factor(w: &Window<'_>, first: Option<f64>, increase: f64) -> Option<f64> {
    let (first_t, last_t) = (*w.t.first()?, *w.t.last()?);
    extension(w.start, w.end, (first_t, last_t), w.t.len(), first, increase)
}

/// See [`factor`]: `start` and `end` of the window, times of the first and last of `count` samples.
pub(super) fn extension(
    start: i64,
    end: i64,
    (first_t, last_t): (i64, i64),
    count: usize,
    first: Option<f64>,
    increase: f64,
) -> Option<f64> {
    if count < 2 {
        return None;
    }
    let seconds = |from: i64, to: i64| to.saturating_sub(from) as f64 / 1000.0;
    let covered = seconds(first_t, last_t);
    let between = covered / (count - 1) as f64;
    let near = between * 1.1;
    let mut before = seconds(start, first_t);
    if before >= near {
        before = between / 2.0;
    }
    if let Some(first) = first
        && increase > 0.0
        && first >= 0.0
    {
        let to_zero = covered * (first / increase);
        if to_zero < before {
            before = to_zero;
        }
    }
    let mut after = seconds(last_t, end);
    if after >= near {
        after = between / 2.0;
    }
    Some(if covered == 0.0 { 1.0 } else { (covered + before + after) / covered })
}

/// The difference of the last two samples, per second for a rate.
pub(super) fn last_two(t: &[i64], v: &[f64], rate: bool) -> Option<f64> {
    let at = v.len().checked_sub(2)?;
    let elapsed = t[at + 1] - t[at];
    if elapsed == 0 {
        return None;
    }
    let reset = rate && v[at + 1] < v[at];
    let difference = if reset { v[at + 1] } else { v[at + 1] - v[at] };
    Some(if rate { difference / (elapsed as f64 / 1000.0) } else { difference })
}
