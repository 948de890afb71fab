//! Histograms of OTLP as native histograms.

use model::{Histogram, ResetHint};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint};

use crate::histogram::{CUSTOM_SCHEMA, MAX_SCHEMA, MIN_SCHEMA, SpanBuilder};

/// Width of the zero bucket, as Prometheus assumes it.
const ZERO_THRESHOLD: f64 = 1e-128;

/// A histogram without a value: the series ends here.
pub(super) fn stale(schema: i32) -> Histogram {
    Histogram { schema, sum: model::stale_nan(), ..Histogram::default() }
}

/// An exponential histogram; a finer scale than what is stored is lowered.
pub(super) fn exponential(
    point: &ExponentialHistogramDataPoint,
    hint: ResetHint,
) -> Result<Histogram, String> {
    let scale = point.scale;
    if scale < MIN_SCHEMA {
        return Err(format!(
            "cannot convert exponential to native histogram. Scale must be >= {MIN_SCHEMA}, was {scale}"
        ));
    }
    let down = u32::try_from(scale - MAX_SCHEMA).unwrap_or(0);
    let (positive_spans, positive_buckets) = side(point.positive.as_ref(), down)?;
    let (negative_spans, negative_buckets) = side(point.negative.as_ref(), down)?;
    Ok(Histogram {
        reset_hint: hint,
        schema: scale.min(MAX_SCHEMA),
        zero_threshold: ZERO_THRESHOLD,
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or(0.0),
        positive_spans,
        positive_buckets,
        negative_spans,
        negative_buckets,
        custom_values: Vec::new(),
    })
}

/// OTLP's bucket `i` covers (base^i, base^(i+1)]; here that is bucket `i + 1`.
fn side(buckets: Option<&Buckets>, down: u32) -> Result<(Vec<model::Span>, Vec<f64>), String> {
    let mut out = SpanBuilder::default();
    let Some(buckets) = buckets else { return Ok(out.finish()) };
    for (at, count) in buckets.bucket_counts.iter().enumerate() {
        if *count == 0 {
            continue;
        }
        let index = i64::from(buckets.offset) + at as i64;
        let index = i32::try_from((index >> down.min(62)) + 1)
            .map_err(|_| format!("the index of a bucket is out of range: {index}"))?;
        out.add(index, *count as f64);
    }
    Ok(out.finish())
}

/// A histogram with explicit bounds as one with custom buckets.
pub(super) fn custom(point: &HistogramDataPoint, hint: ResetHint) -> Histogram {
    let mut out = SpanBuilder::default();
    for (at, count) in point.bucket_counts.iter().enumerate() {
        if *count > 0 {
            out.add(i32::try_from(at).unwrap_or(i32::MAX), *count as f64);
        }
    }
    if point.bucket_counts.is_empty() && point.count > 0 {
        // Only count and sum were sent: one bucket holds all.
        out.add(i32::try_from(point.explicit_bounds.len()).unwrap_or(i32::MAX), point.count as f64);
    }
    let (positive_spans, positive_buckets) = out.finish();
    Histogram {
        reset_hint: hint,
        schema: CUSTOM_SCHEMA,
        count: point.count as f64,
        sum: point.sum.unwrap_or(0.0),
        positive_spans,
        positive_buckets,
        custom_values: point.explicit_bounds.clone(),
        ..Histogram::default()
    }
}
