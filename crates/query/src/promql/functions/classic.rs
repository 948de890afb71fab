//! Quantiles and fractions of classic histograms: cumulative counts by upper bound.

use std::cmp::Ordering;

/// A cumulative bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClassicBucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// What had to be repaired because a count was below that of a smaller bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Repair {
    pub(crate) min_bucket: f64,
    pub(crate) max_bucket: f64,
    pub(crate) max_diff: f64,
}

/// Relative differences below this are noise of floating-point sums.
const NOISE: f64 = 1e-12;

/// The `q`-quantile of `buckets`, which are sorted by bound; interpolated linearly within a bucket. Buckets are joined
/// and repaired in place.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<ClassicBucket>) -> (f64, Option<Repair>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if buckets.last().is_none_or(|b| b.upper != f64::INFINITY) {
        return (f64::NAN, None);
    }
    join_equal_bounds(buckets);
    let repair = make_monotonic(buckets);
    (quantile_of_monotonic(q, buckets), repair)
}

fn quantile_of_monotonic(q: f64, buckets: &[ClassicBucket]) -> f64 {
    let [finite @ .., last] = buckets else { return f64::NAN };
    let Some(highest) = finite.last() else { return f64::NAN };
    if last.count == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * last.count;
    // A NaN count reaches no rank.
    let at = finite.partition_point(|b| b.count.partial_cmp(&rank).is_none_or(Ordering::is_lt));
    let Some(bucket) = finite.get(at) else { return highest.upper };
    let Some(below) = at.checked_sub(1).map(|i| finite[i]) else {
        if bucket.upper <= 0.0 {
            return bucket.upper;
        }
        return bucket.upper * (rank / bucket.count);
    };
    let count = bucket.count - below.count;
    rank -= below.count;
    below.upper + (bucket.upper - below.upper) * (rank / count)
}

/// The share of observations between `lower` and `upper` in `buckets`, which are sorted by bound.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    if buckets.last().is_none_or(|b| b.upper != f64::INFINITY) {
        return f64::NAN;
    }
    join_equal_bounds(buckets);
    let count = buckets.last().map_or(0.0, |b| b.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |bound: f64| rank_of(bound, buckets).unwrap_or(count).min(count);
    (rank(upper) - rank(lower)) / count
}

/// How many observations lie below `bound`; `None` where it is beyond all buckets.
fn rank_of(bound: f64, buckets: &[ClassicBucket]) -> Option<f64> {
    let mut rank = 0.0;
    let mut floor = if buckets.first()?.upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    for bucket in buckets {
        if floor >= bound {
            return Some(rank);
        }
        if bucket.upper > bound {
            if floor == f64::NEG_INFINITY {
                return Some(bucket.count);
            }
            return Some(rank + (bucket.count - rank) * (bound - floor) / (bucket.upper - floor));
        }
        rank = bucket.count;
        floor = bucket.upper;
    }
    None
}

fn join_equal_bounds(buckets: &mut Vec<ClassicBucket>) {
    buckets.dedup_by(|next, kept| {
        let equal = next.upper == kept.upper;
        if equal {
            kept.count += next.count;
        }
        equal
    });
}

/// Lifts counts that are below the one before; differences that are only noise are not reported.
fn make_monotonic(buckets: &mut [ClassicBucket]) -> Option<Repair> {
    let mut repair: Option<Repair> = None;
    let mut before = buckets.first()?.count;
    for bucket in buckets.iter_mut().skip(1) {
        let count = bucket.count;
        if count == before {
            continue;
        }
        if nearly_equal(before, count) {
            bucket.count = before;
        } else if count < before {
            bucket.count = before;
            let found = repair.get_or_insert(Repair {
                min_bucket: f64::INFINITY,
                max_bucket: f64::NEG_INFINITY,
                max_diff: 0.0,
            });
            found.min_bucket = found.min_bucket.min(bucket.upper);
            found.max_bucket = found.max_bucket.max(bucket.upper);
            found.max_diff = found.max_diff.max(before - count);
        } else {
            before = count;
        }
    }
    repair
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < NOISE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < NOISE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<ClassicBucket> {
        pairs.iter().map(|(upper, count)| ClassicBucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn interpolates_within_a_bucket() {
        let all = [(0.1, 2.0), (0.2, 6.0), (f64::INFINITY, 8.0)];
        let q = |q| bucket_quantile(q, &mut buckets(&all)).0;
        assert!((q(0.5) - 0.15).abs() < 1e-12);
        assert_eq!(q(1.0), 0.2, "the highest finite bound");
        assert_eq!(q(0.125), 0.05);
        let f = |l, u| bucket_fraction(l, u, &mut buckets(&all));
        assert_eq!(f(0.0, 0.1), 0.25);
        assert_eq!(f(0.15, f64::INFINITY), 0.5);
        assert!(bucket_quantile(0.5, &mut buckets(&all[..2])).0.is_nan(), "no +Inf bucket");
    }

    #[test]
    fn falling_counts_are_lifted_and_reported() {
        let mut falling = buckets(&[(1.0, 5.0), (2.0, 3.0), (f64::INFINITY, 10.0)]);
        let (_, repair) = bucket_quantile(0.9, &mut falling);
        assert_eq!(repair, Some(Repair { min_bucket: 2.0, max_bucket: 2.0, max_diff: 2.0 }));
        let mut noisy = buckets(&[(1.0, 5.0), (2.0, 5.0 - 1e-13), (f64::INFINITY, 10.0)]);
        assert_eq!(bucket_quantile(0.9, &mut noisy).1, None);
    }
}
