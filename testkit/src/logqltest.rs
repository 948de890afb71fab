//! A test language for LogQL, as PromQL has one.
//!
//! ```text
//! # Lines of a stream: seconds, the line, and fields (`name=value` sent beside it, `name~value` found in it).
//! load {app="web"}
//!   0s  `GET / 200`  trace_id=a1 level~INFO
//!   1s  `GET /x 500`
//!
//! # A log query from 0s up to 10s (left out: all lines), then its lines behind their labels.
//! logs from 0s to 10s limit 5 forward {app="web"} |= "GET"
//!   {app="web", trace_id="a1"} 0s `GET / 200`
//!
//! eval at 10s count_over_time({app="web"}[10s])
//!   {app="web"} 1
//!
//! eval from 0s to 10s step 5s count_over_time({app="web"}[5s])
//!   {app="web"} 1 1 _
//!
//! fail at 10s rate({app="web"})
//!   unexpected )
//! ```
//!
//! Expected series are compared in no order, lines in theirs; `_` is a step without a value.

use std::fmt::Write as _;

use model::records::{FieldRef, Origin, RecordWriter, Records};
use model::{Ctx, EventKind, Labels, RecordReader, Tenant};
use query::logql::units::parse_duration;
use query::logql::{Direction, Engine, Expr, LogQuery, parse, parse_matchers};
use query::promql::{SampleValue, Value};

type Outcome<T> = Result<T, String>;

const MS: i64 = 1_000_000;

/// Runs a script against a store; `Err` says which line is wrong, what was wanted and what came out.
pub fn run(script: &str, store: &(impl RecordReader + RecordWriter)) -> Outcome<usize> {
    let lines: Vec<&str> = script.lines().collect();
    let (mut at, mut commands) = (0, 0);
    while at < lines.len() {
        let line = lines[at].trim_end();
        let start = at;
        at += 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut body = Vec::new();
        while at < lines.len() && lines[at].starts_with(' ') {
            body.push(lines[at].trim());
            at += 1;
        }
        command(line, &body, store).map_err(|e| format!("line {}: {line}\n{e}", start + 1))?;
        commands += 1;
    }
    Ok(commands)
}

fn command(line: &str, body: &[&str], store: &(impl RecordReader + RecordWriter)) -> Outcome<()> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "load" => load(rest, body, store),
        "logs" => {
            let (times, query) = times(rest)?;
            compare(&logs(times, query, store)?, body, true)
        }
        "eval" => {
            let (times, query) = times(rest)?;
            compare(&eval(times, query, store)?, body, times.keeps_order)
        }
        "fail" => {
            let (times, query) = times(rest)?;
            let failed = match parse(query) {
                Ok(Expr::Log(_)) => logs(times, query, store).err(),
                _ => eval(times, query, store).err(),
            };
            let error = failed.ok_or("it does not fail")?;
            let missing = body.iter().find(|wanted| !error.contains(**wanted));
            missing.map_or(Ok(()), |wanted| Err(format!("wanted {wanted:?}, got {error:?}")))
        }
        other => Err(format!("unknown command {other:?}")),
    }
}

fn load(stream: &str, body: &[&str], store: &impl RecordWriter) -> Outcome<()> {
    let matchers = parse_matchers(stream, true).map_err(|e| e.to_string())?;
    let labels = Labels::from_pairs(matchers.iter().map(|m| (m.name.as_str(), m.value.as_str())));
    let mut records = Records::new();
    let stream = records.stream(&labels);
    for line in body {
        let (time, rest) = line.split_once(' ').ok_or("a line is `time text fields`")?;
        let (text, fields) = rest
            .trim_start()
            .strip_prefix('`')
            .and_then(|rest| rest.split_once('`'))
            .ok_or_else(|| format!("{line:?} has no text between backquotes"))?;
        records.push(stream, duration(time)?, &text.replace("\\n", "\n").replace("\\e", "\u{1b}"));
        for field in fields.split_whitespace() {
            let (name, origin, value) = match (field.split_once('='), field.split_once('~')) {
                (Some((name, value)), _) => (name, Origin::Sent, value),
                (None, Some((name, value))) => (name, Origin::Detected, value),
                (None, None) => return Err(format!("{field:?} is no field")),
            };
            let value = value.parse().map_or(FieldRef::Text(value), FieldRef::Int);
            records.field(name, origin, value);
        }
    }
    store.write(&Tenant::default(), EventKind::Log, &records, &[]).map(drop).map_err(|e| e.message)
}

fn duration(text: &str) -> Outcome<i64> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is no time"))
}

/// Words before a query.
#[derive(Debug, Clone, Copy)]
struct Times {
    at: Option<i64>,
    from: i64,
    to: i64,
    step: i64,
    limit: usize,
    interval: i64,
    direction: Direction,
    by_stream: bool,
    keeps_order: bool,
}

