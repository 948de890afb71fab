//! Whether a counter histogram was reset between two samples.

use model::{Histogram, ResetHint};

use super::buckets::{is_custom, pairs};
use super::sum::{coarser, common_bounds, rebound, widen_zero};

/// Whether `now` cannot have grown out of `before`.
pub(crate) fn is_reset(now: &Histogram, before: &Histogram) -> bool {
    match now.reset_hint {
        ResetHint::Reset => return true,
        ResetHint::NotReset => return false,
        ResetHint::Unknown | ResetHint::Gauge => {}
    }
    if now.count < before.count {
        return true;
    }
    if same_layout(now, before) {
        let fell = |now: &[f64], before: &[f64]| now.iter().zip(before).any(|(now, before)| now < before);
        return now.zero_count < before.zero_count
            || fell(&now.positive_buckets, &before.positive_buckets)
            || fell(&now.negative_buckets, &before.negative_buckets);
    }
    if is_custom(now) {
        return !is_custom(before) || custom_fell(now, before);
    }
    if is_custom(before) || now.schema > before.schema || now.zero_threshold < before.zero_threshold {
        return true;
    }
    let (zero_count, threshold) = widen_zero(before, now.zero_threshold);
    if threshold != now.zero_threshold || now.zero_count < zero_count {
        return true;
    }
    let shift = before.schema - now.schema;
    let positive = fell(
        &side(&now.positive_spans, &now.positive_buckets, 0, now),
        &side(&before.positive_spans, &before.positive_buckets, shift, now),
    );
    positive
        || fell(
            &side(&now.negative_spans, &now.negative_buckets, 0, now),
            &side(&before.negative_spans, &before.negative_buckets, shift, now),
        )
}

/// Whether both have the same buckets, so that counts can be compared one by one.
fn same_layout(a: &Histogram, b: &Histogram) -> bool {
    a.schema == b.schema
        && a.zero_threshold == b.zero_threshold
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.custom_values == b.custom_values
        && a.positive_buckets.len() == b.positive_buckets.len()
        && a.negative_buckets.len() == b.negative_buckets.len()
}

/// One side's buckets at the resolution of `now`, those inside its zero bucket left out.
fn side(spans: &[model::Span], counts: &[f64], shift: i32, now: &Histogram) -> Vec<(i32, f64)> {
    let mut all = coarser(pairs(spans, counts), shift);
    all.retain(|(index, _)| {
        let lower = super::buckets::upper_bound(index.saturating_sub(1), now.schema, &[]);
        now.zero_threshold == 0.0 || lower >= now.zero_threshold
    });
    all
}

fn custom_fell(now: &Histogram, before: &Histogram) -> bool {
    let bounds = common_bounds(&now.custom_values, &before.custom_values);
    let on =
        |h: &Histogram| rebound(pairs(&h.positive_spans, &h.positive_buckets), &h.custom_values, &bounds);
    fell(&on(now), &on(before))
}

/// Whether some bucket holds less than before.
fn fell(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    before.iter().any(|(index, count)| {
        let current = now.binary_search_by_key(index, |pair| pair.0).map_or(0.0, |at| now[at].1);
        current < *count
    })
}

#[cfg(test)]
mod tests {
    use model::Span;

    use super::*;

    fn histogram(schema: i32, buckets: &[f64]) -> Histogram {
        Histogram {
            schema,
            count: buckets.iter().sum(),
            positive_spans: vec![Span { offset: 1, length: buckets.len() as u32 }],
            positive_buckets: buckets.to_vec(),
            ..Histogram::default()
        }
    }

    #[test]
    fn a_bucket_that_fell_is_a_reset() {
        assert!(!is_reset(&histogram(0, &[1.0, 2.0]), &histogram(0, &[1.0, 1.0])));
        assert!(is_reset(&histogram(0, &[1.0, 9.0]), &histogram(0, &[2.0, 1.0])));
        assert!(is_reset(&histogram(1, &[9.0]), &histogram(0, &[1.0])), "finer than before");
        assert!(!is_reset(&histogram(0, &[3.0]), &histogram(1, &[1.0, 2.0])), "coarser");
        let hinted = Histogram { reset_hint: ResetHint::NotReset, ..histogram(0, &[1.0]) };
        assert!(!is_reset(&hinted, &histogram(0, &[5.0])));
    }
}
