//! Ways that are quicker than the plain one give the same bits.

use model::{Ctx, Histogram, Labels, stale_nan};
use proptest::prelude::*;
use query::promql::{Engine, EngineOptions, QueryOutput, SampleValue, Value};
use testkit::MemoryMetrics;

fn value() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        8 => (-5i32..50).prop_map(|v| Some(f64::from(v) / 4.0)),
        1 => Just(Some(stale_nan())),
        1 => prop::sample::select(vec![Some(f64::NAN), Some(f64::INFINITY), Some(-0.0), None]),
    ]
}

/// Gaps in seconds and values; `None` is a histogram.
type Samples = Vec<(i64, Option<f64>)>;

fn store(all: &[Samples]) -> MemoryMetrics {
    let store = MemoryMetrics::new();
    for (i, samples) in all.iter().enumerate() {
        let name = ["a_total", "b_total"][i % 2];
        let labels = [("__name__", name.to_owned()), ("i", (i / 3).to_string()), ("k", i.to_string())];
        let labels = Labels::from_pairs(labels);
        let mut t = 0;
        for (gap, value) in samples {
            t += gap * 1_000;
            match value {
                Some(v) => store.insert(&labels, [(t, *v)]),
                None => {
                    let h = Histogram { count: 2.0, sum: 3.0, zero_count: 2.0, ..Histogram::default() };
                    store.insert_histograms(&labels, [(t, h)]);
                }
            }
        }
    }
    store
}

fn bits(output: &QueryOutput) -> String {
    let sample = |v: &SampleValue| match v {
        SampleValue::Float(v) => format!("{:x}", v.to_bits()),
        SampleValue::Histogram(h) => format!("{h:?}"),
    };
    match &output.value {
        Value::Vector(samples) => {
            samples.iter().map(|s| format!("{} {}\n", s.labels, sample(&s.value))).collect()
        }
        Value::Matrix(series) => series
            .iter()
            .map(|s| {
                let points: Vec<_> = s.points.iter().map(|(t, v)| (*t, v.to_bits())).collect();
                format!("{} {points:?} {:?}\n", s.labels, s.histograms)
            })
            .collect(),
        other => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn counting_without_columns(
        all in prop::collection::vec(prop::collection::vec((1i64..90, value()), 0..40), 1..9),
        start in 0i64..2_000, step in 5i64..200, len in 1i64..30,
    ) {
        let store = store(&all);
        let plain = Engine::new(EngineOptions { sample_stats: true, ..EngineOptions::default() });
        let quick = Engine::default();
        let ctx = Ctx::unbounded();
        for query in [
            "count({__name__!=\"\"})",
            "count by (i) ({__name__=~\"a.*|b.*\"})",
            "group without (k) ({__name__!=\"\"} offset 40s)",
            "count by (k, __name__) (a_total) > 0",
            "count(a_total @ 300)",
            "count(nothing)",
        ] {
            let end = start + step * len;
            let ask = |engine: &Engine| {
                let range = engine.range(&ctx, &store, query, start * 1_000, end * 1_000, step * 1_000);
                let instant = engine.instant(&ctx, &store, query, end * 1_000);
                bits(&range.unwrap()) + &bits(&instant.unwrap())
            };
            prop_assert_eq!(ask(&quick), ask(&plain), "{}", query);
        }
    }
}

/// Many series share their work out among threads.
#[test]
fn threads_do_not_change_bits() {
    let store = MemoryMetrics::new();
    let mut state = 88_172_645_463_325_252u64;
    for i in 0..1_500 {
        let labels = Labels::from_pairs([
            ("__name__", "m_total".to_owned()),
            ("i", i.to_string()),
            ("g", (i % 7).to_string()),
        ]);
        let samples = (0..60).map(|t| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (t * 10_000, (state % 1_000_003) as f64 / 7.0)
        });
        store.insert(&labels, samples);
    }
    let ask = |threads: usize, query: &str| {
        let engine = Engine::new(EngineOptions { threads, ..EngineOptions::default() });
        bits(&engine.range(&Ctx::unbounded(), &store, query, 0, 600_000, 2_000).unwrap())
    };
    for query in [
        "sum(m_total)",
        "avg by (g) (rate(m_total[1m]))",
        "stddev by (g) (m_total)",
        "quantile by (g) (0.3, m_total)",
        "count by (g) (rate(m_total[1m]))",
        "max(m_total)",
    ] {
        assert_eq!(ask(4, query), ask(1, query), "{query}");
    }
}

