//! Selectors whose windows get values at their very edges (experimental): `anchored` takes the last sample before an
//! edge, `smoothed` interpolates between the samples around it.

mod histogram;

use std::sync::Arc;

use model::{SelectHints, TimeRange};

use super::mixed::{HISTOGRAM_WORK, Mixed, Sample, is_change, is_fall, samples};
use super::window::{Kernel, Plan, Site};
use crate::promql::annotations::mixed_floats_histograms;
use crate::promql::ast::{Call, Extension, MatrixSelector, VectorSelector};
use crate::promql::engine::QueryError;
use crate::promql::eval::select::Run;
use crate::promql::eval::{Cell, Cells, Evaluator, Outcome, Rows, Steps};
use crate::promql::native;

impl Evaluator<'_> {
    /// The value at each step: interpolated between the samples before and after it.
    pub(crate) fn smoothed_selector(&self, selector: &VectorSelector, steps: Steps) -> Outcome<Rows> {
        let sources = self.sources(selector, steps);
        let lookback = self.options.lookback_ms;
        let range = TimeRange::new(
            sources.start.saturating_sub(lookback).saturating_add(1),
            sources.last().saturating_add(lookback),
        );
        let make = |run: &mut Run| {
            run.drop_stale();
            let (notes, span) = (&self.notes, selector.span);
            let site = Site { notes, span, first_arg: span, metric: run.labels.metric_name() };
            let cells = interpolated(run, sources, lookback, &site);
            cells.iter().for_each(|cells| self.tally_cells(cells));
            Ok(cells)
        };
        let hints = SelectHints::default();
        let rows = self.read_rows(selector, range, &hints, (sources, sources.len), make)?;
        if sources.len == steps.len { Ok(rows) } else { rows.repeat(steps.len) }
    }

    pub(super) fn over_extended(
        &self,
        call: &Call,
        kernel: &Kernel,
        matrix: &MatrixSelector,
        plan: Plan<'_>,
    ) -> Outcome<Rows> {
        let smoothed = matrix.selector.extension == Some(Extension::Smoothed);
        let (modifier, allowed) = match smoothed {
            true => ("smoothed", "delta, increase, rate"),
            false => ("anchored", "changes, delta, increase, rate, resets"),
        };
        if !allowed.split(", ").any(|name| name == call.function.name) {
            let text = format!(
                "{modifier} modifier can only be used with: {allowed} - not with {}",
                call.function.name
            );
            return Err(QueryError::Execution(text));
        }
        let lookback = self.options.lookback_ms;
        let ahead = if smoothed { lookback } else { 0 };
        let first = plan.ends.start.saturating_sub(plan.range).saturating_sub(lookback);
        let range = TimeRange::new(first.saturating_add(1), plan.ends.last().saturating_add(ahead));
        let make = |run: &mut Run| {
            run.drop_stale();
            self.tally_windows(run, &plan, (lookback, ahead), true);
            let (notes, span) = (&self.notes, matrix.span);
            let site = Site { notes, span, first_arg: span, metric: run.labels.metric_name() };
            let cells = over_edges(kernel, run, &plan, (lookback, smoothed), &site);
            if matches!(kernel, Kernel::Rate { counter: true, .. }) {
                self.warn_of_gauge(run, cells.as_ref(), matrix.span);
            }
            Ok(cells)
        };
        let hints = SelectHints::default();
        self.read_rows(&matrix.selector, range, &hints, (plan.ends, plan.steps.len), make)
    }
}

fn over_edges(
    kernel: &Kernel,
    run: &Run,
    plan: &Plan<'_>,
    (lookback, smoothed): (i64, bool),
    site: &Site<'_>,
) -> Option<Cells> {
    let mut cells = Cells::absent(plan.steps.len);
    let mut spent = 0;
    for step in 0..plan.steps.len {
        let end = plan.end(step);
        let start = end.saturating_sub(plan.range);
        let last = if smoothed { end.saturating_add(lookback) } else { end };
        let window = Mixed::cut(run, start.saturating_sub(lookback), last);
        if plan.gives_up(&mut spent, window.t.len() + HISTOGRAM_WORK * window.h.len()) {
            break;
        }
        let cell = match kernel {
            Kernel::Rate { .. } if !window.v.is_empty() && !window.h.is_empty() => {
                site.notes.warn(site.span, mixed_floats_histograms(site.metric));
                None
            }
            Kernel::Rate { counter, per_second } => {
                let per = if *per_second { plan.range as f64 / 1000.0 } else { 1.0 };
                if window.h.is_empty() {
                    let edges = Edges { t: window.t, v: window.v, start, end };
                    edges.increase(smoothed, *counter).map(|increase| Cell::Float(increase / per))
                } else {
                    let edges = histogram::Edges { h: window.h, start, end, smoothed, site };
                    let increase = edges.increase(*counter);
                    increase.map(|h| Cell::Histogram(Arc::new(native::divide(&h, per))))
                }
            }
            Kernel::Changes => count(&window, start, is_change),
            Kernel::Resets => count(&window, start, is_fall),
            _ => None,
        };
        if let Some(cell) = cell {
            cells.put(step, cell);
        }
    }
    (!cells.is_empty()).then_some(cells)
}

