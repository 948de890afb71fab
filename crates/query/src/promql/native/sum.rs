//! Sums of histograms: resolutions, zero buckets and custom bounds are brought together, and every field is summed
//! with compensation.

use std::cmp::Ordering;

use model::{Histogram, ResetHint};

use super::buckets::{CUSTOM, is_custom, pairs, spans, upper_bound};
use crate::promql::number::Kahan;

/// Exponential and custom buckets do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incompatible;

/// Sorted buckets with compensated counts.
type Side = Vec<(i32, Kahan)>;

/// A sum under way.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    schema: i32,
    zero_threshold: f64,
    custom: Vec<f64>,
    count: Kahan,
    sum: Kahan,
    zero: Kahan,
    positive: Side,
    negative: Side,
    hint: ResetHint,
    /// Whether some summand knew of a reset and another that there was none.
    pub(crate) collision: bool,
    /// Whether different custom bounds were reduced to the common ones.
    pub(crate) reconciled: bool,
    saw_reset: bool,
    saw_no_reset: bool,
}

impl Sum {
    /// A sum of one.
    pub(crate) fn new(h: &Histogram) -> Self {
        let start = |v: f64| Kahan { sum: v, c: 0.0 };
        let side = |s: &[model::Span], c: &[f64]| pairs(s, c).map(|(i, v)| (i, start(v))).collect();
        let mut sum = Self {
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            custom: h.custom_values.clone(),
            count: start(h.count),
            sum: start(h.sum),
            zero: start(h.zero_count),
            positive: side(&h.positive_spans, &h.positive_buckets),
            negative: side(&h.negative_spans, &h.negative_buckets),
            hint: h.reset_hint,
            collision: false,
            reconciled: false,
            saw_reset: false,
            saw_no_reset: false,
        };
        sum.see(h.reset_hint);
        sum
    }

    fn see(&mut self, hint: ResetHint) {
        self.saw_reset |= hint == ResetHint::Reset;
        self.saw_no_reset |= hint == ResetHint::NotReset;
    }

    /// Whether resets and their absence were both seen among all summands.
    pub(crate) fn saw_both(&self) -> bool {
        self.saw_reset && self.saw_no_reset
    }

    /// Adds `factor` times `h`.
    pub(crate) fn add(&mut self, h: &Histogram, factor: f64) -> Result<(), Incompatible> {
        if (self.schema == CUSTOM) != is_custom(h) {
            return Err(Incompatible);
        }
        self.see(h.reset_hint);
        self.join_hints(h.reset_hint);
        self.count.add(h.count * factor);
        self.sum.add(h.sum * factor);
        if is_custom(h) {
            self.add_custom(h, factor);
        } else {
            self.add_exponential(h, factor);
        }
        Ok(())
    }

    fn join_hints(&mut self, other: ResetHint) {
        self.hint = match (self.hint, other) {
            (a, b) if a == b => a,
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => ResetHint::Gauge,
            (ResetHint::Unknown, _) | (_, ResetHint::Unknown) => ResetHint::Unknown,
            _ => {
                self.collision = true;
                ResetHint::Unknown
            }
        };
    }

    fn add_custom(&mut self, h: &Histogram, factor: f64) {
        let buckets = pairs(&h.positive_spans, &h.positive_buckets);
        if self.custom == h.custom_values {
            add_side(&mut self.positive, buckets.map(|(i, v)| (i, v * factor)));
            return;
        }
        self.reconciled = true;
        let bounds = common_bounds(&self.custom, &h.custom_values);
        let mut moved: Side = Vec::new();
        for (index, v) in self.positive.drain(..) {
            let index = new_index(index, &self.custom, &bounds);
            match moved.last_mut() {
                Some(last) if last.0 == index => {
                    last.1.add(v.sum);
                    last.1.add(v.c);
                }
                _ => moved.push((index, v)),
            }
        }
        self.positive = moved;
        let other = rebound(buckets, &h.custom_values, &bounds);
        add_side(&mut self.positive, other.into_iter().map(|(i, v)| (i, v * factor)));
        self.custom = bounds;
    }

