//! Answers to PromQL queries, ours and those of a reference, in one form that can be compared.

use std::collections::BTreeMap;

use model::Labels;
use query::promql::{QueryError, QueryOutput, SampleValue, Series, Value};
use serde_json::Value as Json;

/// How far apart two numbers may be, relative to the larger one.
const TOLERANCE: f64 = 1e-9;

/// Points by labels.
pub type Rows = BTreeMap<String, Vec<(i64, f64)>>;

/// Points by labels, or why there are none. A native histogram is its count.
pub type Answer = Result<Rows, String>;

/// What the engine says.
pub fn of_engine(output: Result<QueryOutput, QueryError>) -> Answer {
    let points = |series: Series| {
        let mut points = series.points;
        points.extend(series.histograms.iter().map(|(t, h)| (*t, h.count)));
        points.sort_by_key(|(t, _)| *t);
        (key(&series.labels), points)
    };
    Ok(match output.map_err(|e| e.to_string())?.value {
        Value::Scalar { t, v } => BTreeMap::from([("scalar".to_owned(), vec![(t, v)])]),
        Value::String { t, s } => BTreeMap::from([(s, vec![(t, 0.0)])]),
        Value::Matrix(series) => series.into_iter().map(points).collect(),
        Value::Vector(samples) => samples
            .into_iter()
            .map(|sample| {
                let value = match sample.value {
                    SampleValue::Float(v) => v,
                    SampleValue::Histogram(h) => h.count,
                };
                (key(&sample.labels), vec![(sample.t, value)])
            })
            .collect(),
    })
}

fn key(labels: &Labels) -> String {
    let pairs: BTreeMap<&str, &str> = labels.iter().collect();
    format!("{pairs:?}")
}

/// What the HTTP API of a reference says.
pub fn of_api(answer: &Json) -> Answer {
    if answer["status"] != "success" {
        return Err(answer["error"].to_string());
    }
    let result = &answer["data"]["result"];
    match answer["data"]["resultType"].as_str() {
        Some("scalar") => Ok(BTreeMap::from([("scalar".to_owned(), vec![point(result)?])])),
        Some("string") => {
            Ok(BTreeMap::from([(result[1].as_str().unwrap_or_default().to_owned(), vec![(0, 0.0)])]))
        }
        _ => each(result).map(|series| Ok((their_key(series), points(series)?))).collect(),
    }
}

fn each(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

fn their_key(series: &Json) -> String {
    let metric = series["metric"].as_object();
    let pairs: BTreeMap<&str, &str> = metric
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
        .collect();
    format!("{pairs:?}")
}

fn points(series: &Json) -> Result<Vec<(i64, f64)>, String> {
    let single = ["value", "histogram"].into_iter().filter_map(|field| series.get(field));
    let many = ["values", "histograms"].into_iter().flat_map(|field| each(&series[field]));
    let mut points = single.chain(many).map(point).collect::<Result<Vec<_>, _>>()?;
    points.sort_by_key(|(t, _)| *t);
    Ok(points)
}

fn point(pair: &Json) -> Result<(i64, f64), String> {
    let value = pair[1].as_str().or_else(|| pair[1]["count"].as_str());
    let number = value.and_then(|v| v.parse().ok());
    match (pair[0].as_f64(), number) {
        (Some(t), Some(v)) => Ok(((t * 1000.0).round() as i64, v)),
        _ => Err(format!("no point: {pair}")),
    }
}

/// Where the two differ, `None` if they agree. Two failures agree, whatever their words.
pub fn difference(ours: &Answer, theirs: &Answer) -> Option<String> {
    match (ours, theirs) {
        (Err(_), Err(_)) => None,
        (Err(error), Ok(_)) => Some(format!("only here it fails: {error}")),
        (Ok(_), Err(error)) => Some(format!("only there it fails: {error}")),
        (Ok(ours), Ok(theirs)) => difference_of_rows(ours, theirs),
    }
}

fn difference_of_rows(ours: &Rows, theirs: &Rows) -> Option<String> {
    for (labels, points) in theirs {
        let Some(own) = ours.get(labels) else { return Some(format!("{labels} is missing here")) };
        if own.len() != points.len() {
            return Some(format!("{labels} has {} points here, {} there", own.len(), points.len()));
        }
        for (own, other) in own.iter().zip(points) {
            if own.0 != other.0 || !same(own.1, other.1) {
                return Some(format!("{labels}: {own:?} here, {other:?} there"));
            }
        }
    }
    ours.keys().find(|labels| !theirs.contains_key(*labels)).map(|more| format!("{more} only here"))
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

/// Milliseconds as the API takes times.
pub fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// What became of many comparisons.
#[derive(Debug, Default)]
pub struct Tally {
    /// Answers that agree.
    pub identical: usize,
    /// Of these, failures on both sides.
    pub errors: usize,
    /// Of these, answers without any series.
    pub empty: usize,
    /// Differences that are listed with a reason.
    pub listed: usize,
    /// All others: form, query, difference.
    pub differing: Vec<String>,
}

impl Tally {
    /// Compares two answers to `query`; `changed` lists those that may differ, and why.
    pub fn compare(&mut self, query: &str, form: &str, pair: (&Answer, &Answer), changed: &[(&str, &str)]) {
        match difference(pair.0, pair.1) {
            None => {
                self.identical += 1;
                self.errors += usize::from(pair.0.is_err());
                self.empty += usize::from(matches!(pair.0, Ok(rows) if rows.is_empty()));
            }
            Some(_) if changed.iter().any(|(listed, _)| *listed == query) => self.listed += 1,
            Some(difference) => self.differing.push(format!("{form} {query}: {difference}")),
        }
    }

    /// Prints the counts, and panics with all differences that are not listed.
    #[allow(clippy::print_stdout, reason = "the report of a test")]
    pub fn judge(&self) {
        println!(
            "{} answers identical ({} errors on both sides, {} empty), {} differing as listed, {} differing",
            self.identical,
            self.errors,
            self.empty,
            self.listed,
            self.differing.len()
        );
        assert!(self.differing.is_empty(), "{}", self.differing.join("\n"));
    }
}
