//! A server, or a data directory: something that answers instant queries.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use model::metrics::{Listing, Partition, SelectHints, Selected, Selection};
use model::{Ctx, Labels, Matcher, MetricReader, Result as ModelResult, SeriesData, TimeRange};
use query::promql::{Engine, EngineOptions, SampleValue, Value, go_g, histogram_text};
use serde_json::Value as Json;

use crate::Failed;
use crate::http::Server;
use crate::query::form;
use crate::tsdb::ours::{Ours, is_ours};
use crate::tsdb::remote::Token;
use crate::tsdb::source::{Wanted, with_cursor};

/// Samples of a Prometheus directory that are held to be compared.
const MAX_SAMPLES: usize = 200_000_000;
const LIMIT: Duration = Duration::from_secs(120);

/// Who is asked.
pub(super) enum Side {
    Server(Server),
    Ours(Box<Ours>, Engine),
    Theirs(Loaded, Engine),
}

/// An answer: what each label set has.
pub(super) type Answer = BTreeMap<String, Point>;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Point {
    Float(f64),
    /// Histograms, texts and matrices, as they are written.
    Text(String),
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(v) => f.write_str(&go_g(*v)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Side {
    pub(super) fn open(at: &str, token: &Token) -> Result<Self, Failed> {
        if at.contains("://") {
            return Ok(Self::Server(token.server(at)?));
        }
        let engine = Engine::new(EngineOptions::default());
        let dir = Path::new(at);
        if is_ours(dir) {
            return Ok(Self::Ours(Box::new(Ours::open(dir)?), engine));
        }
        Ok(Self::Theirs(Loaded::new(dir)?, engine))
    }

    /// The time of the newest sample, where that is known.
    pub(super) fn end(&self) -> Option<i64> {
        match self {
            Self::Server(_) => None,
            Self::Ours(ours, _) => ours.store.block_list().iter().map(|b| b.range.end).max(),
            Self::Theirs(loaded, _) => loaded.0.iter().filter_map(|s| s.range()).map(|r| r.end).max(),
        }
    }

    /// The answer to `query` at `t`, or the error.
    pub(super) fn ask(&mut self, query: &str, t: i64) -> Result<Answer, String> {
        match self {
            Self::Server(server) => ask_server(server, query, t),
            Self::Ours(ours, engine) => evaluate(engine, &ours.store, query, t),
            Self::Theirs(loaded, engine) => evaluate(engine, loaded, query, t),
        }
    }
}

fn evaluate(engine: &Engine, reader: &dyn MetricReader, query: &str, t: i64) -> Result<Answer, String> {
    let output = engine.instant(&Ctx::unbounded(), reader, query, t).map_err(|e| e.to_string())?;
    let mut answer = Answer::new();
    match output.value {
        Value::Scalar { v, .. } => drop(answer.insert("scalar".to_owned(), Point::Float(v))),
        Value::String { s, .. } => drop(answer.insert("string".to_owned(), Point::Text(s))),
        Value::Vector(samples) => {
            for sample in samples {
                let point = match sample.value {
                    SampleValue::Float(v) => Point::Float(v),
                    SampleValue::Histogram(h) => Point::Text(histogram_text(&h)),
                };
                answer.insert(sample.labels.to_string(), point);
            }
        }
        Value::Matrix(all) => {
            for series in all {
                let points = format!("{} points", series.points.len() + series.histograms.len());
                answer.insert(series.labels.to_string(), Point::Text(points));
            }
        }
    }
    Ok(answer)
}

fn ask_server(server: &Server, query: &str, t: i64) -> Result<Answer, String> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let time = format!("{}", t as f64 / 1000.0);
    let body = form(&[("query", query.to_owned()), ("time", time)]).into_bytes();
    let answer = server.post("/api/v1/query", &headers, body, LIMIT).map_err(|e| e.to_string())?;
    let json: Json =
        serde_json::from_slice(&answer.body).map_err(|_| format!("status {}, and no JSON", answer.status))?;
    if json["status"] != "success" {
        return Err(json["error"].as_str().unwrap_or("an error without text").to_owned());
    }
    let (kind, result) = (&json["data"]["resultType"], &json["data"]["result"]);
    let number = |v: &Json| v.as_str().and_then(|s| s.parse().ok()).map(Point::Float);
    let mut found = Answer::new();
    match kind.as_str() {
        Some("scalar") => drop(found.insert("scalar".to_owned(), number(&result[1]).ok_or("no number")?)),
        Some("string") => {
            let text = result[1].as_str().unwrap_or_default().to_owned();
            found.insert("string".to_owned(), Point::Text(text));
        }
        _ => {
            for series in result.as_array().into_iter().flatten() {
                let pairs = series["metric"].as_object().into_iter().flatten();
                let labels = Labels::from_pairs(pairs.filter_map(|(n, v)| Some((n.as_str(), v.as_str()?))));
                let count = |name: &str| series[name].as_array().map_or(0, Vec::len);
                let point = match (number(&series["value"][1]), &series["histogram"][1]) {
                    (Some(point), _) => point,
                    (None, Json::Null) => {
                        Point::Text(format!("{} points", count("values") + count("histograms")))
                    }
                    (None, histogram) => Point::Text(histogram_of(histogram)),
                };
                found.insert(labels.to_string(), point);
            }
        }
    }
    Ok(found)
}

/// A histogram of an answer, in the form of [`histogram_text`].
fn histogram_of(json: &Json) -> String {
    let number = |v: &Json| v.as_str().and_then(|s| s.parse().ok()).map_or_else(String::new, go_g);
    let mut parts =
        vec![format!("count:{}", number(&json["count"])), format!("sum:{}", number(&json["sum"]))];
    for bucket in json["buckets"].as_array().into_iter().flatten() {
        // Which bounds belong to the bucket: 0 the upper, 1 the lower, 2 none, 3 both.
        let (open, close) = match bucket[0].as_u64() {
            Some(1) => ('[', ')'),
            Some(2) => ('(', ')'),
            Some(3) => ('[', ']'),
            _ => ('(', ']'),
        };
        let (lower, upper, count) = (number(&bucket[1]), number(&bucket[2]), number(&bucket[3]));
        parts.push(format!("{open}{lower},{upper}{close}:{count}"));
    }
    format!("{{{}}}", parts.join(", "))
}

/// All samples of a Prometheus directory.
pub(super) struct Loaded(Vec<SeriesData>);

impl Loaded {
    fn new(dir: &Path) -> Result<Self, Failed> {
        let wanted = Wanted::new(&[], TimeRange::ALL)?;
        // What cannot be read was said by the import.
        let mut damage = Vec::new();
        with_cursor(dir, &wanted, &mut damage, |cursor, damage| {
            let (mut all, mut samples) = (Vec::new(), 0);
            let mut data = SeriesData::default();
            while cursor.next(&mut data, damage)? {
                samples += data.len();
                if samples > MAX_SAMPLES {
                    return Err(Failed::new(
                        "the directory holds more than can be compared here: start the old server on it and give its URL \
                         with --skip-import",
                    ));
                }
                all.push(data.clone());
            }
            Ok(Self(all))
        })
    }
}

impl MetricReader for Loaded {
    fn select(
        &self,
        _ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        _hints: &SelectHints,
    ) -> ModelResult<Selection> {
        let mut found = Vec::new();
        for series in &self.0 {
            if matchers.iter().all(|m| m.matches_labels(&series.labels)) {
                let mut data = SeriesData {
                    id: found.len() as u64,
                    labels: series.labels.clone(),
                    ..SeriesData::default()
                };
                data.append_within(series, range);
                if !data.is_empty() {
                    found.push(data);
                }
            }
        }
        let data = Selected::Series(vec![Box::new(Rest(found))]);
        Ok(Selection::complete(data))
    }

    fn label_names(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> ModelResult<Listing> {
        Ok(Listing::default())
    }

    fn label_values(&self, _: &Ctx, _: &str, _: &[Matcher], _: TimeRange, _: usize) -> ModelResult<Listing> {
        Ok(Listing::default())
    }
}

struct Rest(Vec<SeriesData>);

impl Partition for Rest {
    fn next(&mut self, out: &mut SeriesData) -> ModelResult<bool> {
        match self.0.pop() {
            Some(data) => {
                *out = data;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}