    fn add_exponential(&mut self, h: &Histogram, factor: f64) {
        let mut zero = (h.zero_count, h.zero_threshold);
        // Widening one zero bucket to a bucket's bound may make it wider than the other again.
        // A width that is no number is never wider.
        while zero.1.partial_cmp(&self.zero_threshold).is_some_and(Ordering::is_ne) {
            if self.zero_threshold > zero.1 {
                zero = widen_zero(h, self.zero_threshold);
            }
            if zero.1 > self.zero_threshold {
                self.widen_own_zero(zero.1);
            }
        }
        self.zero.add(zero.0 * factor);
        let schema = self.schema.min(h.schema);
        let shift = self.schema - schema;
        if shift > 0 {
            self.positive = coarser_kahan(&self.positive, shift);
            self.negative = coarser_kahan(&self.negative, shift);
            self.schema = schema;
        }
        for (own, s, c) in [
            (&mut self.positive, &h.positive_spans, &h.positive_buckets),
            (&mut self.negative, &h.negative_spans, &h.negative_buckets),
        ] {
            let outside = pairs(s, c)
                .filter(|(i, _)| zero.1 == 0.0 || upper_bound(i.saturating_sub(1), h.schema, &[]) >= zero.1);
            let buckets = coarser(outside, h.schema - schema);
            add_side(own, buckets.into_iter().map(|(i, v)| (i, v * factor)));
        }
    }

    fn widen_own_zero(&mut self, threshold: f64) {
        let now = self.histogram();
        let (_, widened) = widen_zero(&now, threshold);
        let schema = self.schema;
        let mut zero = self.zero;
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(|(index, v)| {
                let outside = upper_bound(index.saturating_sub(1), schema, &[]) >= widened;
                if !outside {
                    zero.add(v.sum);
                    zero.add(v.c);
                }
                outside
            });
        }
        self.zero = zero;
        self.zero_threshold = widened;
    }

    /// Multiplies everything by `factor`.
    pub(crate) fn scale(&mut self, factor: f64) {
        self.map(|v| v * factor);
    }

    /// Divides everything by `divisor`: what cancels out before does so after, which multiplying by the reciprocal
    /// would not keep.
    pub(crate) fn divide(&mut self, divisor: f64) {
        self.map(|v| v / divisor);
    }

    fn map(&mut self, f: impl Fn(f64) -> f64) {
        let each = |k: &mut Kahan| *k = Kahan { sum: f(k.sum), c: f(k.c) };
        [&mut self.count, &mut self.sum, &mut self.zero].into_iter().for_each(each);
        self.positive.iter_mut().chain(&mut self.negative).for_each(|(_, k)| each(k));
    }

    /// Whether some field is beyond the largest number.
    pub(crate) fn overflows(&self) -> bool {
        let sides = self.positive.iter().chain(&self.negative).map(|(_, k)| k);
        [&self.count, &self.sum, &self.zero].into_iter().chain(sides).any(|k| k.sum.is_infinite())
    }

    /// The sum without its empty buckets.
    pub(crate) fn finish(&self) -> Histogram {
        let mut h = self.histogram();
        super::buckets::compact(&mut h);
        h
    }

    fn histogram(&self) -> Histogram {
        let total = |k: &Kahan| if k.sum.is_infinite() { k.sum } else { k.total() };
        let side = |side: &Side| spans(side.iter().map(|(i, k)| (*i, total(k))));
        let (positive_spans, positive_buckets) = side(&self.positive);
        let (negative_spans, negative_buckets) = side(&self.negative);
        Histogram {
            reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: total(&self.zero),
            count: total(&self.count),
            sum: total(&self.sum),
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            custom_values: self.custom.clone(),
        }
    }
}

/// Merges sorted pairs into a sorted side.
fn add_side(own: &mut Side, other: impl Iterator<Item = (i32, f64)>) {
    let mut merged: Side = Vec::with_capacity(own.len());
    let mut mine = own.drain(..).peekable();
    for (index, v) in other {
        while let Some(before) = mine.next_if(|(i, _)| *i < index) {
            merged.push(before);
        }
        let mut kahan = mine.next_if(|(i, _)| *i == index).map_or_else(Kahan::default, |(_, k)| k);
        kahan.add(v);
        merged.push((index, kahan));
    }
    merged.extend(mine);
    *own = merged;
}

/// The index at a resolution that is `shift` schemas coarser.
fn coarser_index(index: i32, shift: i32) -> i32 {
    (index.saturating_sub(1) >> shift.clamp(0, 31)).saturating_add(1)
}

/// Buckets at a resolution that is `shift` schemas coarser.
pub(super) fn coarser(pairs: impl Iterator<Item = (i32, f64)>, shift: i32) -> Vec<(i32, f64)> {
    let mut merged: Vec<(i32, f64)> = Vec::new();
    for (index, v) in pairs {
        let index = coarser_index(index, shift);
        match merged.last_mut() {
            Some(last) if last.0 == index => last.1 += v,
            _ => merged.push((index, v)),
        }
    }
    merged
}

