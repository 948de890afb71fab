//! Numbers, times, labels and tables as promtool prints them.

use std::fmt::Write as _;
use std::io::Write;

use model::Labels;

/// Labels as in `{a="b", c="d"}`, the name of the metric among them.
pub(super) fn labels(labels: &Labels, comma: &str) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in labels.iter().enumerate() {
        let comma = if at == 0 { "" } else { comma };
        let quoted = model::labels::Quoted(value);
        // Writing to a string cannot fail.
        let _ = if model::labels::is_plain_label_name(name) {
            write!(text, "{comma}{name}={quoted}")
        } else {
            write!(text, "{comma}{}={quoted}", model::labels::Quoted(name))
        };
    }
    text.push('}');
    text
}

/// Go's form of a duration: `1h2m3.5s`.
pub(super) fn go_duration(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    if ms == 0 {
        return "0s".to_owned();
    }
    if ms < 1000 {
        return format!("{sign}{ms}ms");
    }
    let mut text = sign.to_owned();
    if hours > 0 {
        let _ = write!(text, "{hours}h"); // to a string
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{}s", rest as f64 / 1000.0);
    text
}

/// `2023-11-14 22:13:20 +0000 UTC`, whole seconds.
pub fn go_time(ms: i64) -> String {
    // Days to a date: Howard Hinnant, "chrono-compatible low-level date algorithms".
    let (days, second) = ((ms / 1000).div_euclid(86_400), (ms / 1000).rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} +0000 UTC")
}

/// `1MiB256KiB3B`: every part that is not zero.
pub(super) fn go_bytes(mut bytes: u64) -> String {
    if bytes == 0 {
        return "0B".to_owned();
    }
    let mut text = String::new();
    for unit in ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        let part = bytes % 1024;
        if part != 0 {
            text = format!("{part}{unit}{text}");
        }
        bytes /= 1024;
    }
    text
}

/// One figure of bytes for people: `12.3 MiB`.
pub(crate) fn short_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// Columns at least 13 wide, two spaces between them.
pub(super) fn table(out: &mut dyn Write, rows: &[Vec<String>]) -> std::io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count() + 2).max().unwrap_or(0).max(13)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = if column + 1 == row.len() { 0 } else { widths[column] };
            let _ = write!(line, "{cell:width$}"); // to a string
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_times_and_bytes_as_go_prints_them() {
        for (ms, text) in [
            (15_008, "15.008s"),
            (7_200_000, "2h0m0s"),
            (61_000, "1m1s"),
            (5, "5ms"),
            (0, "0s"),
            (-90_000, "-1m30s"),
        ] {
            assert_eq!(go_duration(ms), text);
        }
        assert_eq!(go_time(1_700_000_000_000), "2023-11-14 22:13:20 +0000 UTC");
        assert_eq!(go_time(951_827_696_000), "2000-02-29 12:34:56 +0000 UTC");
        assert_eq!(go_time(-1000), "1969-12-31 23:59:59 +0000 UTC");
        assert_eq!(
            (go_bytes(671), go_bytes(1537), go_bytes(1 << 20)),
            ("671B".into(), "1KiB513B".into(), "1MiB".into())
        );
        assert_eq!(short_bytes(12_897_485), "12.3 MiB");
    }
}
