//! `rate`, `increase`, `delta`, `irate`, `idelta` of floats.

use super::start::Starts;
use super::window::{Plan, Site, Window, windows};
use crate::promql::eval::Cells;
use crate::promql::eval::select::Run;

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
    let starts = Starts { t: &run.t, start: if counter { &run.start } else { &[] } };
    let resets: Vec<usize> = match counter {
        true => (1..run.v.len()).filter(|i| run.v[*i] < run.v[*i - 1] || starts.is_reset(*i)).collect(),
        false => Vec::new(),
    };
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
        let factor = shape.extension(began, counter.then_some(first), increase)?;
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
