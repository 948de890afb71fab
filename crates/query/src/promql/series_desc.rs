//! Series descriptions: the language of test scripts and of `promtool test rules` for series and their values.
//!
//! ```text
//! http_requests_total{job="api"} 1 2 _ stale 0+10x3 -5x2 {{schema:0 sum:5 count:4 buckets:[1 2 1]}}x2
//! ```
//!
//! Items are separated by blanks. `_` is no sample, `_x3` three times none; `Vx3` is V four times; `V+Dx3` is V, V+D,
//! V+2D, V+3D; `stale` is a stale marker; `{{...}}` is a native histogram and is repeated in the same way.

mod histogram;
mod scan;
#[cfg(test)]
mod tests;

use model::{Histogram, Labels, stale_nan};

use super::ast::Span;
use super::error::{ParseError, ParseErrors};
use super::lex::is_blank;
use super::parse::{parse_metric, parse_number};
use super::quote::go_string;
use scan::{Fault, Scanner};

/// The most values that one description may expand to.
const MAX_VALUES: usize = 1_000_000;

/// A series and its values, one position each.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesDesc {
    /// The series.
    pub labels: Labels,
    /// What is at each position.
    pub values: Vec<SequenceValue>,
}

/// What is at one position of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum SequenceValue {
    /// No sample.
    Omitted,
    /// A float, possibly the stale marker.
    Float(f64),
    /// A native histogram.
    Histogram {
        /// The histogram, with float counts.
        histogram: Box<Histogram>,
        /// Whether its counter reset hint was written: only then does a comparison look at it.
        hint_written: bool,
    },
}

/// Start timestamps of a series: `series@st items`.
#[derive(Debug, Clone, PartialEq)]
pub struct StartTimes {
    /// The series.
    pub labels: Labels,
    /// Milliseconds relative to the sample's own time, `None` where there is none.
    pub values: Vec<Option<i64>>,
}

/// Parses `series item item ...`.
pub fn parse_series_desc(text: &str) -> Result<SeriesDesc, ParseErrors> {
    let (labels, at) = series(text)?;
    let mut scanner = Scanner::new(text, at);
    let values = items(&mut scanner, value).map_err(|fault| fault.into_errors(text))?;
    Ok(SeriesDesc { labels, values })
}

/// Parses `series@st item item ...`; `None` where the series is not followed by `@st`.
pub fn parse_start_times(text: &str) -> Result<Option<StartTimes>, ParseErrors> {
    let (labels, at) = series(text)?;
    let Some(rest) = text.get(at..).and_then(|t| t.strip_prefix("@st")) else {
        return Ok(None);
    };
    let mut scanner = Scanner::new(text, text.len() - rest.len());
    let values = items(&mut scanner, start_time).map_err(|fault| fault.into_errors(text))?;
    Ok(Some(StartTimes { labels, values }))
}

/// Parses a series alone: `name{label="value"}`.
pub fn parse_series(text: &str) -> Result<Labels, ParseErrors> {
    let (labels, at) = series(text)?;
    match text.get(at..).map(str::trim) {
        None | Some("") => Ok(labels),
        Some(rest) => {
            let message = format!("unexpected {} after the series", go_string(rest));
            Err(ParseErrors(vec![ParseError::new(text, Span::new(at, text.len()), message)]))
        }
    }
}

/// The series at the start, and where it ends.
fn series(text: &str) -> Result<(Labels, usize), ParseErrors> {
    let name =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let rest = text.get(name..).unwrap_or("");
    let end = if rest.starts_with('{') { name + braces(rest) } else { name };
    let metric = text.get(..end).unwrap_or("");
    if metric.is_empty() {
        let message = "expected a series, e.g. name{label=\"value\"}";
        return Err(ParseErrors(vec![ParseError::new(text, Span::new(0, 0), message)]));
    }
    Ok((parse_metric(metric)?, end))
}

/// The length of `{...}` at the start: quoted braces do not count. All of `text` where it does not end.
fn braces(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some(q) if c == '\\' && q != '`' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if c == '}' => return at + 1,
            None => {}
        }
    }
    text.len()
}

/// Reads blank-separated items to the end; `read` appends what one stands for.
fn items<T>(
    scanner: &mut Scanner<'_>,
    read: impl Fn(&mut Scanner<'_>, &mut Vec<T>) -> Result<(), Fault>,
) -> Result<Vec<T>, Fault> {
    let mut out = Vec::new();
    loop {
        let blanks = scanner.take_while(is_blank);
        if scanner.is_done() {
            return Ok(out);
        }
        if blanks.is_empty() {
            return Err(scanner.fault("expected a blank between items"));
        }
        let start = scanner.at();
        read(scanner, &mut out)?;
        if out.len() > MAX_VALUES {
            return Err(Fault::new(start, scanner.at(), format!("more than {MAX_VALUES} values")));
        }
    }
}

fn value(scanner: &mut Scanner<'_>, out: &mut Vec<SequenceValue>) -> Result<(), Fault> {
    if scanner.eat("{{") {
        return histogram::item(scanner, out);
    }
    if scanner.eat("_") {
        let count = scanner.repetition()?.unwrap_or(1);
        out.extend(std::iter::repeat_n(SequenceValue::Omitted, count));
        return Ok(());
    }
    let mut value = if scanner.eat("stale") { stale_nan() } else { number(scanner)? };
    let step = if scanner.starts_with(['+', '-']) { Some(number(scanner)?) } else { None };
    let count = scanner.repetition()?;
    if step.is_some() && count.is_none() {
        return Err(scanner.fault("expected how often to repeat, e.g. x10"));
    }
    for _ in 0..=count.unwrap_or(0) {
        out.push(SequenceValue::Float(value));
        // Adding even 0 would turn a stale marker into another NaN, and -0 into 0.
        value = step.map_or(value, |step| value + step);
    }
    Ok(())
}

fn start_time(scanner: &mut Scanner<'_>, out: &mut Vec<Option<i64>>) -> Result<(), Fault> {
    if scanner.eat("_") {
        let count = scanner.repetition()?.unwrap_or(1);
        out.extend(std::iter::repeat_n(None, count));
        return Ok(());
    }
    let mut value = duration(scanner)?;
    let step = if scanner.starts_with(['+', '-']) { Some(duration(scanner)?) } else { None };
    let count = scanner.repetition()?;
    for _ in 0..=count.unwrap_or(0) {
        out.push(Some(value));
        value = value.saturating_add(step.unwrap_or(0));
    }
    Ok(())
}

/// A decimal number with or without sign, an infinity or NaN. `x` ends it.
fn number(scanner: &mut Scanner<'_>) -> Result<f64, Fault> {
    let start = scanner.at();
    let negative = scanner.sign();
    let name = ["Inf", "inf", "NaN", "nan"].into_iter().find(|name| scanner.eat(name));
    let text = match name {
        Some(name) => name,
        None => scanner.digits(),
    };
    let value = parse_number(text).map_err(|reason| {
        let message = format!("bad number {} in series values: {reason}", go_string(text));
        Fault::new(start, scanner.at(), message)
    })?;
    Ok(if negative { -value } else { value })
}

/// A duration with or without sign in milliseconds.
fn duration(scanner: &mut Scanner<'_>) -> Result<i64, Fault> {
    let start = scanner.at();
    let negative = scanner.sign();
    let text = scanner.take_while(|c| c.is_ascii_digit() || "ywdhms".contains(c));
    let ms = super::parse_duration(text).map_err(|m| Fault::new(start, scanner.at(), m))?;
    Ok(if negative { -ms } else { ms })
}
