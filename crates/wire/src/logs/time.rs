//! Times as senders write them.

use crate::tree::Tree;

const SECOND: i64 = 1_000_000_000;

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size: each unit covers
/// the years 1973 to 5138.
pub(crate) fn of_number(number: f64) -> Option<i64> {
    let size = number.abs();
    let unit = match size {
        _ if !number.is_finite() => return None,
        _ if size < 1e11 => 1e9,
        _ if size < 1e14 => 1e6,
        _ if size < 1e17 => 1e3,
        _ => 1.0,
    };
    // Whole units and their fraction apart, and this to the microsecond: a double has too few bits for nanoseconds of
    // today.
    let whole = number.trunc();
    let ns = (whole as i64).checked_mul(unit as i64)?;
    ns.checked_add(((number - whole) * unit / 1e3).round() as i64 * 1000)
}

fn of_int(number: i64) -> Option<i64> {
    let unit = match number.unsigned_abs() {
        100_000_000_000_000_000..=u64::MAX => 1,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        _ => SECOND,
    };
    number.checked_mul(unit)
}

/// A text in RFC 3339's form (the `T` may be a blank, the zone may lack and is then UTC), or a number.
pub(crate) fn of_tree(tree: &Tree<'_>) -> Option<i64> {
    match tree {
        Tree::Int(int) => of_int(*int),
        Tree::Float(float) => of_number(*float),
        Tree::Text(text) => match text.parse::<i64>() {
            Ok(int) => of_int(int),
            Err(_) => of_rfc3339(text).or_else(|| of_number(text.parse().ok()?)),
        },
        _ => None,
    }
}

/// Nanoseconds since 1970 of `2026-01-02T03:04:05.678+09:00`.
pub(crate) fn of_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.trim().as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let mark = |at: usize, marks: &[u8]| bytes.get(at).filter(|b| marks.contains(b));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    mark(4, b"-").and(mark(7, b"-")).and(mark(10, b"Tt ")).and(mark(13, b":")).and(mark(16, b":"))?;
    let mut at = 19;
    let mut nanos = 0;
    if mark(at, b".,").is_some() {
        let mut unit = SECOND / 10;
        at += 1;
        while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
            nanos += i64::from(digit - b'0') * unit;
            unit /= 10;
            at += 1;
        }
    }
    let offset = match bytes.get(at) {
        None => 0,
        Some(b'Z' | b'z') if at + 1 == bytes.len() => 0,
        Some(sign @ (b'+' | b'-')) => {
            let colon = usize::from(mark(at + 3, b":").is_some());
            let minutes = match bytes.len() - at - colon {
                3 => 0,
                5 => number(at + 3 + colon, at + 5 + colon)?,
                _ => return None,
            };
            let seconds = number(at + 1, at + 3)? * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        Some(_) => return None,
    };
    of_parts((year, month, day), (hour, minute, second), nanos)?.checked_sub(offset * SECOND)
}

/// Nanoseconds since 1970 of a date and a time of day.
pub(crate) fn of_parts(
    (year, month, day): (i64, i64, i64),
    (hour, minute, second): (i64, i64, i64),
    nanos: i64,
) -> Option<i64> {
    // A leap second counts as the second behind it.
    let fits = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !fits {
        return None;
    }
    let seconds = days_before(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    seconds.checked_mul(SECOND)?.checked_add(nanos)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date: years begin in March, so that the leap day is a year's last.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

/// The year, month and day of a time.
pub(crate) fn date_of(ns: i64) -> (i64, i64, i64) {
    let days = ns.div_euclid(86_400 * SECOND) + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * in_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + of_era + i64::from(month <= 2);
    (year, month, in_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_unit_and_form() {
        let at = 1_767_323_045_678_000_000;
        for text in [
            "2026-01-02T03:04:05.678Z",
            "2026-01-02 03:04:05,678",
            "2026-01-02T12:04:05.678+09:00",
            "2026-01-01t22:04:05.678-0500",
            "2026-01-01t22:04:05.678-05",
            "1767323045678",
            "1767323045678000",
            "1767323045678000000",
        ] {
            assert_eq!(of_tree(&Tree::Text(text.into())), Some(at), "{text}");
        }
        assert_eq!(of_number(1_767_323_045.5), Some(1_767_323_045_500_000_000));
        assert_eq!(of_number(1_795_359_155.975), Some(1_795_359_155_975_000_000));
        assert_eq!(of_number(1_795_359_155_975.25), Some(1_795_359_155_975_250_000));
        assert_eq!(of_tree(&Tree::Int(1_767_323_045)), Some(1_767_323_045_000_000_000));
        for bad in ["", "2026-02-29T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:05x", "끝"] {
            assert_eq!(of_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_and_times_fit_together() {
        for day in -100_000..100_000 {
            let (year, month, of_month) = date_of(day * 86_400 * SECOND);
            assert_eq!(days_before(year, month, of_month), day);
        }
    }
}
