//! Times for lines: now, and each later than the one before.

use std::sync::atomic::{AtomicI64, Ordering};

use tests::write::now_ms;

static LAST: AtomicI64 = AtomicI64::new(0);

/// Nanoseconds since the Unix epoch; no two are the same.
pub fn next_ns() -> i64 {
    let now = now_ms() * 1_000_000;
    LAST.fetch_max(now, Ordering::SeqCst);
    LAST.fetch_add(1, Ordering::SeqCst)
}

/// A time as container runtimes write it.
pub fn rfc3339(ns: i64) -> String {
    let (seconds, ns) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let (year, month, date) = date_of(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{ns:09}Z")
}

/// Year, month and day of a day since the Unix epoch (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date_of(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}
