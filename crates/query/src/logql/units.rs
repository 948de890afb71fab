//! Durations and sizes as LogQL reads and writes them.

use std::fmt::Write as _;

const NS: f64 = 1e9;

/// Units of durations from the largest to the smallest, ns.
const DURATIONS: [(&str, i64); 9] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads a duration as Go does (`1h15m30.918s`, `-250ms`), with days, weeks and years, into nanoseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = if unit == "µs" || unit == "μs" { "us" } else { unit };
        let (_, ns) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
        let part = match number.parse::<i64>() {
            Ok(whole) => whole.checked_mul(*ns)?,
            Err(_) => {
                let value: f64 = number.parse().ok()?;
                let part = value * *ns as f64;
                // What is over the border of 64 bits is no duration.
                (part < i64::MAX as f64).then_some(part as i64)?
            }
        };
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some(sign * total)
}

/// Reads a size (`10KB`, `1.5 MiB`, `20`) into bytes; units in any case, `KB` 1000 and `KiB` 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let value: f64 =
        if number.contains(',') { number.replace(',', "").parse() } else { number.parse() }.ok()?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "p" | "pb" => 1e15,
        "e" | "eb" => 1e18,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1024f64.powi(2),
        "gi" | "gib" => 1024f64.powi(3),
        "ti" | "tib" => 1024f64.powi(4),
        "pi" | "pib" => 1024f64.powi(5),
        "ei" | "eib" => 1024f64.powi(6),
        _ => return None,
    };
    let bytes = value * factor;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// A duration in seconds.
pub fn seconds(ns: i64) -> f64 {
    ns as f64 / NS
}

/// Writes nanoseconds so that [`parse_duration`] reads the same: `1h30m`, `250ms`.
pub fn format_duration(ns: i64) -> String {
    if ns == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if ns < 0 {
        out.push('-');
    }
    let mut rest = ns.unsigned_abs();
    for (unit, length) in DURATIONS.into_iter().filter(|(unit, _)| !matches!(*unit, "y" | "w")) {
        let length = length.unsigned_abs();
        if rest >= length {
            let _ = write!(out, "{}{unit}", rest / length); // writing to a String cannot fail
            rest %= length;
        }
    }
    out
}

/// Writes a size so that [`parse_bytes`] reads the same, with the largest decimal unit that leaves it whole.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("EB", 1_000_000_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("KB", 1_000),
    ];
    let unit = UNITS.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
    match unit {
        Some((name, size)) => format!("{}{name}", bytes / size),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go_and_longer_ones() {
        for (text, ns) in [
            ("5m", 300_000_000_000),
            ("1h15m30.918s", 4_530_918_000_000),
            ("-250ms", -250_000_000),
            ("1d", 86_400_000_000_000),
            ("1.5us", 1_500),
            ("3µs", 3_000),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Some(ns), "{text}");
            assert_eq!(parse_duration(&format_duration(ns)), Some(ns), "{text}");
        }
        for bad in ["", "5", "m", "1x", "1.2.3s", "99999999y", "-"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        for (text, bytes) in
            [("10KB", 10_000), ("1.5MiB", 1_572_864), ("20", 20), ("7 b", 7), ("1,000kb", 1_000_000)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
            assert_eq!(parse_bytes(&format_bytes(bytes)), Some(bytes), "{text}");
        }
        for bad in ["", "KB", "1xb", "-1KB", "99999EB"] {
            assert_eq!(parse_bytes(bad), None, "{bad}");
        }
    }
}
