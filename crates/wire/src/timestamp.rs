//! Times as log lines spell them, to nanoseconds since the Unix epoch.

/// A time in year-month-day order at the start of a text, and how many bytes it takes: `2024-05-01T10:00:00.123456789Z`,
/// `2024-05-01 10:00:00,123 +0900`, `2024/05/01 10:00:00`. Without an offset it is taken as UTC; digits of the second
/// beyond the ninth are dropped. A second of 60 is the one before.
pub fn prefix(text: &[u8]) -> Option<(i64, usize)> {
    let year = number(text, 0, 4)?;
    let dash = *text.get(4)?;
    if !matches!(dash, b'-' | b'/') || *text.get(7)? != dash {
        return None;
    }
    let (month, day) = (number(text, 5, 2)?, number(text, 8, 2)?);
    if !matches!(text.get(10)?, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let (seconds, mut at) = clock(text, 11)?;
    let mut nanos = 0;
    if matches!(text.get(at), Some(b'.' | b',')) && text.get(at + 1).is_some_and(u8::is_ascii_digit) {
        (nanos, at) = fraction(text, at + 1);
    }
    let (offset, at) = offset(text, at).unwrap_or((0, at));
    let days = days(year, month, day)?;
    Some((nanos_of(days, seconds - offset, nanos)?, at))
}

/// A whole text that is such a time.
pub fn parse(text: &[u8]) -> Option<i64> {
    prefix(text).filter(|(_, length)| *length == text.len()).map(|(time, _)| time)
}

/// The time of access logs, `01/May/2024:10:00:00 +0900`, and how many bytes it takes.
pub fn access_prefix(text: &[u8]) -> Option<(i64, usize)> {
    let day = number(text, 0, 2)?;
    let month = month(text.get(3..6)?)?;
    let year = number(text, 7, 4)?;
    if *text.get(2)? != b'/' || *text.get(6)? != b'/' || *text.get(11)? != b':' {
        return None;
    }
    let (seconds, at) = clock(text, 12)?;
    let (offset, at) = offset(text, at).unwrap_or((0, at));
    Some((nanos_of(days(year, month, day)?, seconds - offset, 0)?, at))
}

/// The time of old syslog, `May  1 10:00:00`, and how many bytes it takes. The year is the one in which it is nearest to
/// `now_ns`.
pub fn syslog_prefix(text: &[u8], now_ns: i64) -> Option<(i64, usize)> {
    let month = month(text.get(..3)?)?;
    if *text.get(3)? != b' ' || *text.get(6)? != b' ' {
        return None;
    }
    let day = if *text.get(4)? == b' ' { number(text, 5, 1)? } else { number(text, 4, 2)? };
    let (seconds, mut at) = clock(text, 7)?;
    let mut nanos = 0;
    if text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit) {
        (nanos, at) = fraction(text, at + 1);
    }
    let this = 1970 + now_ns.div_euclid(1_000_000_000) / 31_556_952;
    let times =
        [this - 1, this, this + 1].into_iter().filter_map(|y| nanos_of(days(y, month, day)?, seconds, nanos));
    times.min_by_key(|time| time.abs_diff(now_ns)).map(|time| (time, at))
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by its size: from 2001 on
/// they do not overlap.
pub fn epoch(text: &str) -> Option<i64> {
    let (whole, fraction_text) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() < 9 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit: i64 = match whole.len() {
        ..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let nanos = if fraction_text.is_empty() {
        0
    } else {
        fraction_text.bytes().all(|b| b.is_ascii_digit()).then(|| fraction(fraction_text.as_bytes(), 0).0)?
    };
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(unit)?.checked_add(nanos / (1_000_000_000 / unit))
}

fn number(text: &[u8], at: usize, digits: usize) -> Option<i64> {
    text.get(at..at + digits)?
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// `10:00:00`: seconds of the day, and where it ends.
fn clock(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let (hour, minute, second) = (number(text, at, 2)?, number(text, at + 3, 2)?, number(text, at + 6, 2)?);
    let colons = *text.get(at + 2)? == b':' && *text.get(at + 5)? == b':';
    (colons && hour < 24 && minute < 60 && second <= 60)
        .then(|| (hour * 3600 + minute * 60 + second.min(59), at + 8))
}

fn fraction(text: &[u8], at: usize) -> (i64, usize) {
    let (mut nanos, mut here, mut unit) = (0, at, 100_000_000);
    while let Some(digit) = text.get(here).filter(|b| b.is_ascii_digit()) {
        nanos += i64::from(digit - b'0') * unit;
        unit /= 10;
        here += 1;
    }
    (nanos, here)
}

/// `Z`, `+09:00`, `+0900`, ` +09:00`: seconds east of UTC, and where it ends.
fn offset(text: &[u8], at: usize) -> Option<(i64, usize)> {
    let at = at + usize::from(text.get(at) == Some(&b' ') && matches!(text.get(at + 1), Some(b'+' | b'-')));
    let sign = match text.get(at)? {
        b'Z' | b'z' => return Some((0, at + 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(text, at + 1, 2)?;
    let colon = usize::from(text.get(at + 3) == Some(&b':'));
    let minutes = number(text, at + 3 + colon, 2)?;
    (hours < 24 && minutes < 60).then(|| (sign * (hours * 3600 + minutes * 60), at + 5 + colon))
}

fn month(name: &[u8]) -> Option<i64> {
    const NAMES: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    NAMES.iter().position(|month| name.eq_ignore_ascii_case(*month)).map(|at| at as i64 + 1)
}

/// Days since the epoch of a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn nanos_of(days: i64, seconds: i64, nanos: i64) -> Option<i64> {
    days.checked_mul(86_400)?.checked_add(seconds)?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY: i64 = 1_714_557_600_000_000_000;

    #[test]
    fn times_of_many_spellings_are_one() {
        for (text, length, nanos) in [
            ("2024-05-01T10:00:00Z", 20, 0),
            ("2024-05-01T10:00:00.123456789Z rest", 30, 123_456_789),
            ("2024-05-01T19:00:00.5+09:00", 27, 500_000_000),
            ("2024-05-01 10:00:00,123 INFO", 23, 123_000_000),
            ("2024-05-01 19:00:00.000 +0900 x", 29, 0),
            ("2024/05/01 10:00:00 [error]", 19, 0),
            ("2024-05-01T10:00:00.1234567891234Z", 34, 123_456_789),
        ] {
            assert_eq!(prefix(text.as_bytes()), Some((MAY + nanos, length)), "{text}");
        }
        assert_eq!(access_prefix(b"01/May/2024:19:00:00 +0900]"), Some((MAY, 26)));
        assert_eq!(syslog_prefix(b"May  1 10:00:00 host", MAY + 5), Some((MAY, 15)));
        let january = MAY - 121 * 86_400_000_000_000;
        assert_eq!(
            syslog_prefix(b"Dec 31 23:59:59 x", january).map(|(t, _)| t / 1_000_000_000),
            Some(1_704_067_199)
        );
        assert_eq!(epoch("1714557600"), Some(MAY));
        assert_eq!(epoch("1714557600.25"), Some(MAY + 250_000_000));
        assert_eq!(epoch("1714557600123"), Some(MAY + 123_000_000));
        assert_eq!(epoch("1714557600123456"), Some(MAY + 123_456_000));
        assert_eq!(epoch("1714557600123456789"), Some(MAY + 123_456_789));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2024",
            "2024-13-01T10:00:00Z",
            "2024-05-01T24:00:00Z",
            "2024-05/01T10:00:00Z",
            "x024-05-01T10:00:00Z",
        ] {
            assert_eq!(prefix(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"2024-05-01T10:00:00Z "), None);
        assert_eq!(epoch("12345"), None);
        assert_eq!(epoch("99999999999999999999"), None);
        assert_eq!(prefix(b"9999-12-31T23:59:59Z"), None, "beyond what 64 bits hold");
    }

    #[test]
    fn agrees_with_a_calendar() {
        for days in (-20_000..60_000).step_by(13) {
            let time = date_of(days);
            assert_eq!(parse(time.as_bytes()), Some(days * 86_400_000_000_000), "{time}");
        }
    }

    /// Counts the days one by one.
    fn date_of(days: i64) -> String {
        let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        let (mut year, mut rest) = (1900, days + 25_567);
        while rest >= 365 + i64::from(leap(year)) {
            rest -= 365 + i64::from(leap(year));
            year += 1;
        }
        let mut month = 1;
        for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if rest < length {
                break;
            }
            rest -= length;
            month += 1;
        }
        format!("{year:04}-{month:02}-{:02}T00:00:00Z", rest + 1)
    }
}
