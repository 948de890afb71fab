//! Arithmetic of native histograms.
//!
//! Buckets are worked on as sorted pairs of index and count; spans are made of them at the end. Schemas -4..=8 have
//! exponential buckets, index `i` of schema `s` reaching from 2^((i-1)/2^s), exclusive, to 2^(i/2^s); schema -53 has
//! the custom upper bounds of the histogram.

mod buckets;
mod estimate;
mod reset;
mod sum;
mod trim;

pub use buckets::equal;
pub(crate) use buckets::{all_buckets, compact, is_custom};
pub(crate) use estimate::{fraction, quantile, variance};
pub(crate) use reset::is_reset;
pub(crate) use sum::{Incompatible, Sum};
pub(crate) use trim::trim;

use model::Histogram;

/// Every count and the sum times `factor`; a negative factor makes it a gauge.
pub(crate) fn scale(h: &Histogram, factor: f64) -> Histogram {
    let mut scaled = map(h, |v| v * factor);
    if factor < 0.0 {
        scaled.reset_hint = model::ResetHint::Gauge;
    }
    scaled
}

/// Every count and the sum divided by `divisor`; by zero, no bucket is left.
pub(crate) fn divide(h: &Histogram, divisor: f64) -> Histogram {
    let mut divided = map(h, |v| v / divisor);
    if divisor < 0.0 {
        divided.reset_hint = model::ResetHint::Gauge;
    }
    if divisor == 0.0 {
        divided.positive_spans.clear();
        divided.positive_buckets.clear();
        divided.negative_spans.clear();
        divided.negative_buckets.clear();
    }
    divided
}

fn map(h: &Histogram, f: impl Fn(f64) -> f64) -> Histogram {
    let mut mapped = h.clone();
    mapped.count = f(h.count);
    mapped.sum = f(h.sum);
    mapped.zero_count = f(h.zero_count);
    mapped.positive_buckets.iter_mut().for_each(|v| *v = f(*v));
    mapped.negative_buckets.iter_mut().for_each(|v| *v = f(*v));
    mapped
}

/// A histogram as label values show it: count, sum and buckets.
pub fn text(h: &Histogram) -> String {
    use crate::promql::number::go_g;
    let custom = is_custom(h);
    let mut parts = vec![format!("count:{}", go_g(h.count)), format!("sum:{}", go_g(h.sum))];
    for bucket in all_buckets(h).iter().filter(|b| b.count != 0.0) {
        let zero = !custom && bucket.lower < 0.0 && bucket.upper > 0.0;
        let (open, close) = match (zero, bucket.upper <= 0.0 && !custom) {
            (true, _) => ('[', ']'),
            (false, true) => ('[', ')'),
            (false, false) => ('(', ']'),
        };
        let (lower, upper) = (go_g(bucket.lower), go_g(bucket.upper));
        parts.push(format!("{open}{lower},{upper}{close}:{}", go_g(bucket.count)));
    }
    format!("{{{}}}", parts.join(", "))
}
