//! The same queries over the same samples, here and in Debian's Prometheus (2.42).

#![expect(clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;

use model::Ctx;
use query::promql::{Engine, QueryError, QueryOutput, SampleValue, Series, Value};
use serde_json::Value as Json;
use testkit::MemoryMetrics;
use testkit::demo;
use testkit::prometheus::Prometheus;
use testkit::suite::{CONFORMANCE, Case, Component};

/// Queries whose answer changed after 2.42, and how.
const CHANGED: &[(&str, &str)] = &[
    (r#"label_replace(demo_num_cpus, "~invalid", "", "src", "(.*)")"#, "3.0 allows any UTF-8 in label names"),
    (r#"label_join(demo_num_cpus, "~invalid", "-", "instance")"#, "3.0 allows any UTF-8 in label names"),
    (
        "avg_over_time(rate(demo_cpu_usage_seconds_total[1m])[2m:10s])",
        "3.0 leaves the start of a window out; the points of a subquery lie on whole steps and meet it",
    ),
];

/// How far apart two numbers may be, relative to the larger one.
const TOLERANCE: f64 = 1e-9;

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    let needs = &[CONFORMANCE, PROMETHEUS];
    testkit::suite::run(&[Case { name: "same_answers_as_prometheus", needs, test: same_answers }]);
}

/// Points by labels, or why there are none.
type Answer = Result<BTreeMap<String, Vec<(i64, f64)>>, String>;

fn same_answers() {
    let store = MemoryMetrics::new();
    demo::fill(&store);
    let folder = std::env::temp_dir().join(format!("bonghwa-differential-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the reference");
    let program = testkit::reference("prometheus").expect("looked at before");
    let reference = Prometheus::start(&program, &folder).expect("the reference starts");
    reference.write(&store.dump(), 600_000).expect("the reference takes the samples");
    let list = testkit::conformance::folder("promql/compliance").expect("looked at before");
    let text = std::fs::read_to_string(list.join("expanded-queries.txt")).expect("readable");
    let mut tally = Tally::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let query = line.strip_prefix('!').unwrap_or(line);
        let engine = Engine::default();
        let ctx = Ctx::unbounded();
        let (start, end, step) = times();
        let ours = engine.range(&ctx, &store, query, start, end, step);
        let theirs = reference.ask(
            "query_range",
            &[("query", query), ("start", &seconds(start)), ("end", &seconds(end)), ("step", &seconds(step))],
        );
        tally.compare(query, "range", &of_ours(ours), &of_theirs(&theirs.expect("an answer")));
        let ours = engine.instant(&ctx, &store, query, end);
        let theirs = reference.ask("query", &[("query", query), ("time", &seconds(end))]);
        tally.compare(query, "instant", &of_ours(ours), &of_theirs(&theirs.expect("an answer")));
    }
    drop(reference);
    // The operating system clears what stays behind.
    let _ = std::fs::remove_dir_all(&folder);
    println!(
        "{} answers identical ({} of them errors on both sides), {} differing as listed, {} differing",
        tally.identical,
        tally.errors,
        tally.listed,
        tally.differing.len()
    );
    assert!(tally.identical > 1000, "only {} answers compared", tally.identical);
    assert!(tally.differing.is_empty(), "{}", tally.differing.join("\n"));
}

/// Start, end and step of the range queries, ms: whole seconds, off which all samples lie.
fn times() -> (i64, i64, i64) {
    let start = demo::START_MS + 4_500_000;
    (start, start + 1_800_000, 30_000)
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[derive(Default)]
struct Tally {
    identical: usize,
    errors: usize,
    listed: usize,
    differing: Vec<String>,
}

impl Tally {
    fn compare(&mut self, query: &str, form: &str, ours: &Answer, theirs: &Answer) {
        let difference = match (ours, theirs) {
            (Err(_), Err(_)) => {
                self.errors += 1;
                None
            }
            (Err(error), Ok(_)) => Some(format!("only here it fails: {error}")),
            (Ok(_), Err(error)) => Some(format!("only there it fails: {error}")),
            (Ok(ours), Ok(theirs)) => difference(ours, theirs),
        };
        match difference {
            None => self.identical += 1,
            Some(_) if CHANGED.iter().any(|(changed, _)| *changed == query) => self.listed += 1,
            Some(difference) => self.differing.push(format!("{form} {query}: {difference}")),
        }
    }
}

type Rows = BTreeMap<String, Vec<(i64, f64)>>;

fn difference(ours: &Rows, theirs: &Rows) -> Option<String> {
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

fn of_ours(output: Result<QueryOutput, QueryError>) -> Answer {
    let rows = |series: Vec<Series>| series.into_iter().map(|s| (key(&s.labels), s.points)).collect();
    match output.map_err(|e| e.to_string())?.value {
        Value::Scalar { t, v } => Ok(BTreeMap::from([("scalar".to_owned(), vec![(t, v)])])),
        Value::String { t, s } => Ok(BTreeMap::from([(s, vec![(t, 0.0)])])),
        Value::Matrix(series) => Ok(rows(series)),
        Value::Vector(samples) => samples
            .into_iter()
            .map(|sample| match sample.value {
                SampleValue::Float(v) => Ok((key(&sample.labels), vec![(sample.t, v)])),
                SampleValue::Histogram(_) => Err("a histogram".to_owned()),
            })
            .collect(),
    }
}

fn key(labels: &model::Labels) -> String {
    let pairs: BTreeMap<&str, &str> = labels.iter().collect();
    format!("{pairs:?}")
}

fn of_theirs(answer: &Json) -> Answer {
    if answer["status"] != "success" {
        return Err(answer["error"].to_string());
    }
    let result = &answer["data"]["result"];
    match answer["data"]["resultType"].as_str() {
        Some("scalar") => Ok(BTreeMap::from([("scalar".to_owned(), vec![point(result)])])),
        Some("string") => {
            Ok(BTreeMap::from([(result[1].as_str().unwrap_or_default().to_owned(), vec![(0, 0.0)])]))
        }
        Some("vector") => Ok(each(result).map(|s| (their_key(s), vec![point(&s["value"])])).collect()),
        _ => Ok(each(result).map(|s| (their_key(s), each(&s["values"]).map(point).collect())).collect()),
    }
}

fn each(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

fn their_key(series: &Json) -> String {
    let metric = series["metric"].as_object().expect("labels");
    let pairs: BTreeMap<&str, &str> =
        metric.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))).collect();
    format!("{pairs:?}")
}

fn point(pair: &Json) -> (i64, f64) {
    let t = (pair[0].as_f64().expect("a time") * 1000.0).round() as i64;
    (t, pair[1].as_str().and_then(|v| v.parse().ok()).expect("a number"))
}
