//! `rate_limit`: one request an interval on average, `burst` at once. One bucket for all clients.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::Error as _;

/// The section `rate_limit`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimit {
    /// Requests at once.
    pub(super) burst: u32,
    /// Time between two requests on average; 0: no limit.
    #[serde(deserialize_with = "interval")]
    pub(super) interval: Duration,
}

/// A token bucket.
pub(super) struct Limiter {
    interval: Duration,
    burst: f64,
    state: Mutex<(f64, Option<Instant>)>,
}

impl Limiter {
    pub(super) fn of(limit: &RateLimit) -> Option<Self> {
        let burst = f64::from(limit.burst);
        let state = Mutex::new((burst, None));
        (!limit.interval.is_zero()).then_some(Self { interval: limit.interval, burst, state })
    }

    /// Takes a token if there is one.
    pub(super) fn admit(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let (tokens, last) = &mut *state;
        if let Some(last) = last {
            let passed = now.saturating_duration_since(*last).as_secs_f64();
            *tokens = (*tokens + passed / self.interval.as_secs_f64()).min(self.burst);
        }
        *last = Some(now);
        let enough = *tokens >= 1.0;
        if enough {
            *tokens -= 1.0;
        }
        enough
    }
}

/// A duration as Go writes it, or nanoseconds.
fn interval<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Nanoseconds(u64),
        Text(String),
    }
    match Form::deserialize(deserializer)? {
        Form::Nanoseconds(n) => Ok(Duration::from_nanos(n)),
        Form::Text(text) => go_duration(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no duration such as 1s or 100ms"))),
    }
}

/// `1h2m3.5s`, `100ms`, `2us`, `0`; not negative.
fn go_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 7] =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|n| *n > 0)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let size = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        seconds += number.parse::<f64>().ok()? * size;
        rest = tail;
    }
    (!text.is_empty()).then_some(())?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go() {
        for (text, ms) in [("1s", 1000), ("1m30s", 90_000), ("100ms", 100), ("1.5h", 5_400_000), ("0", 0)] {
            assert_eq!(go_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "1", "s", "1x", "-1s", "1s1", "1..s"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_burst_and_then_one_an_interval() {
        let limit = RateLimit { burst: 2, interval: Duration::from_secs(1) };
        let limiter = Limiter::of(&limit).unwrap();
        let at = |ms| Instant::now() + Duration::from_millis(ms);
        let (start, half, later) = (at(0), at(500), at(5000));
        let admitted = [start, start, start, half, later, later, later].map(|t| limiter.admit(t));
        assert_eq!(admitted, [true, true, false, false, true, true, false]);
        assert!(Limiter::of(&RateLimit::default()).is_none());
        let shut = RateLimit { burst: 0, interval: Duration::from_secs(1) };
        assert!(!Limiter::of(&shut).unwrap().admit(later));
    }
}
