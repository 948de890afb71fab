//! Cutting a histogram at a value: what lies on the wrong side is taken out, as far as buckets tell.

use model::{Bucket, Histogram};

use super::buckets::{bounded, compact, is_custom, pairs};
use super::estimate::share_below;

/// Keeps the observations up to `bound` (`upper`), or those from it on. Where nothing is cut, count and sum stay;
/// else they are estimated from the buckets.
pub(crate) fn trim(h: &Histogram, bound: f64, upper: bool) -> Histogram {
    let mut cut = h.clone();
    let mut kept = Kept::default();
    let positive = trim_side(h, true, bound, upper, &mut cut.positive_buckets, &mut kept);
    let negative = trim_side(h, false, bound, upper, &mut cut.negative_buckets, &mut kept);
    if h.zero_count > 0.0 {
        let mut zero = Bucket { lower: -h.zero_threshold, upper: h.zero_threshold, count: h.zero_count };
        if negative && !positive {
            zero.upper = 0.0;
        }
        if positive && !negative {
            zero.lower = 0.0;
        }
        let (count, middle) = trim_zero(&zero, bound, upper);
        kept.take(count, middle, h.zero_count);
        cut.zero_count = count;
    }
    if kept.changed {
        cut.count = kept.count;
        cut.sum = kept.sum;
        compact(&mut cut);
    }
    cut
}

#[derive(Default)]
struct Kept {
    count: f64,
    sum: f64,
    changed: bool,
}

impl Kept {
    fn take(&mut self, count: f64, middle: f64, before: f64) {
        self.count += count;
        self.sum += middle * count;
        self.changed |= count != before;
    }
}

/// Whether the side has observations at all.
fn trim_side(
    h: &Histogram,
    positive: bool,
    bound: f64,
    upper: bool,
    counts: &mut [f64],
    kept: &mut Kept,
) -> bool {
    let (spans, buckets) = match positive {
        true => (&h.positive_spans, &h.positive_buckets),
        false => (&h.negative_spans, &h.negative_buckets),
    };
    let mut any = false;
    for (count, (index, before)) in counts.iter_mut().zip(pairs(spans, buckets)) {
        if before == 0.0 {
            continue;
        }
        any = true;
        let bucket = bounded(h, positive, index, before);
        let (inside, across) = match upper {
            true => (bucket.upper <= bound, bucket.lower < bound),
            false => (bucket.lower >= bound, bucket.upper > bound),
        };
        let (left, middle) = if inside {
            (before, middle(bucket.lower, bucket.upper, positive, is_custom(h)))
        } else if across {
            trim_bucket(&bucket, bound, upper, positive, is_custom(h))
        } else {
            (0.0, 0.0)
        };
        kept.take(left, middle, before);
        *count = left;
    }
    any
}

/// What is left of a bucket that the bound lies in, and where its middle is then.
fn trim_bucket(b: &Bucket, bound: f64, upper: bool, positive: bool, linear: bool) -> (f64, f64) {
    if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
        return trim_unbounded(b, bound, upper);
    }
    let below = b.count * share_below(b, bound, linear).clamp(0.0, 1.0);
    match upper {
        true => (below, middle(b.lower, bound, positive, linear)),
        false => (b.count - below, middle(bound, b.upper, positive, linear)),
    }
}

/// A bucket without an end says nothing about where its observations are; only from zero on is it taken as even.
fn trim_unbounded(b: &Bucket, bound: f64, upper: bool) -> (f64, f64) {
    let finite = |v: f64| if v.is_infinite() { 0.0 } else { v };
    if b.lower == f64::NEG_INFINITY {
        let even = b.upper.is_finite();
        return match upper {
            true if bound >= b.upper => (b.count, 0.0),
            true if even && bound > 0.0 && b.upper > 0.0 => (b.count * bound / b.upper, bound / 2.0),
            true if b.upper <= 0.0 => (b.count, bound),
            false if bound <= b.lower => (b.count, 0.0),
            false if even && bound >= 0.0 && b.upper > bound => {
                (b.count * (1.0 - bound / b.upper), f64::midpoint(bound, b.upper))
            }
            _ => (0.0, finite(b.upper)),
        };
    }
    if !upper && bound >= b.lower { (b.count, bound) } else { (0.0, finite(b.lower)) }
}

fn trim_zero(b: &Bucket, bound: f64, upper: bool) -> (f64, f64) {
    let width = b.upper - b.lower;
    let whole = (b.count, f64::midpoint(b.lower, b.upper));
    match (bound <= b.lower, bound >= b.upper, upper) {
        (true, _, true) | (false, true, false) => (0.0, 0.0),
        (true, _, false) | (false, true, true) => whole,
        (false, false, true) => (b.count * ((bound - b.lower) / width), f64::midpoint(b.lower, bound)),
        (false, false, false) => (b.count * ((b.upper - bound) / width), f64::midpoint(bound, b.upper)),
    }
}

/// Where the observations between two bounds are taken to be.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => f64::midpoint(lower, upper),
        (false, false) => {
            let middle = (lower * upper).abs().sqrt();
            if positive { middle } else { -middle }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Span;

    use super::*;

    #[test]
    fn whole_buckets_are_kept_or_cut() {
        let h = Histogram {
            count: 7.0,
            sum: 100.0,
            positive_spans: vec![Span { offset: 1, length: 3 }],
            positive_buckets: vec![1.0, 2.0, 4.0],
            ..Histogram::default()
        };
        let low = trim(&h, 4.0, true);
        assert_eq!((low.positive_buckets.as_slice(), low.count), (&[1.0, 2.0][..], 3.0));
        let high = trim(&h, 4.0, false);
        assert_eq!((high.positive_buckets.as_slice(), high.count), (&[4.0][..], 4.0));
        assert_eq!(trim(&h, 100.0, true), h, "nothing to cut");
    }
}