fn times(text: &str) -> Outcome<(Times, &str)> {
    let mut times = Times {
        at: None,
        from: 0,
        to: i64::MAX / 4,
        step: 0,
        limit: 1000,
        interval: 0,
        direction: Direction::Forward,
        by_stream: false,
        keeps_order: false,
    };
    let mut rest = text;
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "forward" => times.direction = Direction::Forward,
            "backward" => times.direction = Direction::Backward,
            "by_stream" => times.by_stream = true,
            "ordered" => times.keeps_order = true,
            "at" | "from" | "to" | "step" | "limit" | "interval" => {
                let (value, after) = after.split_once(' ').unwrap_or((after, ""));
                match word {
                    "at" => times.at = Some(duration(value)?),
                    "from" => times.from = duration(value)?,
                    "to" => times.to = duration(value)?,
                    "step" => times.step = duration(value)?,
                    "interval" => times.interval = duration(value)?,
                    _ => times.limit = value.parse().map_err(|_| "a limit is a number")?,
                }
                rest = after;
                continue;
            }
            _ => return Ok((times, rest)),
        }
        rest = after;
    }
}

/// What a log query gives, a line each.
fn logs(times: Times, query: &str, store: &dyn RecordReader) -> Outcome<Vec<String>> {
    let Expr::Log(expr) = parse(query).map_err(|e| e.to_string())? else {
        return Err("it is no log query".to_owned());
    };
    let asked = LogQuery {
        start_ns: times.from,
        end_ns: times.to,
        limit: times.limit,
        direction: times.direction,
        interval_ns: times.interval,
        by_stream: times.by_stream,
    };
    let (streams, _) =
        Engine::default().logs(&Ctx::unbounded(), store, &expr, asked).map_err(|e| e.to_string())?;
    let mut all = Vec::new();
    for stream in &streams {
        for entry in &stream.entries {
            let mut line = format!("{} {}ms `{}`", stream.labels, entry.time_ns / MS, entry.line);
            if times.by_stream {
                let _ = write!(line, " {} {}", entry.structured, entry.parsed); // writing to a String cannot fail
            }
            all.push((entry.time_ns, line));
        }
    }
    // Streams that share a time stay in the order of their first lines.
    match times.direction {
        Direction::Forward => all.sort_by_key(|(t, _)| *t),
        Direction::Backward => all.sort_by_key(|(t, _)| -*t),
    }
    Ok(all.into_iter().map(|(_, line)| line).collect())
}

/// What a metric query gives, a series each.
fn eval(times: Times, query: &str, store: &dyn RecordReader) -> Outcome<Vec<String>> {
    let Expr::Metric(expr) = parse(query).map_err(|e| e.to_string())? else {
        return Err("it is no metric query".to_owned());
    };
    let (engine, ctx) = (Engine::default(), Ctx::unbounded());
    let result = match times.at {
        Some(t) => engine.instant(&ctx, store, &expr, t / MS),
        None => engine.range(&ctx, store, &expr, (times.from / MS, times.to / MS, times.step / MS)),
    };
    let (output, _) = result.map_err(|e| e.to_string())?;
    Ok(match output.value {
        Value::Scalar { v, .. } => vec![v.to_string()],
        Value::String { s, .. } => vec![s],
        Value::Vector(samples) => samples
            .iter()
            .map(|sample| match &sample.value {
                SampleValue::Float(v) => format!("{} {v}", sample.labels),
                SampleValue::Histogram(_) => format!("{} histogram", sample.labels),
            })
            .collect(),
        Value::Matrix(series) => series
            .iter()
            .map(|one| {
                let steps = (times.to - times.from) / times.step;
                let values = (0..=steps).map(|i| {
                    let t = (times.from + i * times.step) / MS;
                    let found = one.points.iter().find(|(at, _)| *at == t);
                    found.map_or("_".to_owned(), |(_, v)| v.to_string())
                });
                format!("{} {}", one.labels, values.collect::<Vec<_>>().join(" "))
            })
            .collect(),
    })
}

/// Times in expected lines may be written with any unit.
fn normalized(line: &str) -> String {
    let Some((head, text)) = line.split_once(" `") else { return line.to_owned() };
    let Some((labels, time)) = head.rsplit_once(' ') else { return line.to_owned() };
    match parse_duration(time) {
        Some(ns) => format!("{labels} {}ms `{text}", ns / MS),
        None => line.to_owned(),
    }
}

fn compare(found: &[String], body: &[&str], ordered: bool) -> Outcome<()> {
    let mut wanted: Vec<String> = body.iter().map(|line| normalized(line)).collect();
    let mut found = found.iter().map(|l| l.replace('\n', "\\n")).collect::<Vec<_>>();
    let shown = found.join("\n  ");
    if !ordered {
        wanted.sort();
        found.sort();
    }
    match wanted == found {
        true => Ok(()),
        false => Err(format!("wanted\n  {}\ngot\n  {shown}", wanted.join("\n  "))),
    }
}
