//! Words and numbers of log lines, read.

use std::net::IpAddr;

/// A normalised level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Finest.
    Trace,
    /// For whoever wrote it.
    Debug,
    /// Usual.
    Info,
    /// Unusual.
    Warn,
    /// Something failed.
    Error,
    /// It goes on no further.
    Fatal,
}

impl Level {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// A level by any of its usual names, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        let mut lower = [0; 13];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"finest" | b"finer" | b"verbose" | b"vrb" | b"silly" => Self::Trace,
            b"debug" | b"dbg" | b"dbug" | b"debu" | b"fine" | b"config" => Self::Debug,
            b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"note" | b"log" | b"http" => {
                Self::Info
            }
            b"warn" | b"warning" | b"wrn" | b"warni" => Self::Warn,
            b"error" | b"err" | b"eror" | b"erro" | b"severe" | b"fail" | b"failure" => Self::Error,
            b"fatal" | b"ftl" | b"fata" | b"crit" | b"critical" | b"emerg" | b"emergency" | b"alert"
            | b"panic" | b"dpanic" | b"pani" => Self::Fatal,
            _ => return None,
        })
    }

    /// A level by the letter that some formats have in its place.
    pub fn of_letter(letter: u8) -> Option<Self> {
        Some(match letter.to_ascii_uppercase() {
            b'T' => Self::Trace,
            b'D' => Self::Debug,
            b'I' | b'N' => Self::Info,
            b'W' => Self::Warn,
            b'E' => Self::Error,
            b'F' | b'C' => Self::Fatal,
            _ => return None,
        })
    }

    /// A level by number: 0 to 7 as in syslog (GELF, journald), 10 and up as in bunyan and pino.
    pub fn of_number(number: i64) -> Option<Self> {
        Some(match number {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            7 => Self::Debug,
            10..=19 => Self::Trace,
            20..=29 => Self::Debug,
            30..=39 => Self::Info,
            40..=49 => Self::Warn,
            50..=59 => Self::Error,
            60..=69 => Self::Fatal,
            _ => return None,
        })
    }

    /// A level by OpenTelemetry's severity number, 1 to 24.
    pub fn of_severity(number: i64) -> Option<Self> {
        const EACH: [Level; 6] =
            [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
        let at = usize::try_from(number.checked_sub(1)?).ok()? / 4;
        EACH.get(at).copied()
    }

    /// The level of an answer's status.
    pub fn of_status(status: i64) -> Self {
        match status {
            500.. => Self::Error,
            400.. => Self::Warn,
            _ => Self::Info,
        }
    }
}

/// Whether it can be the id of a trace (`least` 16) or of a span (8): hexadecimal, not all zeros.
pub(super) fn is_id(text: &str, least: usize) -> bool {
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (least..=36).contains(&text.len()) && hex && text.bytes().any(|b| !matches!(b, b'0' | b'-'))
}

/// The address at the start of `10.0.0.1:443`, `[::1]:80`, `::1` or a list of them.
pub(super) fn ip(text: &str) -> Option<&str> {
    let first = text.split(',').next().unwrap_or(text).trim();
    let bare = match first.strip_prefix('[') {
        Some(inside) => inside.split(']').next()?,
        None if first.matches(':').count() == 1 => first.split(':').next()?,
        None => first,
    };
    (bare.len() <= 45 && bare.parse::<IpAddr>().is_ok()).then_some(bare)
}

/// `1.5ms`, `2m3.5s`, `150µs`: seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    let (mut rest, mut seconds) = (text.trim(), 0.0);
    if rest.is_empty() || rest.len() > 32 {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let (unit, seconds_of, of_second) = UNITS.iter().find(|(unit, ..)| rest.starts_with(unit))?;
        rest = rest[unit.len()..].trim_start();
        seconds += number * seconds_of / of_second;
    }
    Some(seconds)
}

/// Units, the seconds that each has, and how many of it a second has; longer ones before those that they begin with.
const UNITS: [(&str, f64, f64); 13] = [
    ("milliseconds", 1.0, 1e3),
    ("seconds", 1.0, 1.0),
    ("msec", 1.0, 1e3),
    ("sec", 1.0, 1.0),
    ("ms", 1.0, 1e3),
    ("ns", 1.0, 1e9),
    ("us", 1.0, 1e6),
    ("µs", 1.0, 1e6),
    ("μs", 1.0, 1e6),
    ("s", 1.0, 1.0),
    ("m", 60.0, 1.0),
    ("h", 3600.0, 1.0),
    ("d", 86_400.0, 1.0),
];

/// A method of HTTP.
pub(super) fn is_method(text: &str) -> bool {
    matches!(
        text,
        "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "PATCH" | "OPTIONS" | "CONNECT" | "TRACE" | "PROPFIND"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_addresses() {
        for (text, seconds) in
            [("1.5ms", 0.0015), ("2m3.5s", 123.5), ("150µs", 150e-6), ("3 sec", 3.0), ("1h", 3600.0)]
        {
            assert!((duration(text).unwrap() - seconds).abs() < 1e-12, "{text}");
        }
        for text in ["", "5", "ms", "1x", "1.2.3s", "-1s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for (text, want) in [
            ("10.0.0.1:443", "10.0.0.1"),
            ("[::1]:80", "::1"),
            ("2001:db8::7", "2001:db8::7"),
            ("1.1.1.1, 2.2.2.2", "1.1.1.1"),
        ] {
            assert_eq!(ip(text), Some(want));
        }
        assert_eq!((ip("db:5432"), ip("1.2.3"), ip("")), (None, None, None));
    }
}
