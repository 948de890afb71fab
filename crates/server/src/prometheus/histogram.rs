//! Buckets of a native histogram as Prometheus' JSON has them: `[boundary rule, lower, upper, count]`, empty ones left
//! out. Rules: 0 open left, 1 open right, 2 open both, 3 closed both.

use model::{Histogram, Span};

use super::number::push_value;

/// Schema of histograms with bounds of their own.
const CUSTOM: i32 = -53;

/// Appends `,"buckets":[...]` where a bucket has observations.
pub(crate) fn push_buckets(out: &mut String, histogram: &Histogram) {
    let before = out.len();
    let mut negative: Vec<(i32, f64)> =
        buckets(&histogram.negative_spans, &histogram.negative_buckets).collect();
    negative.reverse();
    for (index, count) in negative {
        let (near, far) = (exponential(histogram.schema, index - 1), exponential(histogram.schema, index));
        push_bucket(out, before, 1, -far, -near, count);
    }
    if histogram.zero_count > 0.0 {
        push_bucket(
            out,
            before,
            3,
            -histogram.zero_threshold,
            histogram.zero_threshold,
            histogram.zero_count,
        );
    }
    for (index, count) in buckets(&histogram.positive_spans, &histogram.positive_buckets) {
        let (lower, upper) = if histogram.schema == CUSTOM {
            (custom(&histogram.custom_values, index - 1), custom(&histogram.custom_values, index))
        } else {
            (exponential(histogram.schema, index - 1), exponential(histogram.schema, index))
        };
        let rule = if lower == f64::NEG_INFINITY { 3 } else { 0 };
        push_bucket(out, before, rule, lower, upper, count);
    }
    if out.len() > before {
        out.push(']');
    }
}

fn push_bucket(out: &mut String, before: usize, rule: u8, lower: f64, upper: f64, count: f64) {
    if count == 0.0 {
        return;
    }
    out.push_str(if out.len() == before { ",\"buckets\":[[" } else { ",[" });
    out.push(char::from(b'0' + rule));
    for value in [lower, upper, count] {
        out.push_str(",\"");
        push_value(out, value);
        out.push('"');
    }
    out.push(']');
}

/// Index and count of each bucket.
fn buckets<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let start = next.saturating_add(span.offset);
        next = start.saturating_add(i32::try_from(span.length).unwrap_or(i32::MAX));
        start..next
    });
    indexes.zip(counts.iter().copied())
}

/// The upper bound of bucket `index`: 2^(index / 2^schema).
fn exponential(schema: i32, index: i32) -> f64 {
    (f64::from(index) * 2f64.powi(-schema)).exp2()
}

/// The upper bound of custom bucket `index`.
fn custom(bounds: &[f64], index: i32) -> f64 {
    match usize::try_from(index) {
        Err(_) => f64::NEG_INFINITY,
        Ok(at) => bounds.get(at).copied().unwrap_or(f64::INFINITY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_rules() {
        let histogram = Histogram {
            schema: 0,
            zero_threshold: 0.5,
            zero_count: 1.0,
            positive_spans: vec![Span { offset: 1, length: 2 }],
            positive_buckets: vec![3.0, 0.0],
            negative_spans: vec![Span { offset: 0, length: 1 }],
            negative_buckets: vec![2.0],
            ..Histogram::default()
        };
        let mut out = String::new();
        push_buckets(&mut out, &histogram);
        assert_eq!(out, r#","buckets":[[1,"-1","-0.5","2"],[3,"-0.5","0.5","1"],[0,"1","2","3"]]"#);
        let custom = Histogram {
            schema: CUSTOM,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![1.0, 2.0, 3.0],
            custom_values: vec![5.0, 10.0],
            ..Histogram::default()
        };
        out.clear();
        push_buckets(&mut out, &custom);
        assert_eq!(out, r#","buckets":[[3,"-Inf","5","1"],[0,"5","10","2"],[0,"10","+Inf","3"]]"#);
    }
}