/// Labels and values, those of sums as near as another order of additions makes them.
fn near(a: &QueryOutput, b: &QueryOutput) -> bool {
    let (Value::Vector(a), Value::Vector(b)) = (&a.value, &b.value) else { return false };
    let close = |a: f64, b: f64| {
        a.to_bits() == b.to_bits()
            || (!a.is_finite() && !b.is_finite())
            || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
    };
    let same = |a: &SampleValue, b: &SampleValue| match (a, b) {
        (SampleValue::Float(a), SampleValue::Float(b)) => close(*a, *b),
        (a, b) => format!("{a:?}") == format!("{b:?}"),
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.labels == b.labels && same(&a.value, &b.value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn aggregating_without_rows(
        all in prop::collection::vec(prop::collection::vec((1i64..90, value()), 0..40), 1..9),
        t in 0i64..2_000,
    ) {
        let store = store(&all);
        let plain = Engine::new(EngineOptions { sample_stats: true, ..EngineOptions::default() });
        let quick = Engine::default();
        let ctx = Ctx::unbounded();
        for query in [
            "sum(a_total)",
            "avg by (i) ({__name__=~\"a.*|b.*\"})",
            "max without (k) ({__name__!=\"\"} offset 40s)",
            "min by (k, __name__) (rate(a_total[5m]))",
            "stddev by (i) (increase({__name__!=\"\"}[3m]))",
            "stdvar(a_total @ 300)",
            "quantile by (i) (0.3, max_over_time(b_total[2m]))",
            "count by (i) (last_over_time({__name__!=\"\"}[9m]))",
            "group(changes(a_total[9m] offset 10s))",
            "sum(sum by (i) (rate(b_total[5m])) / count by (i) (b_total))",
            "sum(rate(nothing[5m]))",
        ] {
            let ask = |engine: &Engine| engine.instant(&ctx, &store, query, t * 1_000).unwrap();
            let (quick, plain) = (ask(&quick), ask(&plain));
            prop_assert!(near(&quick, &plain), "{query}\n{}\n{}", bits(&quick), bits(&plain));
            prop_assert_eq!(quick.warnings, plain.warnings);
            prop_assert_eq!(quick.infos, plain.infos);
        }
    }
}

#[test]
fn series_that_differ_in_their_names_only_are_refused_without_rows_too() {
    let store = MemoryMetrics::new();
    for name in ["a_total", "b_total"] {
        let labels = Labels::from_pairs([("__name__", name), ("x", "1")]);
        store.insert(&labels, (0..30).map(|i| (i * 10_000, i as f64)));
    }
    let ask = |query: &str| Engine::default().instant(&Ctx::unbounded(), &store, query, 300_000);
    let error = ask("sum(rate({x=\"1\"}[1m]))").unwrap_err().to_string();
    assert_eq!(error, "vector cannot contain metrics with the same labelset");
    assert!(ask("sum({x=\"1\"})").is_ok() && ask("sum(last_over_time({x=\"1\"}[1m]))").is_ok());
}

/// The order in which threads come and in which the store gives series does not matter.
#[test]
fn threads_do_not_change_bits_at_one_time() {
    let sets: Vec<Labels> = (0..1_500)
        .map(|i| {
            let pairs =
                [("__name__", "m_total".to_owned()), ("g", (i % 7).to_string()), ("i", i.to_string())];
            Labels::from_pairs(pairs)
        })
        .collect();
    let (one, other) = (MemoryMetrics::new(), MemoryMetrics::new());
    let samples = |n: usize| {
        (0..40).map(move |t| (t * 10_000, ((n as i64 * 7_919 + t * 104_729) % 1_009) as f64 / 7.0))
    };
    sets.iter().enumerate().for_each(|(n, labels)| one.insert(labels, samples(n)));
    sets.iter().enumerate().rev().for_each(|(n, labels)| other.insert(labels, samples(n)));
    for query in ["sum(m_total)", "avg by (g) (rate(m_total[1m]))", "stddev without (i) (m_total)"] {
        let ask = |store: &MemoryMetrics, threads: usize| {
            let engine = Engine::new(EngineOptions { threads, ..EngineOptions::default() });
            bits(&engine.instant(&Ctx::unbounded(), store, query, 300_000).unwrap())
        };
        assert_eq!(ask(&one, 4), ask(&other, 1), "{query}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_greatest_of_candidates(
        all in prop::collection::vec(prop::collection::vec((1i64..90, value()), 0..40), 1..9),
        start in 0i64..2_000, step in 5i64..200, len in 1i64..30,
    ) {
        let store = store(&all);
        let plain = Engine::new(EngineOptions { sample_stats: true, ..EngineOptions::default() });
        let quick = Engine::default();
        let ctx = Ctx::unbounded();
        for query in [
            "topk(2, a_total)",
            "bottomk by (i) (1, {__name__=~\"a.*|b.*\"})",
            "topk without (k) (3, {__name__!=\"\"} offset 40s)",
            "bottomk by (k, __name__) (1, rate(a_total[5m]))",
            "topk by (i) (2, max_over_time({__name__!=\"\"}[3m]))",
            "topk(2, a_total @ 300) + on() group_left() vector(1)",
            "bottomk(2, rate(a_total[5m] @ 300))",
            "topk(scalar(count(b_total)) - 1, last_over_time({__name__!=\"\"}[9m]))",
            "topk(3, rate(nothing[5m]))",
            "topk(NaN, a_total)",
        ] {
            let end = start + step * len;
            let ask = |engine: &Engine| {
                let range = engine.range(&ctx, &store, query, start * 1_000, end * 1_000, step * 1_000);
                let all = [range, engine.instant(&ctx, &store, query, end * 1_000)];
                all.map(|answer| match answer {
                    Ok(answer) => format!("{}{:?}{:?}", bits(&answer), answer.warnings, answer.infos),
                    Err(error) => error.to_string(),
                })
            };
            prop_assert_eq!(ask(&quick), ask(&plain), "{}", query);
        }
    }
}

/// So many series that some are let go while others are read, with many equal values and values that come and go.
#[test]
fn the_greatest_of_many_candidates() {
    let store = MemoryMetrics::new();
    for i in 0..1_500i64 {
        let g = (i % 3).to_string();
        let pairs =
            [("__name__", "m_total".to_owned()), ("A", (i % 2).to_string()), ("g", g), ("i", i.to_string())];
        let samples = (0..40).filter(|t| (i + t) % 11 > 2).map(|t| {
            let v = ((i * 7_919 + t * 104_729) % 97) as f64;
            (t * 10_000, if v == 13.0 { f64::NAN } else { v })
        });
        store.insert(&Labels::from_pairs(pairs), samples);
    }
    let ask = |query: &str, options: EngineOptions| {
        let engine = Engine::new(options);
        let ctx = Ctx::unbounded();
        let range = engine.range(&ctx, &store, query, 0, 400_000, 20_000).unwrap();
        bits(&range) + &bits(&engine.instant(&ctx, &store, query, 300_000).unwrap())
    };
    for query in [
        "topk(1, m_total)",
        "bottomk by (g) (5, m_total)",
        "topk by (g, A) (100, m_total)",
        "bottomk(3, delta(m_total[1m]))",
        "topk by (g) (2000, m_total)",
        "topk(scalar(count(m_total)) % 7, m_total)",
    ] {
        let plain = ask(query, EngineOptions { sample_stats: true, ..EngineOptions::default() });
        for threads in [1, 4] {
            let quick = ask(query, EngineOptions { threads, ..EngineOptions::default() });
            assert_eq!(quick, plain, "{query}");
        }
    }
}

/// Of many series a hundred are kept, not all.
#[test]
fn candidates_take_little_memory() {
    let store = MemoryMetrics::new();
    for i in 0..20_000i64 {
        let labels = Labels::from_pairs([("__name__", "m_total".to_owned()), ("i", i.to_string())]);
        store.insert(&labels, [(0, (i * 7_919 % 20_011) as f64)]);
    }
    let budget = model::Budget::new("queries", 256 << 10);
    let ctx = Ctx { budget, ..Ctx::unbounded() };
    let engine = Engine::new(EngineOptions { threads: 1, ..EngineOptions::default() });
    assert!(engine.instant(&ctx, &store, "topk(10, m_total)", 0).is_ok());
    let whole = engine.instant(&ctx, &store, "topk(10, m_total or nothing)", 0);
    assert!(whole.is_err(), "whole rows take more");
}
