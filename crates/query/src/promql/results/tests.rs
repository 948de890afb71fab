use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{
    Ctx, Labels, Listing, Matcher, Partition, SelectHints, Selected, Selection, SeriesData, TimeRange,
    Version,
};
use proptest::prelude::*;

use super::*;
use crate::promql::Engine;

/// Series in a map, with the number of the last change of each time.
#[derive(Default)]
struct Plain {
    series: Mutex<BTreeMap<String, BTreeMap<i64, f64>>>,
    changes: Mutex<BTreeMap<i64, u64>>,
    now: AtomicU64,
    layout: AtomicU64,
    asked: AtomicU64,
}

impl Plain {
    fn add(&self, series: usize, t: i64, v: f64) {
        let labels = Labels::from_pairs([("__name__", "m_total"), ("i", &series.to_string())]);
        let mut all = self.series.lock().unwrap();
        all.entry(labels.canonical().to_owned()).or_default().insert(t, v);
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.changes.lock().unwrap().insert(t, now);
    }
}

struct One(std::vec::IntoIter<SeriesData>);

impl Partition for One {
    fn next(&mut self, out: &mut SeriesData) -> model::Result<bool> {
        Ok(self.0.next().map(|data| *out = data).is_some())
    }
}

impl MetricReader for Plain {
    fn select(&self, _: &Ctx, _: &[Matcher], range: TimeRange, _: &SelectHints) -> model::Result<Selection> {
        self.asked.fetch_add(range.end.saturating_sub(range.start).unsigned_abs(), Ordering::Relaxed);
        let all = self.series.lock().unwrap();
        let found = all.iter().filter_map(|(labels, samples)| {
            let mut data = SeriesData { labels: Labels::from_canonical(labels)?, ..SeriesData::default() };
            samples.range(range.start..=range.end).for_each(|(t, v)| data.push_float(0, *t, *v));
            (!data.is_empty()).then_some(data)
        });
        let found: Vec<_> = found.collect();
        let data = Selected::Series(vec![Box::new(One(found.into_iter()))]);
        Ok(Selection::complete(data))
    }

