//! Times in templates. The language has no type for them: they are texts as Go prints them, `2024-01-02 04:04:05 +0100
//! CET`, and methods read the text back.

use gotmpl::Value;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use query::template::{text, times};

/// A time with its zone.
struct Zoned {
    at: Timestamp,
    civil: DateTime,
    /// `+0100`.
    offset: String,
    /// `CET`.
    zone: String,
}

fn read(shown: &str) -> Option<Zoned> {
    let mut parts = shown.rsplitn(3, ' ');
    let (zone, offset, civil) = (parts.next()?, parts.next()?, parts.next()?);
    let civil: DateTime = civil.replace(' ', "T").parse().ok()?;
    let sign = match offset.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes): (i64, i64) = (offset.get(1..3)?.parse().ok()?, offset.get(3..5)?.parse().ok()?);
    let seconds = sign * (hours * 3600 + minutes * 60);
    let utc = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let at = utc.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok()?;
    Some(Zoned { at, civil, offset: offset.to_owned(), zone: zone.to_owned() })
}

/// Now, or when it was; `None` where it is no time.
pub(super) fn timestamp(shown: &str) -> Option<Timestamp> {
    read(shown).map(|time| time.at)
}

/// The same moment in a zone.
pub(super) fn in_zone(name: &str, shown: &str) -> Result<String, String> {
    let time = read(shown).ok_or_else(|| format!("{shown} is not a time"))?;
    let zone = match name {
        "" | "UTC" => TimeZone::UTC,
        "Local" => TimeZone::system(),
        name => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}"))?,
    };
    let zoned = time.at.to_zoned(zone);
    let mut out = zoned.datetime().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let fraction = zoned.datetime().subsec_nanosecond();
    if fraction != 0 {
        out.push_str(format!(".{fraction:09}").trim_end_matches('0'));
    }
    out.push_str(&zoned.strftime(" %z %Z").to_string());
    Ok(out)
}

/// Go's `Time.Format`.
pub(super) fn format(layout: &str, shown: &str) -> Result<String, String> {
    let time = read(shown).ok_or_else(|| format!("{shown} is not a time"))?;
    let utc = time.offset == "+0000";
    let (hours, minutes) = time.offset.split_at(3);
    let colon = format!("{hours}:{minutes}");
    // What says the zone is written here, the rest there.
    let zones = [
        ("Z07:00", if utc { "Z" } else { &colon }),
        ("Z0700", if utc { "Z" } else { &time.offset }),
        ("-07:00", &colon),
        ("-0700", &time.offset),
        ("MST", &time.zone),
    ];
    let mut out = String::new();
    let mut rest = layout;
    loop {
        let next = zones.iter().filter_map(|(part, text)| Some((rest.find(part)?, *part, *text))).min();
        let Some((at, part, text)) = next else {
            out.push_str(&times::format(time.civil, rest));
            return Ok(out);
        };
        out.push_str(&times::format(time.civil, &rest[..at]));
        out.push_str(text);
        rest = &rest[at + part.len()..];
    }
}

/// Reads a time by a layout; it is in UTC where it does not say otherwise.
pub(super) fn parse(layout: &str, written: &str) -> Result<String, String> {
    let format = times::strptime(layout);
    let failed = |_| format!("parsing time {written:?} as {layout:?}: cannot parse it");
    let broken = jiff::fmt::strtime::BrokenDownTime::parse(&format, written).map_err(failed)?;
    let at = match broken.to_timestamp() {
        Ok(at) => at,
        Err(_) => {
            let date = broken.to_date().map_err(failed)?;
            let time = broken.to_time().unwrap_or_default();
            date.to_datetime(time).to_zoned(TimeZone::UTC).map_err(failed)?.timestamp()
        }
    };
    Ok(times::shown(at))
}

/// Calls a method of a time or a duration; `None` where `receiver` is neither, or has none of that name.
pub(super) fn call(receiver: &str, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let Some(time) = read(receiver) else { return times::call(receiver, name, args) };
    match (name, args) {
        ("Format", [Value::String(layout)]) => Some(format(layout, receiver).map(text)),
        ("String", []) => Some(Ok(text(receiver))),
        ("UTC", []) => Some(Ok(text(times::shown(time.at)))),
        ("IsZero", []) => Some(Ok(Value::Bool(time.at.as_second() == -62_135_596_800))),
        // What a calendar shows there.
        ("Year" | "Month" | "Day" | "Hour" | "Minute" | "Second" | "Weekday" | "YearDay", _) => {
            let civil = time.civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
            times::call(&times::shown(civil), name, args)
        }
        _ => times::call(&times::shown(time.at), name, args),
    }
}
