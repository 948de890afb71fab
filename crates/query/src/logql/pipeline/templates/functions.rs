//! The functions of Loki's templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gotmpl::Value;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::pattern::Search;

use super::CURRENT;
use crate::logql::units::{parse_bytes, parse_duration, seconds};
use crate::template::{Fault, Function, Outcome, checked, print, text, times, url};

/// The longest text that a function makes.
const MAX_TEXT: usize = 1 << 20;

/// All of them, by name.
pub(super) fn all() -> BTreeMap<&'static str, Function> {
    let mut table = Table(BTreeMap::new());
    line(&mut table);
    print::add(&mut table.0);
    texts(&mut table);
    cuts(&mut table);
    numbers(&mut table);
    conversions(&mut table);
    dates(&mut table);
    table.0
}

struct Table(BTreeMap<&'static str, Function>);

impl Table {
    fn add(
        &mut self,
        name: &'static str,
        want: std::ops::RangeInclusive<usize>,
        function: impl Fn(&[Value]) -> Outcome + Send + Sync + 'static,
    ) {
        self.0.insert(name, checked(name, want, function));
    }

    /// A function of one text.
    fn text(&mut self, names: &[&'static str], function: fn(&str) -> Result<String, String>) {
        for name in names {
            self.add(name, 1..=1, move |args| Ok(text(function(string(args, 0)?)?)));
        }
    }

    /// A function of two texts.
    fn two(&mut self, names: &[&'static str], function: fn(&str, &str) -> Value) {
        for name in names {
            self.add(name, 2..=2, move |args| Ok(function(string(args, 0)?, string(args, 1)?)));
        }
    }

    /// A function of any number of whole numbers.
    fn ints(&mut self, name: &'static str, fold: fn(i64, i64) -> Option<i64>) {
        self.add(name, 1..=usize::MAX, move |args| {
            let mut all = args.iter().map(int);
            let first = all.next().unwrap_or(0);
            let value = all.try_fold(first, fold);
            value.map(Value::Int).ok_or_else(|| Fault::Call("integer divide by zero or overflow".to_owned()))
        });
    }

    /// A function of any number of floats.
    fn floats(&mut self, name: &'static str, fold: fn(f64, f64) -> f64) {
        self.add(name, 1..=usize::MAX, move |args| {
            Ok(Value::Float(args.iter().map(float).reduce(fold).unwrap_or(0.0)))
        });
    }
}

fn string(args: &[Value], at: usize) -> Result<&str, Fault> {
    match args.get(at) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            let got = other.type_name();
            Err(Fault::Usage(format!("wrong type for value; expected string; got {got}")))
        }
        None => Err(Fault::Usage("an argument is missing".to_owned())),
    }
}

/// Argument `at` as a whole number.
fn whole(args: &[Value], at: usize) -> i64 {
    args.get(at).map_or(0, int)
}

/// Any value as a whole number; what is none counts as 0.
fn int(value: &Value) -> i64 {
    match value {
        Value::Int(v) => *v,
        Value::Uint(v) => i64::try_from(*v).unwrap_or(i64::MAX),
        Value::Float(v) => *v as i64,
        Value::Bool(v) => i64::from(*v),
        Value::String(text) => {
            text.trim().parse().unwrap_or_else(|_| text.parse::<f64>().unwrap_or(0.0) as i64)
        }
        _ => 0,
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Float(v) => *v,
        Value::String(text) => text.trim().parse().unwrap_or(0.0),
        other => int(other) as f64,
    }
}

fn line(table: &mut Table) {
    table.add("__line__", 0..=0, |_| Ok(CURRENT.with_borrow(|current| text(&current.line))));
    // A query has no clock: now is when the line was written.
    for name in ["__timestamp__", "now"] {
        table.add(name, 0..=0, |_| Ok(CURRENT.with_borrow(|current| time(current.time_ns))));
    }
}

fn time(ns: i64) -> Value {
    // Every i64 of nanoseconds is a time.
    text(Timestamp::from_nanosecond(i128::from(ns)).map(times::shown).unwrap_or_default())
}

fn texts(table: &mut Table) {
    table.text(&["ToLower", "lower"], |t| Ok(t.to_lowercase()));
    table.text(&["ToUpper", "upper"], |t| Ok(t.to_uppercase()));
    table.text(&["TrimSpace", "trim"], |t| Ok(t.trim().to_owned()));
    table.text(&["title"], |t| {
        let mut inside = false;
        let each = t.chars().map(|c| {
            let first = c.is_alphanumeric() && !inside;
            inside = c.is_alphanumeric() || (inside && c == '\'');
            if first { c.to_uppercase().collect::<String>() } else { c.to_string() }
        });
        Ok(each.collect())
    });
    table.text(&["urlencode"], |t| Ok(encoded(t)));
    table.text(&["urldecode"], decoded);
    table.text(&["b64enc"], |t| Ok(STANDARD.encode(t)));
    table.text(&["b64dec"], |t| {
        let bytes = STANDARD.decode(t).map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    let characters = |set: &str| set.chars().collect::<Vec<_>>();
    table.add("Trim", 2..=2, move |args| {
        let set = characters(string(args, 1)?);
        Ok(text(string(args, 0)?.trim_matches(&set[..])))
    });
    table.add("TrimLeft", 2..=2, move |args| {
        let set = characters(string(args, 1)?);
        Ok(text(string(args, 0)?.trim_start_matches(&set[..])))
    });
    table.add("TrimRight", 2..=2, move |args| {
        let set = characters(string(args, 1)?);
        Ok(text(string(args, 0)?.trim_end_matches(&set[..])))
    });
    table.add("trimAll", 2..=2, move |args| {
        let set = characters(string(args, 0)?);
        Ok(text(string(args, 1)?.trim_matches(&set[..])))
    });
    table.two(&["TrimPrefix"], |t, cut| text(t.strip_prefix(cut).unwrap_or(t)));
    table.two(&["TrimSuffix"], |t, cut| text(t.strip_suffix(cut).unwrap_or(t)));
    table.two(&["trimPrefix"], |cut, t| text(t.strip_prefix(cut).unwrap_or(t)));
    table.two(&["trimSuffix"], |cut, t| text(t.strip_suffix(cut).unwrap_or(t)));
    table.two(&["contains"], |part, t| Value::Bool(t.contains(part)));
    table.two(&["hasPrefix"], |part, t| Value::Bool(t.starts_with(part)));
    table.two(&["hasSuffix"], |part, t| Value::Bool(t.ends_with(part)));
    table.two(&["splitList"], |by, t| match by {
        "" => Value::List(t.chars().map(|c| text(c.to_string())).collect()),
        by => Value::List(t.split(by).map(text).collect()),
    });
    table.add("Replace", 4..=4, |args| {
        let (t, old, new) = (string(args, 0)?, string(args, 1)?, string(args, 2)?);
        bounded(match usize::try_from(whole(args, 3)) {
            Ok(count) => t.replacen(old, new, count),
            Err(_) => t.replace(old, new),
        })
    });
    table.add("replace", 3..=3, |args| bounded(string(args, 2)?.replace(string(args, 0)?, string(args, 1)?)));
    table.add("default", 2..=2, |args| {
        let given = &args[1];
        Ok(if given.is_truthy() { given.clone() } else { args[0].clone() })
    });
}

fn bounded(made: String) -> Outcome {
    match made.len() <= MAX_TEXT {
        true => Ok(text(made)),
        false => Err(Fault::Call(format!("more than {MAX_TEXT} bytes"))),
    }
}

fn search(expression: &str) -> Result<Search, Fault> {
    Search::new(expression).map_err(|e| Fault::Call(e.message))
}

fn cuts(table: &mut Table) {
    table.add("regexReplaceAll", 3..=3, |args| {
        bounded(search(string(args, 0)?)?.replace_all(string(args, 1)?, string(args, 2)?))
    });
    table.add("regexReplaceAllLiteral", 3..=3, |args| {
        let literal = string(args, 2)?.replace('$', "$$");
        bounded(search(string(args, 0)?)?.replace_all(string(args, 1)?, &literal))
    });
    table.add("count", 2..=2, |args| {
        let mut count = 0;
        search(string(args, 0)?)?.places(string(args, 1)?, |_| count += 1);
        Ok(Value::Int(count))
    });
    table.add("trunc", 2..=2, |args| {
        let (count, t) = (whole(args, 0), string(args, 1)?);
        let all: Vec<char> = t.chars().collect();
        let most = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX).min(all.len());
        let kept = if count < 0 { &all[all.len() - most..] } else { &all[..most] };
        Ok(text(kept.iter().collect::<String>()))
    });
    table.add("substr", 3..=3, |args| {
        let t = string(args, 2)?;
        let all: Vec<char> = t.chars().collect();
        let place = |at: i64| usize::try_from(at).unwrap_or(0).min(all.len());
        let start = place(whole(args, 0));
        let end = if whole(args, 1) < 0 { all.len() } else { place(whole(args, 1)) };
        Ok(text(all.get(start..end).unwrap_or_default().iter().collect::<String>()))
    });
    for (name, left) in [("alignLeft", true), ("alignRight", false)] {
        table.add(name, 2..=2, move |args| {
            let width = usize::try_from(whole(args, 0)).unwrap_or(0).min(MAX_TEXT);
            let all: Vec<char> = string(args, 1)?.chars().collect();
            let blanks = " ".repeat(width.saturating_sub(all.len()));
            Ok(text(if left {
                let cut: String = all.iter().take(width).collect();
                format!("{cut}{blanks}")
            } else {
                let cut: String = all.iter().skip(all.len().saturating_sub(width)).collect();
                format!("{blanks}{cut}")
            }))
        });
    }
    table.add("repeat", 2..=2, |args| {
        let (count, t) = (usize::try_from(whole(args, 0)).unwrap_or(0), string(args, 1)?);
        match t.len().checked_mul(count) {
            Some(bytes) if bytes <= MAX_TEXT => Ok(text(t.repeat(count))),
            _ => Err(Fault::Call(format!("more than {MAX_TEXT} bytes"))),
        }
    });
    for (name, newline) in [("indent", ""), ("nindent", "\n")] {
        table.add(name, 2..=2, move |args| {
            let blanks = " ".repeat(usize::try_from(whole(args, 0)).unwrap_or(0).min(1_000));
            bounded(format!("{newline}{blanks}{}", string(args, 1)?.replace('\n', &format!("\n{blanks}"))))
        });
    }
}

fn numbers(table: &mut Table) {
    table.ints("add", i64::checked_add);
    table.ints("sub", i64::checked_sub);
    table.ints("mul", i64::checked_mul);
    table.ints("div", i64::checked_div);
    table.ints("mod", i64::checked_rem);
    table.ints("max", |a, b| Some(a.max(b)));
    table.ints("min", |a, b| Some(a.min(b)));
    table.floats("addf", |a, b| a + b);
    table.floats("subf", |a, b| a - b);
    table.floats("mulf", |a, b| a * b);
    table.floats("divf", |a, b| a / b);
    table.floats("maxf", f64::max);
    table.floats("minf", f64::min);
    table.add("floor", 1..=1, |args| Ok(Value::Float(float(&args[0]).floor())));
    table.add("ceil", 1..=1, |args| Ok(Value::Float(float(&args[0]).ceil())));
    table.add("round", 2..=3, |args| {
        let (value, digits) = (float(&args[0]), whole(args, 1).clamp(-300, 300) as i32);
        let half = args.get(2).map_or(0.5, float);
        let scaled = value * 10f64.powi(digits);
        let (floor, rest) = (scaled.floor(), scaled - scaled.floor());
        Ok(Value::Float((if rest >= half { floor + 1.0 } else { floor }) / 10f64.powi(digits)))
    });
    table.add("int", 1..=1, |args| Ok(Value::Int(int(&args[0]))));
    table.add("float64", 1..=1, |args| Ok(Value::Float(float(&args[0]))));
}

fn conversions(table: &mut Table) {
    table.add("bytes", 1..=1, |args| {
        let t = string(args, 0)?;
        let bytes = parse_bytes(t).ok_or_else(|| format!("{t:?} is no size"))?;
        Ok(Value::Float(bytes as f64))
    });
    for name in ["duration", "duration_seconds"] {
        table.add(name, 1..=1, |args| {
            let t = string(args, 0)?;
            let ns = parse_duration(t).ok_or_else(|| format!("time: invalid duration {t:?}"))?;
            Ok(Value::Float(seconds(ns)))
        });
    }
    table.add("fromJson", 1..=1, |args| {
        let read: serde_json::Value =
            serde_json::from_str(string(args, 0)?).unwrap_or(serde_json::Value::Null);
        Ok(from_json(&read))
    });
}

/// The reader of JSON has bounded the depth.
fn from_json(read: &serde_json::Value) -> Value {
    match read {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(v) => Value::Bool(*v),
        serde_json::Value::Number(v) => Value::Float(v.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(v) => text(v),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(Arc::new(map.iter().map(|(k, v)| (Arc::from(k.as_str()), from_json(v))).collect()))
        }
    }
}

fn moment(args: &[Value], at: usize) -> Result<Timestamp, Fault> {
    let t = string(args, at)?;
    times::read_time(t).ok_or_else(|| Fault::Call(format!("{t:?} is no time")))
}

fn zone(name: &str) -> Result<TimeZone, Fault> {
    match name {
        "" | "UTC" | "Local" => Ok(TimeZone::UTC),
        name => TimeZone::get(name).map_err(|_| Fault::Call(format!("unknown time zone {name}"))),
    }
}

fn dates(table: &mut Table) {
    table.add("date", 2..=2, |args| {
        let civil = moment(args, 1)?.to_zoned(TimeZone::UTC).datetime();
        Ok(text(times::format(civil, string(args, 0)?)))
    });
    table.add("toDate", 2..=2, |args| to_date(string(args, 0)?, &TimeZone::UTC, string(args, 1)?));
    table.add("toDateInZone", 3..=3, |args| {
        to_date(string(args, 0)?, &zone(string(args, 1)?)?, string(args, 2)?)
    });
    table.add("unixEpoch", 1..=1, |args| Ok(text(moment(args, 0)?.as_second().to_string())));
    table.add("unixEpochMillis", 1..=1, |args| Ok(text(moment(args, 0)?.as_millisecond().to_string())));
    table.add("unixEpochNanos", 1..=1, |args| Ok(text(moment(args, 0)?.as_nanosecond().to_string())));
    table.add("unixToTime", 1..=1, |args| {
        let t = string(args, 0)?;
        let number: i64 = t.parse().map_err(|_| format!("unable to parse time {t:?}"))?;
        // By the number of digits: days, seconds, milliseconds, microseconds, nanoseconds.
        let ns = match t.len() {
            5 => number.checked_mul(86_400_000_000_000),
            10 => number.checked_mul(1_000_000_000),
            13 => number.checked_mul(1_000_000),
            16 => number.checked_mul(1_000),
            19 => Some(number),
            _ => None,
        };
        ns.map(time).ok_or_else(|| Fault::Call(format!("unable to parse time {t:?}")))
    });
}

fn to_date(layout: &str, zone: &TimeZone, t: &str) -> Outcome {
    let strptime = times::strptime(layout);
    let read = jiff::fmt::strtime::parse(&strptime, t)
        .map_err(|_| format!("parsing time {t:?} as {layout:?}: cannot parse"))?;
    let moment = match read.to_timestamp() {
        Ok(moment) => moment,
        Err(_) => {
            let civil = read.to_datetime().or_else(|_| read.to_date().map(|d| d.at(0, 0, 0, 0)));
            let civil = civil.map_err(|e| e.to_string())?;
            zone.to_timestamp(civil).map_err(|e| e.to_string())?
        }
    };
    Ok(text(times::shown(moment)))
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn decoded(text: &str) -> Result<String, String> {
    url::unescape(text).map_err(|_| "invalid URL escape".to_owned())
}
