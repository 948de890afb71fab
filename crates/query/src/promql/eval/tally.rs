//! How many samples a query looked at, step by step, in the way Prometheus counts them for `stats=all`.
//!
//! Two numbers: *total* is what each step would look at alone, so that windows that overlap count a sample again and
//! again; *read* counts it once. A native histogram counts as many samples as it takes space.

use std::sync::{Arc, Mutex, PoisonError};

use model::Histogram;

use super::select::Run;
use super::{Cells, Evaluator, Steps};
use crate::promql::functions::window::Plan;

/// Counts by step of one grid of times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    steps: Option<Steps>,
    pub(crate) total: Vec<u64>,
    pub(crate) read: Vec<u64>,
}

impl Tally {
    pub(crate) fn new(steps: Steps) -> Self {
        Self { steps: Some(steps), total: vec![0; steps.len], read: vec![0; steps.len] }
    }

    fn add(&mut self, i: usize, total: u64, read: u64) {
        if let (Some(all), Some(once)) = (self.total.get_mut(i), self.read.get_mut(i)) {
            *all += total;
            *once += read;
        }
    }
}

/// The counts of the grid under evaluation; `None` where nobody asks.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Option<Mutex<Tally>>);

impl Tallies {
    pub(crate) fn new(wanted: bool, steps: Steps) -> Self {
        Self(wanted.then(|| Mutex::new(Tally::new(steps))))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Tally) -> T) -> Option<T> {
        self.0.as_ref().map(|tally| f(&mut tally.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Counts on another grid from now on; returns the counts so far.
    fn enter(&self, steps: Steps) -> Option<Tally> {
        self.with(|tally| std::mem::replace(tally, Tally::new(steps)))
    }

    /// Goes back to `outer` and returns what was counted meanwhile.
    fn leave(&self, outer: Option<Tally>) -> Option<Tally> {
        outer.and_then(|outer| self.with(|tally| std::mem::replace(tally, outer)))
    }

    /// What was counted.
    pub(crate) fn finish(&self) -> Option<Tally> {
        self.with(|tally| tally.clone())
    }
}

/// How many samples a histogram counts as.
pub(crate) fn weight(h: &Histogram) -> u64 {
    // The space it takes in Prometheus, in samples of 16 bytes, its time included.
    const FIXED: usize = 168 + 8;
    let spans = h.positive_spans.len() + h.negative_spans.len();
    let numbers = h.positive_buckets.len() + h.negative_buckets.len() + h.custom_values.len();
    ((FIXED + 8 * (spans + numbers)) / 16) as u64
}

/// How many samples a run counts as.
pub(crate) fn weight_of(run: &Run) -> u64 {
    (run.t.len() + run.summaries.len()) as u64 + run.h.iter().map(|(_, h)| weight(h)).sum::<u64>()
}

fn weigh(h: &[(i64, Arc<Histogram>)], after: i64, until: i64) -> u64 {
    let from = h.partition_point(|(t, _)| *t <= after);
    let to = h.partition_point(|(t, _)| *t <= until);
    h.get(from..to).unwrap_or_default().iter().map(|(_, h)| weight(h)).sum()
}

impl Evaluator<'_> {
    /// Counts the samples that an instant selector took.
    pub(crate) fn tally_cells(&self, cells: &Cells) {
        self.tallies.with(|tally| {
            for i in 0..cells.len() {
                let samples = match (cells.float(i), cells.histogram(i)) {
                    (Some(_), _) => 1,
                    (None, Some(h)) => weight(h),
                    (None, None) => continue,
                };
                tally.add(i, samples, samples);
            }
        });
    }

    /// Counts the samples in the windows of `plan`, which reach `around` (before, behind) further; `stored`: they were
    /// read from the store, not computed by a subquery.
    pub(crate) fn tally_windows(&self, run: &Run, plan: &Plan<'_>, around: (i64, i64), stored: bool) {
        self.tallies.with(|tally| {
            let count = |after: i64, until: i64| {
                let from = run.t.partition_point(|t| *t <= after);
                let to = run.t.partition_point(|t| *t <= until);
                to.saturating_sub(from) as u64 + weigh(&run.h, after, until)
            };
            for i in 0..plan.steps.len {
                let until = plan.end(i).saturating_add(around.1);
                let after = plan.end(i).saturating_sub(plan.range).saturating_sub(around.0);
                let fresh = match (i, plan.ends.len) {
                    (0, _) => count(after, until),
                    (_, 1) => 0,
                    _ => count(after.max(until.saturating_sub(plan.steps.step)), until),
                };
                tally.add(i, count(after, until), if stored { fresh } else { 0 });
            }
        });
    }

    /// Counts samples at the first step.
    pub(crate) fn tally_first(&self, samples: u64) {
        self.tallies.with(|tally| tally.add(0, samples, samples));
    }

    /// Evaluates on a grid of one step what is the same at `steps` steps: each step looks at it, it is read once.
    pub(crate) fn tally_once<T>(&self, steps: Steps, evaluate: impl FnOnce() -> T) -> T {
        let outer = self.tallies.enter(steps.first());
        let value = evaluate();
        if let Some(inner) = self.tallies.leave(outer) {
            let (total, read) = (inner.total.iter().sum(), inner.read.iter().sum());
            self.tallies.with(|tally| {
                for i in 0..steps.len {
                    tally.add(i, total, if i == 0 { read } else { 0 });
                }
            });
        }
        value
    }

    /// Evaluates on the grid of a subquery. What it read counts for the first outer step whose window of `range` has
    /// it; what it looked at is counted by the outer windows, or here (`whole`) where there are none.
    pub(crate) fn tally_subquery<T>(
        &self,
        inner: Steps,
        (offset, range): (i64, i64),
        whole: bool,
        evaluate: impl FnOnce() -> T,
    ) -> T {
        let outer = self.tallies.enter(inner);
        let value = evaluate();
        let Some(child) = self.tallies.leave(outer) else { return value };
        self.tallies.with(|tally| {
            let Some(steps) = tally.steps else { return };
            for (k, read) in child.read.iter().enumerate().filter(|(_, read)| **read > 0) {
                let t = inner.time(k).saturating_add(offset);
                let behind = t.saturating_sub(steps.start).max(0) as u64;
                let step = usize::try_from(behind.div_ceil(steps.step.max(1).unsigned_abs()))
                    .unwrap_or(usize::MAX)
                    .min(steps.len.saturating_sub(1));
                let missed = steps.len > 1 && !whole && t <= steps.time(step).saturating_sub(range);
                if !missed {
                    tally.add(step, 0, *read);
                }
            }
            if whole {
                let last = steps.len.saturating_sub(1);
                tally.add(last, child.total.iter().sum(), 0);
            }
        });
        value
    }
}
