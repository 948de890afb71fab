//! Times and durations. The language has no type for them: they are texts in the form in which Go prints them, and a
//! method reads the text back.

use gotmpl::Value;
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::text;

/// `2015-06-03 13:21:58.555 +0000 UTC`.
pub fn go_time(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => shown(time),
        Err(_) => format!("{ms} ms"),
    }
}

/// A time as Go prints it.
pub fn shown(time: Timestamp) -> String {
    let civil = time.to_zoned(TimeZone::UTC).datetime();
    let fraction = civil.subsec_nanosecond();
    let mut out = civil.strftime("%Y-%m-%d %H:%M:%S").to_string();
    if fraction != 0 {
        out.push_str(format!(".{fraction:09}").trim_end_matches('0'));
    }
    out.push_str(" +0000 UTC");
    out
}

/// `1h2m3.5s` of seconds.
pub fn go_duration(seconds: f64) -> String {
    let ns = (seconds * 1e9) as i64;
    if ns == 0 {
        return "0s".to_owned();
    }
    let (sign, ns) = if ns < 0 { ("-", ns.unsigned_abs()) } else { ("", ns.unsigned_abs()) };
    let decimal = |whole: u64, unit: u64| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", whole % unit);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { (whole / unit).to_string() } else { format!("{}.{fraction}", whole / unit) }
    };
    if ns < 1_000 {
        return format!("{sign}{ns}ns");
    }
    if ns < 1_000_000 {
        return format!("{sign}{}µs", decimal(ns, 1_000));
    }
    if ns < 1_000_000_000 {
        return format!("{sign}{}ms", decimal(ns, 1_000_000));
    }
    let minutes = ns / 60_000_000_000;
    let seconds = decimal(ns % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, m) => format!("{sign}{m}m{seconds}s"),
        (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
    }
}

/// Calls a method of a time or a duration; `None` where `receiver` is neither, or has none of that name.
pub fn call(receiver: &str, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    if let Some(time) = read_time(receiver) {
        return of_time(time, receiver, name, args);
    }
    let seconds = read_duration(receiver)?;
    Some(Ok(match name {
        "Seconds" => Value::Float(seconds),
        "Minutes" => Value::Float(seconds / 60.0),
        "Hours" => Value::Float(seconds / 3600.0),
        "Milliseconds" => Value::Int((seconds * 1e3) as i64),
        "Microseconds" => Value::Int((seconds * 1e6) as i64),
        "Nanoseconds" => Value::Int((seconds * 1e9).round() as i64),
        "String" => text(receiver),
        _ => return None,
    }))
}

fn of_time(time: Timestamp, receiver: &str, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let civil = time.to_zoned(TimeZone::UTC).datetime();
    let int = |v: i64| Value::Int(v);
    Some(Ok(match name {
        "Format" => match args {
            [Value::String(layout)] => text(format(civil, layout)),
            _ => return Some(Err(format!("wrong number of args for Format: want 1 got {}", args.len()))),
        },
        "Unix" => int(time.as_second()),
        "UnixMilli" => int(time.as_millisecond()),
        "UnixNano" => int(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)),
        "Year" => int(civil.year().into()),
        "Month" => text(civil.strftime("%B").to_string()),
        "Day" => int(civil.day().into()),
        "Hour" => int(civil.hour().into()),
        "Minute" => int(civil.minute().into()),
        "Second" => int(civil.second().into()),
        "Nanosecond" => int(civil.subsec_nanosecond().into()),
        "YearDay" => int(civil.date().day_of_year().into()),
        "Weekday" => text(civil.strftime("%A").to_string()),
        "UTC" | "String" => text(receiver),
        _ => return None,
    }))
}

/// A time that [`shown`] wrote.
pub fn read_time(text: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.strip_suffix(" +0000 UTC")?.replace(' ', "T").parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn read_duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, size) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        seconds += number * size;
        rest = &rest[unit.len()..];
    }
    Some(sign * seconds)
}

