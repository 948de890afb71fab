//! Arguments in the forms that promtool takes.

use std::time::Duration;

/// A time as a number of seconds since the Unix epoch or as RFC 3339, in ms.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    let wrong = || format!("cannot parse {text:?} to a valid timestamp");
    if let Ok(seconds) = text.parse::<f64>() {
        // Beyond this lies no time that a server could know.
        const MOST: f64 = 1e15;
        return if seconds.abs() < MOST { Ok((seconds * 1000.0).round() as i64) } else { Err(wrong()) };
    }
    text.parse::<jiff::Timestamp>().map(|time| time.as_millisecond()).map_err(|_| wrong())
}

/// A duration in Go's notation: `1m30s`, `1.5h`, `300ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("invalid duration {text:?}, e.g. 30s, 5m, 1h30m");
    let mut rest = text;
    let mut seconds = 0.0;
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let tail = &rest[digits..];
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        seconds += number
            * match &tail[..unit] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = &tail[unit..];
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// `name=value`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("expected name=value, got {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_as_promtool_takes_them() {
        assert_eq!(time("1700000000.5"), Ok(1_700_000_000_500));
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000));
        assert_eq!(time("2023-11-14T22:13:20.25+01:00"), Ok(1_699_996_400_250));
        for wrong in ["yesterday", "", "NaN", "1e300"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration("1h2m3.5s"), Ok(Duration::from_millis(3_723_500)));
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        for wrong in ["", "5", "5d", "m", "1h-2m", "1.2.3s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(pair("job=a=b"), Ok(("job".to_owned(), "a=b".to_owned())));
        assert!(pair("=x").is_err() && pair("x").is_err());
    }
}
