//! The engine through its public door: names, limits, interruptions, stores that compute themselves.

use std::time::{Duration, Instant};

use model::{
    Budget, CancelFlag, Ctx, Error, Grid, Labels, Listing, Matcher, MetricReader, SelectHints, Selected,
    Selection, TimeRange,
};
use query::promql::{Engine, EngineOptions, ParseOptions, QueryError, SampleValue, Value};
use testkit::MemoryMetrics;

fn store(series: usize) -> MemoryMetrics {
    let store = MemoryMetrics::new();
    for i in 0..series {
        let labels = Labels::from_pairs([("__name__", "m_total"), ("i", &format!("{i:05}"))]);
        store.insert(&labels, (0..100).map(|t| (t * 10_000, (t + i as i64) as f64)));
    }
    store
}

fn labels_of(value: &Value) -> Vec<String> {
    match value {
        Value::Vector(samples) => samples.iter().map(|s| s.labels.to_string()).collect(),
        Value::Matrix(series) => series.iter().map(|s| s.labels.to_string()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn names_go_at_each_function_unless_delayed() {
    let store = store(1);
    let ctx = Ctx::unbounded();
    let query = "label_replace(abs(m_total), \"name\", \"$1\", \"__name__\", \"(.+)\")";
    let at_once = Engine::default().instant(&ctx, &store, query, 0).unwrap();
    assert_eq!(labels_of(&at_once.value), ["{i=\"00000\"}"], "nothing left to match");
    let options = EngineOptions { delayed_name_removal: true, ..EngineOptions::default() };
    let delayed = Engine::new(options).instant(&ctx, &store, query, 0).unwrap();
    assert_eq!(labels_of(&delayed.value), ["{i=\"00000\", name=\"m_total\"}"]);
}

#[test]
fn series_that_lose_their_names_at_other_steps_become_one() {
    let store = MemoryMetrics::new();
    store.insert(&Labels::from_pairs([("__name__", "a")]), [(0, 1.0)]);
    store.insert(&Labels::from_pairs([("__name__", "b")]), [(600_000, 2.0)]);
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    let query = "-{__name__=~\"a|b\"}";
    let output = engine.range(&ctx, &store, query, 0, 600_000, 600_000).unwrap();
    let Value::Matrix(series) = output.value else { panic!("a matrix") };
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].points, [(0, -1.0), (600_000, -2.0)]);
    let same = "sum_over_time({__name__=~\"a|b\"}[20m])";
    let error = engine.range(&ctx, &store, same, 0, 600_000, 600_000).unwrap_err();
    assert_eq!(error.to_string(), "vector cannot contain metrics with the same labelset");
}

#[test]
fn experimental_parts_are_off_unless_switched_on() {
    let store = store(3);
    let ctx = Ctx::unbounded();
    let error = Engine::default().instant(&ctx, &store, "limitk(1, m_total)", 0).unwrap_err();
    assert!(matches!(error, QueryError::Parse(_)), "{error}");
    let options = EngineOptions { syntax: ParseOptions::ALL, ..EngineOptions::default() };
    let output = Engine::new(options).instant(&ctx, &store, "limitk(1, m_total)", 0).unwrap();
    assert_eq!(labels_of(&output.value).len(), 1);
}

#[test]
fn too_many_samples_are_refused_with_the_text_of_prometheus() {
    let store = store(100);
    let engine = Engine::new(EngineOptions { max_samples: 1_000, ..EngineOptions::default() });
    let ctx = Ctx::unbounded();
    assert!(engine.instant(&ctx, &store, "sum(m_total)", 0).is_ok());
    assert!(engine.range(&ctx, &store, "sum(m_total{i=\"00001\"})", 0, 990_000, 10_000).is_ok());
    for query in ["m_total", "m_total @ 0", "sum(m_total)", "rate(m_total[1m])", "vector(1)[100d:1s]"] {
        let error = match query.ends_with(']') {
            true => engine.instant(&ctx, &store, query, 0).unwrap_err(),
            false => engine.range(&ctx, &store, query, 0, 990_000, 10_000).unwrap_err(),
        };
        assert!(matches!(error, QueryError::TooManySamples(_)), "{query}: {error}");
        assert_eq!(
            error.to_string(),
            "query processing would load too many samples into memory in query execution"
        );
    }
}

#[test]
fn memory_is_reserved_and_given_back() {
    let store = store(200);
    let engine = Engine::default();
    let budget = Budget::new("queries", 100_000);
    let ctx = Ctx { budget: budget.clone(), ..Ctx::unbounded() };
    let error = engine.range(&ctx, &store, "m_total * 2", 0, 990_000, 10_000).unwrap_err();
    assert!(matches!(&error, QueryError::TooManySamples(text) if text.contains("memory limit")), "{error}");
    assert_eq!(budget.used(), 0);
    budget.set_limit(1 << 30);
    assert!(engine.range(&ctx, &store, "m_total * 2", 0, 990_000, 10_000).is_ok());
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_query_stops_when_asked_to() {
    let store = store(1);
    let engine = Engine::default();
    let cancel = CancelFlag::default();
    cancel.cancel();
    let ctx = Ctx { cancel, ..Ctx::unbounded() };
    assert!(matches!(engine.instant(&ctx, &store, "m_total", 0), Err(QueryError::Canceled)));
    let past = Instant::now() - Duration::from_millis(1);
    let ctx = Ctx { deadline: Some(past), ..Ctx::unbounded() };
    assert!(matches!(engine.instant(&ctx, &store, "m_total", 0), Err(QueryError::Timeout)));
}

/// Many series on several threads: the sums are the same, bit by bit.
#[test]
fn reduction_does_not_depend_on_threads() {
    let store = MemoryMetrics::new();
    for i in 0..1_000u32 {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", &i.to_string())]);
        store.insert(&labels, [(0, 0.1 * f64::from(i).powi(3)), (10_000, 1.0 / f64::from(i + 1))]);
    }
    let ctx = Ctx::unbounded();
    let query = "stddev(m) + avg(m) + sum(m)";
    let result = |threads| {
        let engine = Engine::new(EngineOptions { threads, ..EngineOptions::default() });
        engine.range(&ctx, &store, query, 0, 20_000, 5_000).unwrap().value
    };
    let alone = result(1);
    for _ in 0..5 {
        assert_eq!(result(4), alone);
    }
}

#[test]
fn cost_counts_what_was_read() {
    let store = store(3);
    let ctx = Ctx::unbounded();
    let output = Engine::default().instant(&ctx, &store, "sum(rate(m_total[1m]))", 600_000).unwrap();
    assert_eq!((output.cost.series, output.cost.samples), (3, 18));
}

#[test]
fn a_range_needs_a_step_and_something_to_evaluate() {
    let store = store(1);
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    assert!(engine.range(&ctx, &store, "m_total", 0, 10, 0).is_err());
    assert!(engine.range(&ctx, &store, "m_total[5m]", 0, 10, 1).is_err());
    assert!(engine.range(&ctx, &store, "\"text\"", 0, 10, 1).is_err());
    let empty = engine.range(&ctx, &store, "m_total", 10, 0, 1).unwrap();
    assert_eq!(empty.value, Value::Matrix(vec![]));
    for t in [i64::MIN, i64::MAX] {
        assert!(engine.instant(&ctx, &store, "rate(m_total[5m] offset 1d)", t).is_ok());
        assert!(engine.instant(&ctx, &store, "max_over_time(m_total[5m:1m])", t).is_ok());
    }
}

/// A store that answers `rate` itself, and warns.
struct Computing;

impl MetricReader for Computing {
    fn select(
        &self,
        _: &Ctx,
        _: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection, Error> {
        assert_eq!((hints.function.as_deref(), hints.window, hints.step), (Some("rate"), 60_000, 1_000));
        let labels = Labels::from_pairs([("__name__", "m_total"), ("a", "b")]);
        let grid = Grid {
            start: range.start + hints.window - 1,
            step: 1_000,
            rows: vec![(labels, vec![Some(1.0), None, Some(3.0)])],
        };
        let warnings = vec!["one part is missing".to_owned()];
        Ok(Selection { warnings, complete: false, ..Selection::complete(Selected::Grid(grid)) })
    }

    fn label_names(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> Result<Listing, Error> {
        Ok(Listing::default())
    }

    fn label_values(
        &self,
        _: &Ctx,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> Result<Listing, Error> {
        Ok(Listing::default())
    }
}

#[test]
fn values_that_the_store_computed_are_taken_and_its_warnings_passed_on() {
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    let output = engine.range(&ctx, &Computing, "rate(m_total[1m])", 5_000, 7_000, 1_000).unwrap();
    let Value::Matrix(series) = &output.value else { panic!("a matrix") };
    assert_eq!(series[0].labels.to_string(), "{a=\"b\"}");
    assert_eq!(series[0].points, [(5_000, 1.0), (7_000, 3.0)]);
    assert!(output.warnings.contains(&"one part is missing".to_owned()));
    assert!(output.warnings.iter().any(|w| w.contains("incomplete")), "{:?}", output.warnings);
}

#[test]
fn histograms_and_floats_do_not_go_together_and_nothing_panics() {
    let store = MemoryMetrics::new();
    let histogram = model::Histogram { count: 2.0, sum: 3.0, ..model::Histogram::default() };
    let of = |name: &str| Labels::from_pairs([("__name__", name)]);
    store.insert_histograms(&of("h"), [(0, histogram.clone()), (10_000, histogram)]);
    store.insert(&of("f"), [(0, 1.0), (10_000, 2.0)]);
    let options = EngineOptions { syntax: ParseOptions::ALL, ..EngineOptions::default() };
    let engine = Engine::new(options);
    let ctx = Ctx::unbounded();
    let binary = ["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", ">=", "</", ">/", "and", "or"];
    for op in binary {
        for (a, b) in [("h", "f"), ("f", "h"), ("h", "h"), ("h", "2"), ("2", "h")] {
            if matches!((op, a, b), ("and" | "or", _, "2") | ("and" | "or", "2", _)) {
                continue;
            }
            let query =
                format!("{a} {op} {}", if b == "2" || a == "2" { b.into() } else { format!("on() {b}") });
            assert!(engine.instant(&ctx, &store, &query, 10_000).is_ok(), "{query}");
        }
    }
    for op in ["sum", "avg", "min", "max", "count", "stddev", "group", "topk", "quantile", "limitk"] {
        let param = if matches!(op, "topk" | "quantile" | "limitk") { "1, " } else { "" };
        let query = format!("{op}({param}{{__name__=~\"h|f\"}})");
        assert!(engine.instant(&ctx, &store, &query, 10_000).is_ok(), "{query}");
    }
    for function in ["rate", "delta", "irate", "avg_over_time", "min_over_time", "deriv", "changes", "resets"]
    {
        let query = format!("{function}(h[1m])");
        assert!(engine.instant(&ctx, &store, &query, 10_000).is_ok(), "{query}");
    }
    let output = engine.instant(&ctx, &store, "h", 10_000).unwrap();
    let Value::Vector(samples) = output.value else { panic!("a vector") };
    assert!(matches!(&samples[0].value, SampleValue::Histogram(h) if h.count == 2.0));
}

#[test]
fn deep_trees_are_evaluated_on_a_small_stack() {
    let store = store(1);
    let engine = Engine::default();
    let ctx = Ctx::unbounded();
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let queries = [
        vec!["m_total"; 500].join(" + "),
        vec!["m_total"; 500].join(" or "),
        vec!["1"; 500].join(" ^ "),
        nested("abs(", "m_total", ")", 200),
        nested("sum(", "m_total", ")", 200),
        nested("-(", "m_total", ")", 200),
        nested("max_over_time(", "m_total", "[5m:1m])", 100),
    ];
    for query in queries {
        match engine.instant(&ctx, &store, &query, 600_000) {
            Ok(_) | Err(QueryError::Parse(_)) => {}
            Err(error) => panic!("{}...: {error}", &query[..20]),
        }
    }
}