fn coarser_kahan(side: &Side, shift: i32) -> Side {
    let mut merged: Side = Vec::new();
    for (index, v) in side {
        let index = coarser_index(*index, shift);
        match merged.last_mut() {
            Some(last) if last.0 == index => {
                last.1.add(v.sum);
                last.1.add(v.c);
            }
            _ => merged.push((index, *v)),
        }
    }
    merged
}

/// The bounds that both lists have; both are sorted.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().filter(|v| b.contains(v)).copied().collect()
}

fn new_index(index: i32, old: &[f64], bounds: &[f64]) -> i32 {
    let upper = upper_bound(index, CUSTOM, old);
    // A list of bounds is far shorter than i32 can count.
    i32::try_from(bounds.partition_point(|b| *b < upper)).unwrap_or(i32::MAX)
}

/// Custom buckets on fewer bounds.
pub(super) fn rebound(
    pairs: impl Iterator<Item = (i32, f64)>,
    old: &[f64],
    bounds: &[f64],
) -> Vec<(i32, f64)> {
    let mut merged: Vec<(i32, f64)> = Vec::new();
    for (index, v) in pairs {
        let index = new_index(index, old, bounds);
        match merged.last_mut() {
            Some(last) if last.0 == index => last.1 += v,
            _ => merged.push((index, v)),
        }
    }
    merged
}

/// Count and width of the zero bucket if it is made at least `threshold` wide; a bucket that would be cut is taken
/// whole, and the result is wider then.
pub(super) fn widen_zero(h: &Histogram, threshold: f64) -> (f64, f64) {
    let mut threshold = threshold;
    if threshold <= h.zero_threshold {
        return (h.zero_count, h.zero_threshold);
    }
    loop {
        let mut zero = Kahan { sum: h.zero_count, c: 0.0 };
        let mut wider = threshold;
        for (s, c) in [(&h.positive_spans, &h.positive_buckets), (&h.negative_spans, &h.negative_buckets)] {
            for (index, count) in pairs(s, c) {
                if upper_bound(index.saturating_sub(1), h.schema, &[]) >= threshold {
                    break;
                }
                zero.add(count);
                let upper = upper_bound(index, h.schema, &[]);
                if upper > threshold && count != 0.0 {
                    wider = wider.max(upper);
                }
            }
        }
        if wider == threshold {
            return (zero.total(), threshold);
        }
        threshold = wider;
    }
}

#[cfg(test)]
mod tests {
    use model::Span;

    use super::*;

    fn histogram(schema: i32, offset: i32, buckets: &[f64]) -> Histogram {
        Histogram {
            schema,
            count: buckets.iter().sum(),
            sum: 1.0,
            positive_spans: vec![Span { offset, length: buckets.len() as u32 }],
            positive_buckets: buckets.to_vec(),
            ..Histogram::default()
        }
    }

    #[test]
    fn the_coarser_resolution_wins() {
        let mut sum = Sum::new(&histogram(1, 1, &[1.0, 2.0, 3.0]));
        sum.add(&histogram(0, 1, &[10.0]), 1.0).unwrap();
        let h = sum.finish();
        assert_eq!((h.schema, h.count), (0, 16.0));
        assert_eq!(h.positive_buckets, [13.0, 3.0]);
    }

    #[test]
    fn zero_buckets_swallow_what_they_cover() {
        let mut narrow = histogram(0, 0, &[4.0, 1.0]);
        narrow.zero_threshold = 0.1;
        let wide = Histogram { zero_threshold: 0.7, zero_count: 2.0, count: 2.0, ..histogram(0, 5, &[]) };
        let mut sum = Sum::new(&narrow);
        sum.add(&wide, 1.0).unwrap();
        let h = sum.finish();
        assert_eq!((h.zero_threshold, h.zero_count), (1.0, 6.0), "the cut bucket is taken whole");
        assert_eq!(h.positive_buckets, [1.0]);
    }

    #[test]
    fn custom_bounds_are_reduced_to_the_common_ones() {
        let custom = |bounds: &[f64], buckets: &[f64]| Histogram {
            custom_values: bounds.to_vec(),
            ..histogram(CUSTOM, 0, buckets)
        };
        let mut sum = Sum::new(&custom(&[1.0, 2.0, 3.0], &[1.0, 1.0, 1.0, 1.0]));
        sum.add(&custom(&[2.0, 4.0], &[5.0, 6.0]), 1.0).unwrap();
        let h = sum.finish();
        assert!(sum.reconciled);
        assert_eq!((h.custom_values, h.positive_buckets), (vec![2.0], vec![7.0, 8.0]));
        assert_eq!(sum.add(&histogram(0, 0, &[1.0]), 1.0), Err(Incompatible));
    }
}