/// Parts of a layout, longest first where one begins another.
const PARTS: [&str; 25] = [
    "January", "Jan", "Monday", "Mon", "MST", "Z07:00", "-07:00", "-0700", "2006", "_2", "002", "01", "02",
    "03", "04", "05", "06", "15", "PM", "pm", "1", "2", "3", "4", "5",
];

/// Go's `Time.Format`.
pub fn format(time: jiff::civil::DateTime, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((digits, end)) = fraction(rest, &out) {
            out.push_str(&fraction_of(time.subsec_nanosecond(), rest.as_bytes()[1] == b'0', digits));
            rest = &rest[end..];
        } else if let Some(part) = PARTS.iter().find(|part| rest.starts_with(**part)) {
            out.push_str(&written(time, part));
            rest = &rest[part.len()..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// The layout as a format of `strptime`.
pub fn strptime(layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((_, end)) = fraction(rest, "0") {
            out.push_str("%.f");
            rest = &rest[end..];
        } else if let Some(part) = PARTS.iter().find(|part| rest.starts_with(**part)) {
            out.push_str(match *part {
                "January" => "%B",
                "Jan" => "%b",
                "Monday" => "%A",
                "Mon" => "%a",
                "2006" => "%Y",
                "06" => "%y",
                "01" | "1" => "%m",
                "02" | "_2" | "2" => "%d",
                "002" => "%j",
                "15" => "%H",
                "03" | "3" => "%I",
                "04" | "4" => "%M",
                "05" | "5" => "%S",
                "PM" | "pm" => "%p",
                "Z07:00" | "-07:00" => "%:z",
                "-0700" => "%z",
                _ => "%Z",
            });
            rest = &rest[part.len()..];
        } else {
            if c == '%' {
                out.push('%');
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// `.000` or `.999` after seconds: how many digits, and where it ends.
fn fraction(rest: &str, before: &str) -> Option<(usize, usize)> {
    let kind = *rest.strip_prefix(['.', ','])?.as_bytes().first()?;
    if !matches!(kind, b'0' | b'9') || !before.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = rest.bytes().skip(1).take_while(|b| *b == kind).count();
    let next = rest.as_bytes().get(1 + digits);
    (!next.is_some_and(u8::is_ascii_digit)).then_some((digits.min(9), 1 + digits))
}

fn fraction_of(nanoseconds: i32, fixed: bool, digits: usize) -> String {
    let all = format!("{nanoseconds:09}");
    let cut = &all[..digits];
    if fixed {
        return format!(".{cut}");
    }
    match cut.trim_end_matches('0') {
        "" => String::new(),
        cut => format!(".{cut}"),
    }
}

fn written(time: jiff::civil::DateTime, part: &str) -> String {
    let half = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match part {
        "2006" => format!("{:04}", time.year()),
        "06" => format!("{:02}", time.year().rem_euclid(100)),
        "January" => time.strftime("%B").to_string(),
        "Jan" => time.strftime("%b").to_string(),
        "01" => format!("{:02}", time.month()),
        "1" => time.month().to_string(),
        "Monday" => weekday(time.weekday()).to_owned(),
        "Mon" => weekday(time.weekday())[..3].to_owned(),
        "02" => format!("{:02}", time.day()),
        "_2" => format!("{:2}", time.day()),
        "2" => time.day().to_string(),
        "002" => format!("{:03}", time.date().day_of_year()),
        "15" => format!("{:02}", time.hour()),
        "03" => format!("{half:02}"),
        "3" => half.to_string(),
        "04" => format!("{:02}", time.minute()),
        "4" => time.minute().to_string(),
        "05" => format!("{:02}", time.second()),
        "5" => time.second().to_string(),
        "PM" => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "pm" => if time.hour() < 12 { "am" } else { "pm" }.to_owned(),
        "MST" => "UTC".to_owned(),
        "Z07:00" => "Z".to_owned(),
        "-07:00" => "+00:00".to_owned(),
        _ => "+0000".to_owned(),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}
