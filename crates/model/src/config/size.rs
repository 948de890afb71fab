//! Sizes in Prometheus' notation.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A size in bytes, written `10MB`, `512KiB`; every prefix is a power of 1024. `0` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size(pub u64);

impl Size {
    /// Reads the notation.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self(0));
        }
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| format!("units: invalid {text}"))?;
        let shift = match unit.trim_end_matches('B').trim_end_matches('i') {
            "" if unit == "B" => 0,
            "K" | "k" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            "P" => 50,
            "E" => 60,
            _ => return Err(format!("units: unknown unit {unit} in {text}")),
        };
        if !unit.ends_with('B') {
            return Err(format!("units: unknown unit {unit} in {text}"));
        }
        Ok(Self((number * (1u64 << shift) as f64) as u64))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => Self::parse(&text).map_err(D::Error::custom),
            None => Ok(Self(0)),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}B", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(Size::parse("10MB"), Ok(Size(10 << 20)));
        assert_eq!(Size::parse("1.5KiB"), Ok(Size(1536)));
        assert_eq!(Size::parse("7B"), Ok(Size(7)));
        for bad in ["100", "1X", "KB", "", "1iB", "1M"] {
            assert!(Size::parse(bad).is_err(), "{bad}");
        }
    }
}
