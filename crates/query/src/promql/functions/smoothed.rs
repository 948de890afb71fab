//! Selectors whose windows get values at their very edges (experimental): `anchored` takes the last sample before an
//! edge, `smoothed` interpolates between the samples around it. Floats only; histograms have no value there.

use model::{SelectHints, TimeRange};

use super::window::{Kernel, Plan};
use crate::promql::ast::{Call, Extension, MatrixSelector, VectorSelector};
use crate::promql::engine::QueryError;
use crate::promql::eval::select::Run;
use crate::promql::eval::{Cells, Evaluator, Outcome, Rows, Steps};

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
            Ok(interpolated(run, sources, lookback))
        };
        let hints = SelectHints::default();
        let rows = self.read_rows(selector, range, &hints, (sources, sources.len), make)?;
        Ok(if sources.len == steps.len { rows } else { rows.repeat(steps.len) })
    }

    pub(super) fn over_extended(
        &self,
        call: &Call,
        kernel: &Kernel,
        matrix: &MatrixSelector,
        plan: Plan,
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
            let cells = over_edges(kernel, run, &plan, lookback, smoothed);
            if matches!(kernel, Kernel::Rate { counter: true, .. }) {
                self.warn_of_gauge(run, cells.as_ref(), matrix.span);
            }
            Ok(cells)
        };
        let hints = SelectHints::default();
        self.read_rows(&matrix.selector, range, &hints, (plan.ends, plan.steps.len), make)
    }
}

fn over_edges(kernel: &Kernel, run: &Run, plan: &Plan, lookback: i64, smoothed: bool) -> Option<Cells> {
    let mut cells = Cells::absent(plan.steps.len);
    for step in 0..plan.steps.len {
        let end = plan.end(step);
        let start = end.saturating_sub(plan.range);
        let last = if smoothed { end.saturating_add(lookback) } else { end };
        let from = run.t.partition_point(|t| *t <= start.saturating_sub(lookback));
        let to = run.t.partition_point(|t| *t <= last);
        let (Some(t), Some(v)) = (run.t.get(from..to), run.v.get(from..to)) else { continue };
        let edges = Edges { t, v, start, end };
        let value = match kernel {
            Kernel::Rate { counter, per_second } => edges
                .increase(smoothed, *counter)
                .map(|increase| if *per_second { increase / (plan.range as f64 / 1000.0) } else { increase }),
            Kernel::Changes => edges.count(|a, b| a != b && !(a.is_nan() && b.is_nan())),
            Kernel::Resets => edges.count(|a, b| b < a),
            _ => None,
        };
        if let Some(v) = value {
            cells.set(step, v);
        }
    }
    (!cells.is_empty()).then_some(cells)
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

    /// Counts pairs from the last sample at or before the start on.
    fn count(&self, hit: impl Fn(f64, f64) -> bool) -> Option<f64> {
        let inside = self.t.partition_point(|t| *t <= self.start);
        if inside >= self.t.len() {
            return None;
        }
        let counted = &self.v[inside.saturating_sub(1)..];
        Some(counted.windows(2).filter(|pair| hit(pair[0], pair[1])).count() as f64)
    }
}

fn line(before: (i64, f64), after: (i64, f64), t: i64, counter: bool) -> f64 {
    let from = if counter && after.1 < before.1 { 0.0 } else { before.1 };
    from + (after.1 - from) * (t - before.0) as f64 / (after.0 - before.0) as f64
}

fn interpolated(run: &Run, sources: Steps, lookback: i64) -> Option<Cells> {
    let mut cells = Cells::absent(sources.len);
    for i in 0..sources.len {
        let now = sources.time(i);
        let at = run.t.partition_point(|t| *t < now);
        let after = run.t.get(at).copied().zip(run.v.get(at).copied());
        let before = at.checked_sub(1).map(|at| (run.t[at], run.v[at]));
        let after = after.filter(|(t, _)| *t <= now.saturating_add(lookback));
        let before = before.filter(|(t, _)| *t > now.saturating_sub(lookback));
        match (before, after) {
            (_, Some((t, v))) if t == now => cells.set(i, v),
            (Some(before), Some(after)) => cells.set(i, line(before, after, now, false)),
            (Some((_, v)), None) => cells.set(i, v),
            (None, _) => {}
        }
    }
    (!cells.is_empty()).then_some(cells)
}
