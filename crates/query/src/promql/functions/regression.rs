//! Least squares and double exponential smoothing over the floats of a window.

use crate::promql::engine::QueryError;
use crate::promql::number::Kahan;

/// Slope per second and value at time `zero` of the line through the samples.
fn line(t: &[i64], v: &[f64], zero: i64) -> (f64, f64) {
    let (mut x_sum, mut y_sum) = (Kahan::default(), Kahan::default());
    let (mut xy_sum, mut x2_sum) = (Kahan::default(), Kahan::default());
    let first = v.first().copied().unwrap_or(f64::NAN);
    for (t, y) in t.iter().zip(v) {
        let x = (t - zero) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        x2_sum.add(x * x);
    }
    if v.iter().all(|v| *v == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = v.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x * y / n;
    let variance = x2_sum.total() - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

/// The slope per second.
pub(super) fn slope(t: &[i64], v: &[f64]) -> Option<f64> {
    // Times count from the first sample: far from it, squares of seconds would lose the small differences.
    (v.len() >= 2).then(|| line(t, v, t[0]).0)
}

/// The value that the line has `ahead` seconds after `now`.
pub(super) fn predict(t: &[i64], v: &[f64], now: i64, ahead: f64) -> Option<f64> {
    (v.len() >= 2).then(|| {
        let (slope, value) = line(t, v, now);
        slope * ahead + value
    })
}

/// Refuses factors outside of 0..1.
pub(super) fn check_factors(level: &[f64], trend: &[f64]) -> Result<(), QueryError> {
    for (name, factors) in [("smoothing", level), ("trend", trend)] {
        if let Some(bad) = factors.iter().find(|f| **f <= 0.0 || **f >= 1.0) {
            let text = format!("invalid {name} factor. Expected: 0 < {}f < 1, got: {bad:.6}", &name[..1]);
            return Err(QueryError::Execution(text));
        }
    }
    Ok(())
}

/// Holt's linear method: a level and a trend, each an exponentially weighted mean.
pub(super) fn smooth(v: &[f64], level: f64, trend: f64) -> Option<f64> {
    let (first, second) = (*v.first()?, *v.get(1)?);
    let (mut before, mut smoothed, mut slope) = (0.0, first, second - first);
    for (i, v) in v.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        let next = level * v + (1.0 - level) * (smoothed + slope);
        (before, smoothed) = (smoothed, next);
    }
    Some(smoothed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_continued() {
        let (t, v) = ([0, 1000, 2000], [1.0, 3.0, 5.0]);
        assert_eq!(slope(&t, &v), Some(2.0));
        assert_eq!(predict(&t, &v, 2000, 10.0), Some(25.0));
        assert_eq!(slope(&t[..1], &v[..1]), None);
        assert!(slope(&t, &[f64::INFINITY; 3]).is_some_and(f64::is_nan));
        assert_eq!(smooth(&v, 0.5, 0.5), Some(5.0));
    }

    #[test]
    fn factors_lie_between_0_and_1() {
        let error = check_factors(&[0.5], &[1.0]).unwrap_err();
        assert_eq!(error.to_string(), "invalid trend factor. Expected: 0 < tf < 1, got: 1.000000");
        assert!(check_factors(&[0.5], &[0.5]).is_ok());
    }
}
