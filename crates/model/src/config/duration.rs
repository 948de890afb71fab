//! Durations in Prometheus' notation.

use std::fmt;
use std::time::Duration as StdDuration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time in milliseconds, written `1h30m`, `15s`, `500ms`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(u64);

/// Units from the largest to the smallest, in milliseconds. A year has 365 days.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Duration {
    /// A duration of `ms` milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// A duration of `s` seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000)
    }

    /// Milliseconds.
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// Milliseconds, as times are counted.
    pub fn as_i64_ms(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// Whether it is `0`: in most places that means "not set".
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// For timers.
    pub const fn to_std(self) -> StdDuration {
        StdDuration::from_millis(self.0)
    }

    /// Reads the notation: numbers with units, largest unit first, each at most once.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("not a valid duration string: {text:?}");
        if text.is_empty() {
            return Err("empty duration string".to_owned());
        }
        if text == "0" {
            return Ok(Self(0));
        }
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut total = 0u64;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, tail) = tail.split_at(letters);
            // Units before the one found are used up: that keeps them in order and unique.
            let (_, ms) = units.find(|(name, _)| *name == unit).ok_or_else(bad)?;
            let number: u64 = number.parse().map_err(|_| bad())?;
            let part = number.checked_mul(*ms).and_then(|part| total.checked_add(part));
            // Go counts nanoseconds in 63 bits.
            total = part.filter(|t| *t <= i64::MAX as u64 / 1_000_000).ok_or("duration out of range")?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Duration {
    /// As Prometheus writes it: days and weeks only where they come out even.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, ms) in UNITS {
            let exact = matches!(name, "y" | "w" | "d");
            if rest >= ms && (!exact || rest.is_multiple_of(ms)) {
                write!(f, "{}{name}", rest / ms)?;
                rest %= ms;
            }
        }
        Ok(())
    }
}

impl Duration {
    /// As Go writes it: `1h0m0s`, `1m30s`, `1.5s`, `500ms`.
    pub fn go(self) -> String {
        let (hours, minutes, ms) = (self.0 / 3_600_000, self.0 / 60_000 % 60, self.0 % 60_000);
        match (hours, minutes) {
            (0, 0) if ms < 1000 && ms > 0 => format!("{ms}ms"),
            (0, 0) => format!("{}s", ms as f64 / 1000.0),
            (0, _) => format!("{minutes}m{}s", ms as f64 / 1000.0),
            _ => format!("{hours}h{minutes}m{}s", ms as f64 / 1000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => Self::parse(&text).map_err(D::Error::custom),
            None => Ok(Self(0)),
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        for (text, ms, written) in [
            ("0", 0, "0s"),
            ("15s", 15_000, "15s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("1d", 86_400_000, "1d"),
            ("25h", 90_000_000, "25h"),
            ("1w2d", 777_600_000, "9d"),
            ("1m500ms", 60_500, "1m500ms"),
        ] {
            assert_eq!(Duration::parse(text), Ok(Duration(ms)), "{text}");
            assert_eq!(Duration(ms).to_string(), written);
        }
        for bad in
            ["", "-1h", "1", "1x", "s", "1m1h", "1s1s", "1.5s", "99999999999999999999s", "300000y", "1 s"]
        {
            assert!(Duration::parse(bad).is_err(), "{bad}");
        }
    }
}