/// Counts pairs from the last sample at or before the start on.
fn count(window: &Mixed<'_>, start: i64, hit: impl Fn(&Sample<'_>, &Sample<'_>) -> bool) -> Option<Cell> {
    let all = samples(window);
    let inside = all.partition_point(|sample| sample.t <= start);
    if inside >= all.len() {
        return None;
    }
    let counted = &all[inside.saturating_sub(1)..];
    Some(Cell::Float(counted.windows(2).filter(|pair| hit(&pair[0], &pair[1])).count() as f64))
}

/// The samples of a window and of the lookback around it.
struct Edges<'a> {
    t: &'a [i64],
    v: &'a [f64],
    start: i64,
    end: i64,
}

impl Edges<'_> {
    /// Right edge minus left edge, counter resets in between added back.
    fn increase(&self, smoothed: bool, counter: bool) -> Option<f64> {
        let mut last = self.t.len().checked_sub(1)?;
        let mut first = self.t[..last].partition_point(|t| *t <= self.start).saturating_sub(1);
        if smoothed {
            last = self.t[..last].partition_point(|t| *t < self.end);
        }
        if self.t[last] <= self.start || (smoothed && self.t[first] > self.end) {
            return None;
        }
        let left = match smoothed && self.t[first] < self.start {
            true => self.between(first, self.start, counter),
            false => self.v[first],
        };
        let right = match smoothed && last > 0 && self.t[last] > self.end {
            true => self.between(last - 1, self.end, counter),
            false => self.v[last],
        };
        let mut increase = right - left;
        if counter {
            if self.t[first] <= self.start {
                first += 1;
            }
            let until = if self.t[last] >= self.end { last } else { last + 1 };
            let mut before = left;
            for v in self.v.get(first..until).unwrap_or_default().iter().chain([&right]) {
                if *v < before {
                    increase += before;
                }
                before = *v;
            }
        }
        Some(increase)
    }

    /// The value at `t` on the line from sample `at` to the next; after a reset, from zero.
    fn between(&self, at: usize, t: i64, counter: bool) -> f64 {
        let Some((next_t, next_v)) = self.t.get(at + 1).zip(self.v.get(at + 1)) else { return self.v[at] };
        line((self.t[at], self.v[at]), (*next_t, *next_v), t, counter)
    }
}

fn line(before: (i64, f64), after: (i64, f64), t: i64, counter: bool) -> f64 {
    let from = if counter && after.1 < before.1 { 0.0 } else { before.1 };
    from + (after.1 - from) * (t - before.0) as f64 / (after.0 - before.0) as f64
}

fn interpolated(run: &Run, sources: Steps, lookback: i64, site: &Site<'_>) -> Option<Cells> {
    let mut cells = Cells::absent(sources.len);
    for i in 0..sources.len {
        let now = sources.time(i);
        let (start, end) = (now.saturating_sub(lookback), now.saturating_add(lookback));
        let window = Mixed::cut(run, start, end);
        if !window.h.is_empty() && !window.v.is_empty() {
            site.notes.warn(site.span, mixed_floats_histograms(site.metric));
        } else if !window.h.is_empty() {
            let edges = histogram::Edges { h: window.h, start, end, smoothed: true, site };
            if let Some(h) = edges.at(now) {
                cells.set_histogram(i, Arc::new(h));
            }
        } else if let Some(v) = float_at(&window, now) {
            cells.set(i, v);
        }
    }
    (!cells.is_empty()).then_some(cells)
}

/// The float at `now`: a sample there, the line between its neighbours, or the last one before.
fn float_at(window: &Mixed<'_>, now: i64) -> Option<f64> {
    let next = window.t.partition_point(|t| *t < now);
    let after = window.t.get(next).copied().zip(window.v.get(next).copied());
    if let Some((_, v)) = after.filter(|(t, _)| *t == now) {
        return Some(v);
    }
    let at = next.checked_sub(1)?;
    let before = (window.t[at], window.v[at]);
    Some(after.map_or(before.1, |after| line(before, after, now, false)))
}
