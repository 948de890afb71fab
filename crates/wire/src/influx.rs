//! InfluxDB's line protocol: `measurement,tag=value field=1,other=2i 1700000000000000000`.
//!
//! Lines are read one by one into a reused [`Line`]; names and values borrow from the body unless they hold escapes. A
//! line that cannot be read is an error that says where; the next one can still be read.

mod scan;

use std::borrow::Cow;

use crate::exposition::ParseError;
use scan::Scanner;

/// Tags or fields of one line; more are an error.
pub const MAX_ITEMS: usize = 4096;

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    /// A float, an integer (`1i`, `1u`) or a boolean (1 or 0).
    Number(f64),
    /// Text, which no metric can hold.
    Text(Cow<'a, str>),
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line<'a> {
    /// What is measured.
    pub measurement: Cow<'a, str>,
    /// Tags in the order written; none has an empty name or value.
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Fields in the order written, at least one.
    pub fields: Vec<(Cow<'a, str>, FieldValue<'a>)>,
    /// The timestamp as written, in the unit of the request.
    pub timestamp: Option<i64>,
}

/// Reads the lines of a body.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Lines<'a> {
    /// A reader at the start of `body`; fails where `body` is not UTF-8.
    pub fn new(body: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { scanner: Scanner::new(body)? })
    }

    /// The next line that is not blank and no comment, put into `line` (cleared first); `None` at the end. After an
    /// error the next call goes on behind the line.
    pub fn next_line(&mut self, line: &mut Line<'a>) -> Option<Result<(), ParseError>> {
        line.tags.clear();
        line.fields.clear();
        line.timestamp = None;
        self.scanner.find_line()?;
        let result = self.read(line);
        if result.is_err() {
            self.scanner.skip_line();
        }
        Some(result)
    }

    fn read(&mut self, line: &mut Line<'a>) -> Result<(), ParseError> {
        let scanner = &mut self.scanner;
        line.measurement = scanner.word(b", ");
        if line.measurement.is_empty() {
            return Err(scanner.error("expected a measurement"));
        }
        while scanner.eat(b',') {
            let name = scanner.word(b"=, ");
            if name.is_empty() {
                return Err(scanner.error("expected the name of a tag"));
            }
            if !scanner.eat(b'=') {
                return Err(scanner.error("expected '=' behind the name of a tag"));
            }
            let value = scanner.word(b", ");
            if value.is_empty() {
                return Err(scanner.error("expected the value of a tag"));
            }
            if line.tags.len() == MAX_ITEMS {
                return Err(scanner.error("more than 4096 tags"));
            }
            line.tags.push((name, value));
        }
        if !scanner.blanks() {
            return Err(scanner.error("expected a blank and fields"));
        }
        loop {
            let name = scanner.word(b"=, ");
            if name.is_empty() {
                return Err(scanner.error("expected the name of a field"));
            }
            if !scanner.eat(b'=') {
                return Err(scanner.error("expected '=' behind the name of a field"));
            }
            if line.fields.len() == MAX_ITEMS {
                return Err(scanner.error("more than 4096 fields"));
            }
            let value = scanner.value()?;
            line.fields.push((name, value));
            if !scanner.eat(b',') {
                break;
            }
        }
        scanner.blanks();
        line.timestamp = scanner.timestamp()?;
        scanner.end_of_line()
    }
}

/// The unit of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Told from the size of the number, as VictoriaMetrics does: seconds, milliseconds, microseconds or nanoseconds.
    #[default]
    BySize,
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
}

impl Precision {
    /// The precision that a request names; `None` for a name that is not known.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "" => Self::BySize,
            "n" | "ns" => Self::Nanoseconds,
            "u" | "us" | "µ" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => return None,
        })
    }

    /// A timestamp in milliseconds since the Unix epoch.
    pub const fn to_ms(self, t: i64) -> i64 {
        match self {
            Self::BySize => match t.unsigned_abs() {
                10_000_000_000_000_000.. => t.div_euclid(1_000_000),
                10_000_000_000_000.. => t.div_euclid(1000),
                10_000_000_000.. => t,
                _ => t.saturating_mul(1000),
            },
            Self::Nanoseconds => t.div_euclid(1_000_000),
            Self::Microseconds => t.div_euclid(1000),
            Self::Milliseconds => t,
            Self::Seconds => t.saturating_mul(1000),
            Self::Minutes => t.saturating_mul(60_000),
            Self::Hours => t.saturating_mul(3_600_000),
        }
    }

    /// A timestamp in nanoseconds since the Unix epoch.
    pub const fn to_ns(self, t: i64) -> i64 {
        match self {
            Self::BySize if t.unsigned_abs() >= 10_000_000_000_000_000 => t,
            Self::BySize if t.unsigned_abs() >= 10_000_000_000_000 => t.saturating_mul(1000),
            Self::Nanoseconds => t,
            Self::Microseconds => t.saturating_mul(1000),
            _ => self.to_ms(t).saturating_mul(1_000_000),
        }
    }
}

#[cfg(test)]
mod tests;
