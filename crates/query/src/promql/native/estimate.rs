//! What a histogram tells about its observations: quantiles, shares, variance.

use model::{Bucket, Histogram};

use super::buckets::{all_buckets, is_custom};
use crate::promql::number::Kahan;

/// An info about a result, or none.
pub(crate) type Note = Option<&'static str>;

/// The `q`-quantile: linear within the zero bucket and custom buckets, exponential within others.
pub(crate) fn quantile(q: f64, h: &Histogram) -> (f64, Note) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if h.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    // Observations of NaN are in no bucket: they count as the greatest, so ranks are taken from below.
    let from_below = h.sum.is_nan() || q < 0.5;
    let mut buckets = all_buckets(h);
    if !from_below {
        buckets.reverse();
    }
    let mut rank = if from_below { q * h.count } else { (1.0 - q) * h.count };
    let (mut bucket, mut count) = (Bucket { lower: 0.0, upper: 0.0, count: 0.0 }, 0.0);
    let mut rest = buckets.iter();
    for next in rest.by_ref().filter(|b| b.count != 0.0) {
        bucket = *next;
        count += next.count;
        if count >= rank {
            break;
        }
    }
    if let Some(done) = fit_edges(h, &mut bucket) {
        return (done, None);
    }
    count = f64::min(count, h.count);
    if count < rank {
        if h.sum.is_nan() {
            return (f64::NAN, Some("input to histogram_quantile has NaN observations, result is NaN"));
        }
        return (bucket.upper, None);
    }
    rank = if from_below { rank - (count - bucket.count) } else { count - rank };
    let mut note = None;
    if h.sum.is_nan() && count + rest.map(|b| b.count).sum::<f64>() < h.count {
        note = Some("input to histogram_quantile has NaN observations, result is skewed higher");
    }
    (within(h, &bucket, rank / bucket.count), note)
}

/// Moves the edges of the zero bucket and of unbounded buckets to where observations can be; the result where there
/// is nothing to interpolate.
fn fit_edges(h: &Histogram, bucket: &mut Bucket) -> Option<f64> {
    if !is_custom(h) {
        if bucket.lower < 0.0 && bucket.upper > 0.0 {
            fit_zero_bucket(h, bucket);
        }
        return None;
    }
    if bucket.lower == f64::NEG_INFINITY {
        if bucket.upper <= 0.0 {
            return Some(bucket.upper);
        }
        bucket.lower = 0.0;
    } else if bucket.upper == f64::INFINITY {
        return Some(bucket.lower);
    }
    None
}

/// With buckets on one side only, the zero bucket lies on that side.
fn fit_zero_bucket(h: &Histogram, bucket: &mut Bucket) {
    match (h.negative_buckets.is_empty(), h.positive_buckets.is_empty()) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

fn within(h: &Histogram, bucket: &Bucket, share: f64) -> f64 {
    if is_custom(h) || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * share;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        (lower + (upper - lower) * share).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - share)).exp2()
    }
}

/// The share of a bucket's observations below `v`, which lies inside it.
pub(super) fn share_below(bucket: &Bucket, v: f64, linear: bool) -> f64 {
    if linear {
        return (v - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let at = v.abs().log2();
    if v > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
}

/// The share of observations between `lower` and `upper`.
pub(crate) fn fraction(lower: f64, upper: f64, h: &Histogram) -> (f64, Note) {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let buckets = all_buckets(h);
    let (mut counted, mut note) = (h.count, None);
    if h.sum.is_nan() {
        counted = buckets.iter().map(|b| b.count).sum();
        if counted < h.count {
            note = Some(
                "input to histogram_fraction has NaN observations, which are excluded from all fractions",
            );
        }
    }
    let rank = |v| rank_of(v, h, &buckets).unwrap_or(counted).min(counted);
    ((rank(upper) - rank(lower)) / h.count, note)
}

/// How many observations lie below `v`; `None` where it is beyond all buckets.
fn rank_of(v: f64, h: &Histogram, buckets: &[Bucket]) -> Option<f64> {
    let mut rank = 0.0;
    for bucket in buckets {
        let mut bucket = *bucket;
        let zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if zero {
            fit_zero_bucket(h, &mut bucket);
        }
        if bucket.lower >= v {
            return Some(rank);
        }
        if bucket.upper > v {
            if (is_custom(h) || zero) && bucket.lower == f64::NEG_INFINITY {
                return Some(bucket.count);
            }
            return Some(rank + bucket.count * share_below(&bucket, v, is_custom(h) || zero));
        }
        rank += bucket.count;
    }
    None
}

/// The variance, with all observations of a bucket at its middle (the geometric one for exponential buckets).
pub(crate) fn variance(h: &Histogram) -> f64 {
    let mean = h.sum / h.count;
    let mut squares = Kahan::default();
    for bucket in all_buckets(h).iter().filter(|b| b.count != 0.0) {
        let middle = if is_custom(h) {
            f64::midpoint(bucket.upper, bucket.lower)
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        let delta = middle - mean;
        squares.add(bucket.count * delta * delta);
    }
    squares.total() / h.count
}

#[cfg(test)]
mod tests {
    use model::Span;

    use super::*;

    fn histogram() -> Histogram {
        Histogram {
            count: 4.0,
            sum: 6.0,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive_buckets: vec![2.0, 2.0],
            ..Histogram::default()
        }
    }

    #[test]
    fn quantiles_are_exponential_between_bounds() {
        let h = histogram();
        assert_eq!(quantile(1.0, &h).0, 2.0);
        assert_eq!(quantile(0.5, &h).0, 1.0);
        assert!((quantile(0.75, &h).0 - 2f64.sqrt()).abs() < 1e-12);
        assert!(quantile(0.5, &Histogram::default()).0.is_nan());
    }

    #[test]
    fn shares_add_up() {
        let h = histogram();
        assert_eq!(fraction(1.0, 2.0, &h).0, 0.5);
        assert_eq!(fraction(f64::NEG_INFINITY, f64::INFINITY, &h).0, 1.0);
        assert_eq!(fraction(3.0, 2.0, &h).0, 0.0);
    }
}