    fn label_names(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> model::Result<Listing> {
        Ok(Listing::default())
    }

    fn label_values(
        &self,
        _: &Ctx,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> model::Result<Listing> {
        Ok(Listing::default())
    }

    fn version(&self, range: TimeRange) -> Option<Version> {
        let changes = self.changes.lock().unwrap();
        let changed = changes.range(range.start..=range.end).map(|(_, n)| *n).max().unwrap_or(0);
        let layout = self.layout.load(Ordering::Relaxed);
        Some(Version { layout, changed, now: self.now.load(Ordering::Relaxed) })
    }
}

const QUERIES: &[&str] = &[
    "m_total",
    "sum(rate(m_total[30s]))",
    "max by (i) (m_total offset 20s) - m_total",
    "max_over_time(sum(m_total)[40s:7s])",
    "topk(1, m_total)",
    "absent(m_total{i=\"1\"} > 3)",
    "m_total and on (i) (m_total > 2) or vector(1)",
];

fn options() -> EngineOptions {
    EngineOptions { lookback_ms: 15_000, ..EngineOptions::default() }
}

fn bits(output: &QueryOutput) -> String {
    let Value::Matrix(series) = &output.value else { panic!("a range query") };
    let points = |s: &Series| s.points.iter().map(|(t, v)| (*t, v.to_bits())).collect::<Vec<_>>();
    series.iter().map(|s| format!("{} {:?}\n", s.labels, points(s))).collect()
}

proptest! {
    #[test]
    fn what_is_kept_is_what_would_be_computed(
        first in prop::collection::vec((0usize..3, 0i64..200, 0u8..6), 0..60),
        rounds in prop::collection::vec(
            (prop::collection::vec((0usize..3, 0i64..260, 0u8..6), 0..4), 0i64..20, 2i64..20, any::<bool>()), 1..6),
        step in prop_oneof![Just(5_000i64), Just(9_000)],
    ) {
        let store = Plain::default();
        let add = |samples: &[(usize, i64, u8)]| {
            samples.iter().for_each(|(i, t, v)| store.add(*i, t * 1_000, f64::from(*v)));
        };
        add(&first);
        let engine = Engine::new(options()).with_results(Arc::new(Results::new(1 << 20, Budget::unlimited())));
        for (samples, from, len, moved) in rounds {
            add(&samples);
            store.layout.fetch_add(u64::from(moved && len == 7), Ordering::Relaxed);
            for query in QUERIES {
                let (start, end) = (from * step, (from + len) * step);
                let ask = |engine: &Engine| engine.range(&Ctx::unbounded(), &store, query, start, end, step);
                let (kept, computed) = (ask(&engine), ask(&Engine::new(options())));
                match (kept, computed) {
                    (Ok(kept), Ok(computed)) => prop_assert_eq!(bits(&kept), bits(&computed), "{}", query),
                    (kept, computed) => prop_assert_eq!(kept.is_err(), computed.is_err()),
                }
            }
        }
    }
}

#[test]
fn only_what_is_new_is_read() {
    let store = Plain::default();
    (0..200).for_each(|i| store.add(0, i * 1_000, i as f64));
    let results = Arc::new(Results::new(1 << 20, Budget::unlimited()));
    let engine = Engine::new(options()).with_results(Arc::clone(&results));
    let ask = |start: i64, end: i64| {
        let before = store.asked.load(Ordering::Relaxed);
        engine.range(&Ctx::unbounded(), &store, "sum(rate(m_total[30s]))", start, end, 5_000).unwrap();
        store.asked.load(Ordering::Relaxed) - before
    };
    assert!(ask(50_000, 150_000) > 100_000);
    assert_eq!(ask(50_000, 150_000), 0, "all of it is known");
    assert_eq!(ask(60_000, 140_000), 0, "a part of it, too");
    let query = "sum(rate(m_total[30s]))";
    let expr = engine.parse(query).unwrap();
    assert!(engine.kept(&store, query, &expr, (60_000, 140_000, 5_000)).is_some());
    assert!(engine.kept(&store, query, &expr, (60_000, 155_000, 5_000)).is_none(), "not as a whole");
    let moved = ask(70_000, 170_000);
    assert!(moved > 0 && moved < 60_000, "what is new and a window before it, not {moved} ms");
    store.add(0, 120_500, 7.0);
    let changed = ask(70_000, 170_000);
    assert!(changed > 45_000 && changed < 90_000, "from the change on, not {changed} ms");
    assert!(ask(70_001, 170_001) > 100_000, "other steps");
    store.layout.fetch_add(1, Ordering::Relaxed);
    assert!(ask(70_000, 170_000) > 100_000, "anything may have changed");
}

#[test]
fn what_was_said_about_a_result_is_said_again() {
    let store = Plain::default();
    let gauge = Labels::from_pairs([("__name__", "gauge")]).canonical().to_owned();
    let samples = (0..200).map(|i| (i * 1_000, i as f64)).collect();
    store.series.lock().unwrap().insert(gauge, samples);
    let engine = Engine::new(options()).with_results(Arc::new(Results::new(1 << 20, Budget::unlimited())));
    let ask = |start: i64, end: i64| {
        let before = store.asked.load(Ordering::Relaxed);
        let output = engine.range(&Ctx::unbounded(), &store, "sum(rate(gauge[30s]))", start, end, 5_000);
        (output.unwrap().infos, store.asked.load(Ordering::Relaxed) > before)
    };
    let (infos, computed) = ask(50_000, 150_000);
    assert!(infos.len() == 1 && computed, "{infos:?}");
    assert_eq!(ask(50_000, 150_000), (infos.clone(), false));
    assert_eq!(ask(60_000, 140_000), (infos.clone(), true), "it may be about another step");
    assert_eq!(ask(60_000, 145_000), (infos, true));
}

#[test]
fn it_stays_within_its_bytes() {
    let store = Plain::default();
    (0..100).for_each(|i| store.add(0, i * 1_000, i as f64));
    let budget = Budget::new("results", 1 << 20);
    let results = Arc::new(Results::new(20_000, budget.clone()));
    let engine = Engine::new(options()).with_results(results);
    for n in 0..100 {
        let query = format!("m_total + {n}");
        engine.range(&Ctx::unbounded(), &store, &query, 0, 100_000, 5_000).unwrap();
        assert!(budget.used() <= 20_000);
    }
    assert!(budget.used() > 10_000);
    drop(engine);
    assert_eq!(budget.used(), 0);
}

#[test]
fn what_depends_on_more_than_the_past_is_not_kept() {
    let reach_of = |query: &str| reach(&crate::promql::parse(query).unwrap(), &options());
    assert_eq!(reach_of("rate(a[1m] offset 10s) + b"), Some(70_000));
    assert_eq!(reach_of("max_over_time(rate(a[1m])[10m:30s])"), Some(60_000 + 600_000 + 30_000));
    for query in
        ["a @ 5", "a offset -1m", "rate(a[1m] @ end())", "a @ start()", "max_over_time(a[5m:1m] @ 7)"]
    {
        assert_eq!(reach_of(query), None, "{query}");
    }
}
