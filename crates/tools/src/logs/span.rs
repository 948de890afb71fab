//! The time that is asked about.

use clap::Args;
use model::Clock;
use query::logql::units::parse_duration;

/// From when to when.
#[derive(Debug, Clone, Args)]
pub(super) struct Between {
    /// How far back: 30m, 2h, 7d.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration, global = true)]
    since: i64,
    /// Start instead (RFC 3339 or seconds since the Unix epoch).
    #[arg(long, value_name = "TIME", value_parser = time, global = true)]
    from: Option<i64>,
    /// End, likewise; now where it is not given.
    #[arg(long, value_name = "TIME", value_parser = time, global = true)]
    to: Option<i64>,
}

fn duration(text: &str) -> Result<i64, String> {
    parse_duration(text)
        .filter(|ns| *ns > 0)
        .ok_or_else(|| format!("invalid duration {text:?}, e.g. 30m, 2h, 7d"))
}

/// A time in ns.
fn time(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!(
            "cannot read {text:?} as a time, e.g. 2026-01-31T12:00:00Z, 2026-01-31T12:00:00 (local), 1769860800"
        )
    };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return i64::try_from(time.as_nanosecond()).map_err(|_| wrong());
    }
    // Without a zone it is the one of this machine.
    if let Ok(local) = text.parse::<jiff::civil::DateTime>() {
        let zoned = local.to_zoned(jiff::tz::TimeZone::system()).map_err(|_| wrong())?;
        return i64::try_from(zoned.timestamp().as_nanosecond()).map_err(|_| wrong());
    }
    let ms = crate::args::time(text).map_err(|_| wrong())?;
    ms.checked_mul(1_000_000).ok_or_else(wrong)
}

impl Between {
    /// First nanosecond, and the one behind the last.
    pub(super) fn bounds(&self) -> (i64, i64) {
        let end = self.to.unwrap_or_else(|| model::SystemClock.now_ns());
        (self.from.unwrap_or_else(|| end.saturating_sub(self.since)), end)
    }

    /// In words, behind "no lines".
    pub(super) fn described(&self) -> String {
        let shown = |ns: i64| {
            jiff::Timestamp::from_nanosecond(i128::from(ns))
                .map_or_else(|_| ns.to_string(), |t| t.strftime("%FT%TZ").to_string())
        };
        let (start, end) = self.bounds();
        format!("between {} and {}", shown(start), shown(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_seconds() {
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000_000_000));
        assert_eq!(time("1700000000.5"), Ok(1_700_000_000_500_000_000));
        assert!(time("2023-11-14T22:13:20").is_ok());
        for wrong in ["", "yesterday", "1e300", "99999999999999"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration("1d"), Ok(86_400_000_000_000));
        assert!(duration("0s").is_err() && duration("-1h").is_err() && duration("5").is_err());
    }
}
