//! Edges of windows over native histograms.

use std::sync::Arc;

use model::{Histogram, ResetHint};

use crate::promql::annotations::{mixed_schemas, quoted};
use crate::promql::functions::mixed::reconciled;
use crate::promql::functions::window::Site;
use crate::promql::native::{self, Sum};

/// A histogram with its time.
type Sample = (i64, Arc<Histogram>);

/// The histograms of a window and of the lookback around it; at least one.
pub(super) struct Edges<'a> {
    pub(super) h: &'a [Sample],
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) smoothed: bool,
    pub(super) site: &'a Site<'a>,
}

impl Edges<'_> {
    /// Right edge minus left edge, counter resets in between added back.
    pub(super) fn increase(&self, counter: bool) -> Option<Histogram> {
        let mut last = self.h.len().checked_sub(1)?;
        let first = self.h[..last].partition_point(|h| h.0 <= self.start).saturating_sub(1);
        if self.smoothed {
            last = self.h[..last].partition_point(|h| h.0 < self.end);
        }
        let outside = self.h[last].0 <= self.start || (self.smoothed && self.h[first].0 > self.end);
        if outside || !self.compatible(self.h.get(first..=last)?, counter) {
            return None;
        }
        let left = match self.smoothed && self.h[first].0 < self.start {
            true => self.between(first, self.start, counter)?,
            false => (*self.h[first].1).clone(),
        };
        let right = match self.smoothed && last > 0 && self.h[last].0 > self.end {
            true => self.between(last - 1, self.end, counter)?,
            false => (*self.h[last].1).clone(),
        };
        let gauges = [&left, &right].into_iter().all(|h| h.reset_hint == ResetHint::Gauge);
        if !counter && !gauges {
            let metric = quoted(self.site.metric);
            let text = format!("this native histogram metric is not a gauge: {metric}");
            self.site.notes.warn(self.site.span, text);
        }
        let mut sum = Sum::new(&right);
        self.add(&mut sum, &left, -1.0)?;
        if counter {
            self.add_resets(&mut sum, (first, last), (&left, &right))?;
        }
        let mut increase = sum.finish();
        increase.reset_hint = ResetHint::Gauge;
        Some(increase)
    }

    /// Whether all have the same kind of buckets; tells about gauges among counters.
    fn compatible(&self, h: &[Sample], counter: bool) -> bool {
        let custom = h.first().is_some_and(|(_, h)| native::is_custom(h));
        for (_, h) in h {
            if native::is_custom(h) != custom {
                self.site.notes.warn(self.site.span, mixed_schemas(self.site.metric));
                return false;
            }
            if counter && h.reset_hint == ResetHint::Gauge {
                let metric = quoted(self.site.metric);
                let text = format!("this native histogram metric is not a counter: {metric}");
                self.site.notes.warn(self.site.span, text);
            }
        }
        true
    }

    /// Adds `factor` times `h`, and tells what had to be reconciled.
    fn add(&self, sum: &mut Sum, h: &Histogram, factor: f64) -> Option<()> {
        sum.reconciled = false;
        if sum.add(h, factor).is_err() {
            self.site.notes.warn(self.site.span, mixed_schemas(self.site.metric));
            return None;
        }
        if sum.reconciled {
            let operation = if factor < 0.0 { "subtraction" } else { "addition" };
            self.site.notes.info(self.site.span, reconciled(operation));
        }
        Some(())
    }

    /// Adds what each reset between the edges took away.
    fn add_resets(
        &self,
        sum: &mut Sum,
        (first, last): (usize, usize),
        (left, right): (&Histogram, &Histogram),
    ) -> Option<()> {
        let mut from = first + 1;
        let mut before = left;
        // A left edge that lies across a reset has it in already.
        if self.smoothed
            && self.h[first].0 < self.start
            && let Some((_, second)) = self.h.get(first + 1)
            && native::is_reset(second, &self.h[first].1)
        {
            before = second;
            from += 1;
        }
        if from > last {
            return Some(());
        }
        // The last sample is in the right edge.
        for (_, h) in self.h.get(from..last).unwrap_or_default() {
            if native::is_reset(h, before) {
                self.add(sum, before, 1.0)?;
            }
            before = h;
        }
        if native::is_reset(right, before) {
            self.add(sum, before, 1.0)?;
        }
        Some(())
    }

    /// The histogram at `t` on the line from sample `at` to the next; after a reset, from nothing.
    fn between(&self, at: usize, t: i64, counter: bool) -> Option<Histogram> {
        let ((before_t, before), (after_t, after)) = (self.h.get(at)?, self.h.get(at + 1)?);
        if t == *before_t {
            return Some((**before).clone());
        }
        if t == *after_t {
            return Some((**after).clone());
        }
        let share = (t - before_t) as f64 / (after_t - before_t) as f64;
        if counter && native::is_reset(after, before) {
            return Some(native::scale(after, share));
        }
        let mut sum = Sum::new(after);
        self.add(&mut sum, before, -1.0)?;
        sum.scale(share);
        self.add(&mut sum, before, 1.0)?;
        Some(sum.finish())
    }

    /// The histogram at `now`: a sample there, the line between its neighbours, or the last one before.
    pub(super) fn at(&self, now: i64) -> Option<Histogram> {
        let next = self.h.partition_point(|h| h.0 < now);
        if let Some((_, h)) = self.h.get(next).filter(|h| h.0 == now) {
            return Some((**h).clone());
        }
        let before = next.checked_sub(1)?;
        let Some((_, after)) = self.h.get(next) else {
            let carried = (*self.h[before].1).clone();
            return Some(Histogram { reset_hint: ResetHint::Unknown, ..carried });
        };
        let pair = [&self.h[before].1, after];
        if native::is_custom(pair[0]) != native::is_custom(pair[1]) {
            self.site.notes.warn(self.site.span, mixed_schemas(self.site.metric));
            return None;
        }
        let counter = !pair.iter().all(|h| h.reset_hint == ResetHint::Gauge);
        self.between(before, now, counter)
    }
}
