//! Values of flags.

use std::time::Duration;

/// A duration as Prometheus writes it, e.g. `1h30m`; longer than 0.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        d if d.is_zero() => Err("it must be longer than 0".to_owned()),
        d => Ok(d),
    }
}

/// A duration as Prometheus writes it, 0 included.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    model::config::Duration::parse(text).map(|d| Duration::from_millis(d.as_ms()))
}

/// A count; Prometheus also takes the form `5e7`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    if let Ok(n) = text.parse() {
        return Ok(n);
    }
    match text.parse::<f64>() {
        // 2^53: up to there a float is exact.
        Ok(n) if (0.0..=9_007_199_254_740_992.0).contains(&n) && n.fract() == 0.0 => Ok(n as u64),
        _ => Err("it must be a whole number, 0 or more".to_owned()),
    }
}

/// A regular expression that an origin must match as a whole.
pub(crate) fn pattern(text: &str) -> Result<model::Pattern, String> {
    model::Pattern::new(text).map_err(|e| e.to_string())
}
