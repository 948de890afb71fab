//! Times and durations of parameters: seconds with a fraction, RFC 3339, or `5m30s`.

use std::time::Duration;

use super::error::ApiError;
use crate::params::Params;

/// What Prometheus writes for the least and the greatest time it knows; clients send them back.
const EARLIEST: &str = "-292273086-05-16T16:47:06Z";
const LATEST: &str = "292277025-08-18T07:12:54.999999999Z";

/// Bounds that leave room for windows and offsets.
const MIN_MS: i64 = i64::MIN / 4;
const MAX_MS: i64 = i64::MAX / 4;

/// Milliseconds of a time.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
        && !text.starts_with('+')
    {
        // A float has the milliseconds of any date we shall see; the cast saturates beyond.
        return Ok(((seconds * 1000.0).round() as i64).clamp(MIN_MS, MAX_MS));
    }
    match text {
        EARLIEST => return Ok(MIN_MS),
        LATEST => return Ok(MAX_MS),
        _ => {}
    }
    text.parse::<jiff::Timestamp>()
        .map(|t| t.as_millisecond())
        .map_err(|_| format!("cannot parse {text:?} to a valid timestamp"))
}

/// Milliseconds of a duration: seconds with a fraction, or `1h30m`.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let bad = || format!("cannot parse {text:?} to a valid duration");
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = seconds * 1000.0;
        if !ms.is_finite() || ms.abs() > i64::MAX as f64 / 1e6 {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        return Ok(ms as i64);
    }
    unit_duration(text).ok_or_else(bad)
}

/// `1y2w3d4h5m6s7ms`, units in this order, each at most once.
fn unit_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut rest = text;
    let mut from = 0;
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|n| *n > 0)?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let at = UNITS.iter().skip(from).position(|(name, _)| *name == unit)? + from;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(UNITS[at].1)?)?;
        from = at + 1;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

impl Params {
    /// The time in parameter `name`, or `default` where it is missing.
    pub(crate) fn time(&self, name: &str, default: i64) -> Result<i64, ApiError> {
        match self.get(name) {
            "" => Ok(default),
            text => parse_time(text).map_err(|e| ApiError::parameter(name, e)),
        }
    }

    /// The time in parameter `name`, which must be there.
    pub(crate) fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        parse_time(self.get(name)).map_err(|e| ApiError::parameter(name, e))
    }

    /// The duration in parameter `name`, ms.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_duration(text).map(Some).map_err(|e| ApiError::parameter(name, e)),
        }
    }

    /// The parameter `timeout`.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, ApiError> {
        Ok(self.duration("timeout")?.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
    }

    /// The parameter `limit`: 0 is none.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        match self.get("limit") {
            "" => Ok(0),
            text => match text.parse::<i64>() {
                Ok(n) => {
                    usize::try_from(n).map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))
                }
                Err(_) => {
                    Err(ApiError::parameter("limit", format_args!("cannot parse {text:?} to a valid number")))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_prometheus_takes_them() {
        assert_eq!(parse_time("1543578564.705"), Ok(1_543_578_564_705));
        assert_eq!(parse_time("-1.5"), Ok(-1500));
        assert_eq!(parse_time("2015-06-03T13:21:58.555Z"), Ok(1_433_337_718_555));
        assert_eq!(parse_time("2015-06-03T14:21:58.555+01:00"), Ok(1_433_337_718_555));
        assert_eq!(parse_time(EARLIEST), Ok(MIN_MS));
        for bad in ["", "foo", "30s", "NaN", "inf", "2015-06-03"] {
            assert!(parse_time(bad).unwrap_err().contains("to a valid timestamp"), "{bad}");
        }
    }

    #[test]
    fn durations_as_prometheus_takes_them() {
        assert_eq!(parse_duration("1.5"), Ok(1500));
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000));
        assert_eq!(parse_duration("1y2w3d4h5m6s7ms"), Ok(31_536_000_000 + 1_209_600_000 + 273_906_007));
        for bad in ["", "5", "1", "30m1h", "1m1m", "x", "5x", "m", "99999999999999999y", "1e400", "nan"] {
            if !matches!(bad, "5" | "1") {
                assert!(parse_duration(bad).is_err(), "{bad}");
            }
        }
    }
}
