//! Spans and counts as pairs of index and count, and the bounds of buckets.

use model::{Bucket, Histogram, Span};

/// The schema of histograms with custom bounds.
pub(super) const CUSTOM: i32 = -53;

/// Whether the buckets have custom bounds.
pub(crate) fn is_custom(h: &Histogram) -> bool {
    h.schema == CUSTOM
}

/// Index and count of each bucket, in the order of the indexes. Counts beyond the spans, or spans beyond the counts,
/// are left out.
pub(super) fn pairs<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut at = 0i32;
    spans
        .iter()
        .flat_map(move |span| {
            let first = at.saturating_add(span.offset);
            let length = i32::try_from(span.length).unwrap_or(i32::MAX);
            at = first.saturating_add(length);
            first..at
        })
        .zip(counts.iter().copied())
}

/// Spans and counts of sorted pairs.
pub(super) fn spans(pairs: impl IntoIterator<Item = (i32, f64)>) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<Span>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut next = 0i32;
    for (index, count) in pairs {
        let gap = index.saturating_sub(next);
        match spans.last_mut() {
            Some(span) if gap == 0 => span.length += 1,
            _ => spans.push(Span { offset: gap, length: 1 }),
        }
        counts.push(count);
        next = index.saturating_add(1);
    }
    (spans, counts)
}

/// The upper bound of the bucket with this index on the positive side.
pub(super) fn upper_bound(index: i32, schema: i32, custom: &[f64]) -> f64 {
    if schema == CUSTOM {
        return match usize::try_from(index) {
            Ok(at) => custom.get(at).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
    }
    // 2^(index/2^schema), split so that whole powers of two are exact; the one above the largest number stands for it.
    let exponent = f64::from(index) / 2f64.powi(schema);
    if exponent == 1024.0 {
        return f64::MAX;
    }
    let whole = exponent.floor();
    (exponent - whole).exp2() * 2f64.powi(whole.clamp(-2000.0, 2000.0) as i32)
}

/// One side's buckets with their bounds, in the order of the indexes.
pub(super) fn side(h: &Histogram, positive: bool) -> impl Iterator<Item = Bucket> + '_ {
    let (spans, counts) = match positive {
        true => (&h.positive_spans, &h.positive_buckets),
        false => (&h.negative_spans, &h.negative_buckets),
    };
    pairs(spans, counts).map(move |(index, count)| bounded(h, positive, index, count))
}

/// A bucket with its bounds.
pub(super) fn bounded(h: &Histogram, positive: bool, index: i32, count: f64) -> Bucket {
    let inner = upper_bound(index.saturating_sub(1), h.schema, &h.custom_values);
    let outer = upper_bound(index, h.schema, &h.custom_values);
    match positive {
        true => Bucket { lower: inner, upper: outer, count },
        false => Bucket { lower: -outer, upper: -inner, count },
    }
}

/// All buckets from the lowest to the highest, the zero bucket among them where it is not empty.
pub(crate) fn all_buckets(h: &Histogram) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = side(h, false).collect();
    all.reverse();
    if h.zero_count > 0.0 {
        all.push(Bucket { lower: -h.zero_threshold, upper: h.zero_threshold, count: h.zero_count });
    }
    all.extend(side(h, true));
    all
}

/// Removes empty buckets.
pub(crate) fn compact(h: &mut Histogram) {
    let kept = |s: &[Span], c: &[f64]| spans(pairs(s, c).filter(|(_, count)| *count != 0.0));
    (h.positive_spans, h.positive_buckets) = kept(&h.positive_spans, &h.positive_buckets);
    (h.negative_spans, h.negative_buckets) = kept(&h.negative_spans, &h.negative_buckets);
}

/// Whether two histograms hold the same data, bit by bit; reset hints do not count.
pub fn equal(a: &Histogram, b: &Histogram) -> bool {
    let bits = |v: &f64| v.to_bits();
    let same = |a: &[f64], b: &[f64]| a.iter().map(bits).eq(b.iter().map(bits));
    let places = |s: &[Span], c: &[f64]| pairs(s, c).map(|(i, _)| i).collect::<Vec<_>>();
    a.schema == b.schema
        && bits(&a.count) == bits(&b.count)
        && bits(&a.sum) == bits(&b.sum)
        && (a.schema != CUSTOM || same(&a.custom_values, &b.custom_values))
        && a.zero_threshold == b.zero_threshold
        && bits(&a.zero_count) == bits(&b.zero_count)
        && same(&a.positive_buckets, &b.positive_buckets)
        && same(&a.negative_buckets, &b.negative_buckets)
        && places(&a.positive_spans, &a.positive_buckets) == places(&b.positive_spans, &b.positive_buckets)
        && places(&a.negative_spans, &a.negative_buckets) == places(&b.negative_spans, &b.negative_buckets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_spans_are_inverse() {
        let all = vec![(-3, 1.0), (-2, 2.0), (4, 3.0)];
        let (s, c) = spans(all.clone());
        assert_eq!(s, [Span { offset: -3, length: 2 }, Span { offset: 5, length: 1 }]);
        assert_eq!(pairs(&s, &c).collect::<Vec<_>>(), all);
    }

    #[test]
    fn bounds_are_powers_of_two() {
        assert_eq!(upper_bound(3, 0, &[]), 8.0);
        assert_eq!(upper_bound(1, 1, &[]), 2f64.sqrt());
        assert_eq!(upper_bound(-1, -2, &[]), 1.0 / 16.0);
        assert_eq!(upper_bound(1, CUSTOM, &[5.0, 10.0]), 10.0);
        assert_eq!(upper_bound(2, CUSTOM, &[5.0, 10.0]), f64::INFINITY);
        assert_eq!(upper_bound(1024, 0, &[]), f64::MAX);
    }
}
