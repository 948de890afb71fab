//! Whether a result is what was expected.

use std::sync::Arc;

use model::{Histogram, is_stale_nan};
use query::promql::series_desc::{SequenceValue, SeriesDesc};
use query::promql::{InstantSample, SampleValue, Series, Value};

use super::expect::{Expected, buckets};
use super::script::EvalKind;

const TOLERANCE: f64 = 1e-6;

/// Whether two floats are the same but for rounding.
pub(super) fn nearly_equal(a: f64, b: f64) -> bool {
    if is_stale_nan(a) || is_stale_nan(b) {
        return is_stale_nan(a) && is_stale_nan(b);
    }
    if (a.is_nan() && b.is_nan()) || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

fn same_histogram(want: &Histogram, hint: bool, got: &Histogram) -> bool {
    let same = |a: &[(i32, f64)], b: &[(i32, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && nearly_equal(a.1, b.1))
    };
    let (want_buckets, got_buckets) = (buckets(want), buckets(got));
    want.schema == got.schema
        && want.zero_threshold == got.zero_threshold
        && want.custom_values == got.custom_values
        && nearly_equal(want.count, got.count)
        && nearly_equal(want.sum, got.sum)
        && nearly_equal(want.zero_count, got.zero_count)
        && same(&want_buckets.0, &got_buckets.0)
        && same(&want_buckets.1, &got_buckets.1)
        && (!hint || want.reset_hint == got.reset_hint)
}

fn same_value(want: &SequenceValue, got: &SampleValue) -> bool {
    match (want, got) {
        (SequenceValue::Float(want), SampleValue::Float(got)) => nearly_equal(*want, *got),
        (SequenceValue::Histogram { histogram, hint_written }, SampleValue::Histogram(got)) => {
            same_histogram(histogram, *hint_written, got)
        }
        _ => false,
    }
}

/// Compares the result of an instant query.
pub(super) fn instant(expected: &Expected, value: &Value) -> Result<(), String> {
    if let Some(EvalKind::Range { start, step, .. }) = expected.matrix {
        return match value {
            Value::Matrix(series) => matrix(&expected.series, series, start, None, step),
            other => Err(format!("expected a range vector, got {}", other.type_name())),
        };
    }
    match (value, &expected.string, expected.number) {
        (Value::String { s, .. }, Some(want), _) if s == want => Ok(()),
        (_, Some(want), _) => Err(format!("expected the string {want:?}, got {value:?}")),
        (Value::Scalar { v, .. }, _, Some(want)) if nearly_equal(*v, want) => Ok(()),
        (_, _, Some(want)) => Err(format!("expected {want}, got {value:?}")),
        (Value::Vector(samples), ..) => vector(&expected.series, samples, expected.ordered),
        (other, ..) => Err(format!("expected a vector, got {}", other.type_name())),
    }
}

fn vector(want: &[SeriesDesc], got: &[InstantSample], ordered: bool) -> Result<(), String> {
    for (at, sample) in got.iter().enumerate() {
        let found = want.iter().position(|w| w.labels == sample.labels);
        let Some(found) = found else {
            return Err(format!("unexpected {} {:?}", sample.labels, sample.value));
        };
        if ordered && found != at {
            return Err(format!("{} is at place {}, expected at {}", sample.labels, at + 1, found + 1));
        }
        let expected = &want[found].values[0];
        if !same_value(expected, &sample.value) {
            return Err(format!("{}: expected {expected:?}, got {:?}", sample.labels, sample.value));
        }
    }
    for (at, sample) in got.iter().enumerate() {
        if got[..at].iter().any(|other| other.labels == sample.labels) {
            return Err(format!("{} twice", sample.labels));
        }
    }
    match want.iter().find(|w| !got.iter().any(|g| g.labels == w.labels)) {
        Some(missing) => Err(format!("{} is missing; got {got:?}", missing.labels)),
        None => Ok(()),
    }
}

/// Compares the result of a range query; positions beyond `end` are refused.
pub(super) fn matrix(
    want: &[SeriesDesc],
    got: &[Series],
    start: i64,
    end: Option<i64>,
    step: i64,
) -> Result<(), String> {
    if let Some(pair) = got.windows(2).find(|pair| pair[0].labels >= pair[1].labels) {
        return Err(format!("{} comes before {}: not sorted", pair[0].labels, pair[1].labels));
    }
    for expected in want {
        let series = got.iter().find(|g| g.labels == expected.labels);
        let mut points = series.map(points).unwrap_or_default().into_iter().peekable();
        for (position, value) in (0i64..).zip(&expected.values) {
            let t = start + position * step;
            if end.is_some_and(|end| t > end) {
                return Err(format!("{}: more values expected than there are steps", expected.labels));
            }
            let point = points.next_if(|(time, _)| *time == t);
            match (value, point) {
                (SequenceValue::Omitted, None) => {}
                (want, Some((_, got))) if same_value(want, &got) => {}
                (want, got) => {
                    let got = got.map(|(_, v)| v);
                    return Err(format!("{} at {t} ms: expected {want:?}, got {got:?}", expected.labels));
                }
            }
        }
        if let Some((t, v)) = points.next() {
            return Err(format!("{}: unexpected {v:?} at {t} ms", expected.labels));
        }
    }
    match got.iter().find(|g| !want.iter().any(|w| w.labels == g.labels)) {
        Some(more) => Err(format!("unexpected {} {:?}", more.labels, points(more).first())),
        None => Ok(()),
    }
}

/// All points of a series by time.
fn points(series: &Series) -> Vec<(i64, SampleValue)> {
    let floats = series.points.iter().map(|(t, v)| (*t, SampleValue::Float(*v)));
    let histograms = series.histograms.iter().map(|(t, h)| (*t, SampleValue::Histogram(Arc::clone(h))));
    let mut all: Vec<(i64, SampleValue)> = floats.chain(histograms).collect();
    all.sort_by_key(|(t, _)| *t);
    all
}

/// What a matrix has at one time, as the instant query there would yield it.
pub(super) fn slice(series: &[Series], t: i64, scalar: bool) -> Value {
    let samples: Vec<InstantSample> = series
        .iter()
        .filter_map(|s| {
            let (_, value) = points(s).into_iter().find(|(time, _)| *time == t)?;
            Some(InstantSample { labels: s.labels.clone(), t, value })
        })
        .collect();
    match (scalar, samples.first().map(|s| &s.value)) {
        (true, Some(SampleValue::Float(v))) => Value::Scalar { t, v: *v },
        _ => Value::Vector(samples),
    }
}
