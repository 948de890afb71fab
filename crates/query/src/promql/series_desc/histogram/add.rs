//! Sums of histograms, for sequences such as `{{...}}+{{...}}x5`.

use std::collections::BTreeMap;

use model::{Histogram, ResetHint, Span};

use super::CUSTOM_SCHEMA;

/// Buckets by index.
type Buckets = BTreeMap<i64, f64>;

/// `a + sign * b`, in the resolution of `a`, which must not be finer than that of `b`.
pub(super) fn add(a: &Histogram, b: &Histogram, sign: f64) -> Result<Histogram, String> {
    let custom = (a.schema == CUSTOM_SCHEMA, b.schema == CUSTOM_SCHEMA);
    if a.schema > b.schema || custom.0 != custom.1 {
        let (from, to) = (b.schema, a.schema);
        return Err(format!("error combining histograms: cannot merge from schema {from} to {to}"));
    }
    let mut sum = Histogram {
        reset_hint: if a.reset_hint == b.reset_hint { a.reset_hint } else { ResetHint::Unknown },
        schema: a.schema,
        zero_threshold: a.zero_threshold.max(b.zero_threshold),
        zero_count: a.zero_count + sign * b.zero_count,
        count: a.count + sign * b.count,
        sum: a.sum + sign * b.sum,
        ..Histogram::default()
    };
    let mut positive = merged(a, b, sign, |h| (&h.positive_spans, &h.positive_buckets));
    let mut negative = merged(a, b, sign, |h| (&h.negative_spans, &h.negative_buckets));
    if custom.0 {
        sum.custom_values = a.custom_values.iter().copied().filter(|v| b.custom_values.contains(v)).collect();
        positive = rebounded(a, &sum.custom_values, 1.0);
        for (index, count) in rebounded(b, &sum.custom_values, sign) {
            *positive.entry(index).or_default() += count;
        }
    } else if a.zero_threshold != b.zero_threshold {
        widen_zero(&mut sum, [&mut positive, &mut negative]);
    }
    (sum.positive_spans, sum.positive_buckets) = packed(positive);
    (sum.negative_spans, sum.negative_buckets) = packed(negative);
    Ok(sum)
}

/// Buckets of one side of both, in the resolution of `a`.
fn merged<'h>(
    a: &'h Histogram,
    b: &'h Histogram,
    sign: f64,
    side: impl Fn(&'h Histogram) -> (&'h Vec<Span>, &'h Vec<f64>),
) -> Buckets {
    let mut out = Buckets::new();
    for (index, count) in indexed(side(a)) {
        *out.entry(index).or_default() += count;
    }
    // Both are exponential, or both custom with equal schemas.
    let shift = b.schema.abs_diff(a.schema).min(62);
    for (index, count) in indexed(side(b)) {
        // Bucket i reaches up to base^i: halving the resolution pairs 2j-1 with 2j.
        let index = ((index - 1) >> shift) + 1;
        *out.entry(index).or_default() += sign * count;
    }
    out
}

fn indexed<'h>((spans, buckets): (&'h Vec<Span>, &'h Vec<f64>)) -> impl Iterator<Item = (i64, f64)> + 'h {
    let mut next = 0i64;
    let indexes = spans.iter().flat_map(move |span| {
        let start = next + i64::from(span.offset);
        next = start + i64::from(span.length);
        start..next
    });
    indexes.zip(buckets.iter().copied())
}

/// The buckets of `h` over fewer bounds: each goes to the first bound that is not below its own.
fn rebounded(h: &Histogram, bounds: &[f64], sign: f64) -> Buckets {
    let mut out = Buckets::new();
    for (index, count) in indexed((&h.positive_spans, &h.positive_buckets)) {
        let own = usize::try_from(index).ok().and_then(|i| h.custom_values.get(i));
        let index = own.map_or(bounds.len(), |own| bounds.partition_point(|bound| bound < own));
        *out.entry(index as i64).or_default() += sign * count;
    }
    out
}

/// Moves into the zero bucket what lies in it, and widens it to the upper bound of a bucket it cuts.
fn widen_zero(h: &mut Histogram, sides: [&mut Buckets; 2]) {
    let exponent = f64::from(-h.schema).exp2();
    let upper = |index: i64| (index as f64 * exponent).exp2();
    let cut = sides
        .iter()
        .flat_map(|side| side.iter())
        .filter(|(index, count)| **count != 0.0 && upper(**index - 1) < h.zero_threshold)
        .map(|(index, _)| upper(*index));
    let threshold = cut.fold(h.zero_threshold, f64::max);
    for side in sides {
        side.retain(|index, count| {
            let inside = upper(*index) <= threshold;
            if inside {
                h.zero_count += *count;
            }
            !inside
        });
    }
    h.zero_threshold = threshold;
}

/// Spans and counts of buckets by index.
fn packed(buckets: Buckets) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut counts = Vec::with_capacity(buckets.len());
    let mut next = 0i64;
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            // Indexes are those of 32-bit offsets that were read.
            _ => spans.push(Span { offset: i32::try_from(index - next).unwrap_or(i32::MAX), length: 1 }),
        }
        next = index + 1;
        counts.push(count);
    }
    (spans, counts)
}
