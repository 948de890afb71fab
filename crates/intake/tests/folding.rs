//! Folded series against the same scrapes stored whole: PromQL must see the same.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use intake::cardinality::{Cardinality, Config, Keep, Surroundings, Target, Why};
use intake::{Config as Limits, Intake};
use model::labels::METRIC_NAME;
use model::metrics::{Family, SeriesCensus};
use model::{
    Budget, CancelFlag, Ctx, Labels, ManualClock, Matcher, MetricBatch, MetricWriter, Result, SeriesRef,
    Tenant, stale_nan,
};
use parking_lot::Mutex;
use proptest::prelude::*;
use query::promql::{Engine, EngineOptions, SampleValue, Value, features};
use testkit::memory::{MemoryEvents, MemoryMetrics};

#[path = "folding/narrow.rs"]
mod narrow;

const START: i64 = 1_700_000_000_000;
const INTERVAL: i64 = 15_000;

/// What a store would say of its series.
struct Census(Arc<MemoryMetrics>);

impl Census {
    fn all(&self) -> Vec<Labels> {
        self.0.dump().into_iter().map(|(labels, _)| labels).collect()
    }

    fn matching(&self, matchers: &[Matcher]) -> Vec<Labels> {
        let fits = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
        self.all().into_iter().filter(fits).collect()
    }
}

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<(K, u64)> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts.into_iter().collect()
}

impl SeriesCensus for Census {
    fn known(&self, labels: &[Labels]) -> Vec<bool> {
        let all: BTreeSet<Labels> = self.all().into_iter().collect();
        labels.iter().map(|set| all.contains(set)).collect()
    }

    fn total(&self) -> u64 {
        self.0.len() as u64
    }

    fn by_metric(&self) -> Vec<(String, u64)> {
        counted(self.all().iter().map(|l| l.metric_name().to_owned()))
    }

    fn by_target(&self) -> Vec<((String, String), u64)> {
        let of = |l: &Labels, name: &str| l.get_or_empty(name).to_owned();
        counted(self.all().iter().map(|l| (of(l, "job"), of(l, "instance"))))
    }

    fn shape(&self, matchers: &[Matcher]) -> Result<Vec<(String, u64)>> {
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for labels in self.matching(matchers) {
            for (name, value) in &labels {
                values.entry(name.to_owned()).or_default().insert(value.to_owned());
            }
        }
        Ok(values.into_iter().map(|(name, values)| (name, values.len() as u64)).collect())
    }

    fn metrics_of(&self, matchers: &[Matcher]) -> Result<Vec<(String, u64)>> {
        Ok(counted(self.matching(matchers).iter().map(|l| l.metric_name().to_owned())))
    }
}

#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, String>>);

impl Keep for Kept {
    fn entries(&self) -> Vec<(String, String)> {
        self.0.lock().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    fn put(&self, key: &str, text: &str) -> Result<()> {
        self.0.lock().insert(key.to_owned(), text.to_owned());
        Ok(())
    }

    fn remove(&self, key: &str) -> Result<()> {
        self.0.lock().remove(key);
        Ok(())
    }
}

/// A door with budgets before a store in memory.
struct Door {
    store: Arc<MemoryMetrics>,
    intake: Intake,
    budgets: Arc<Cardinality>,
    clock: Arc<ManualClock>,
    kept: Arc<Kept>,
    memory: Arc<Mutex<f64>>,
    /// References, as a caller keeps them.
    refs: BTreeMap<Labels, SeriesRef>,
}

impl Door {
    fn new(config: Config) -> Self {
        Self::on(Arc::default(), Arc::default(), config)
    }

    fn on(store: Arc<MemoryMetrics>, kept: Arc<Kept>, config: Config) -> Self {
        let clock = Arc::new(ManualClock::at_ms(START));
        let memory = Arc::new(Mutex::new(10.0));
        let percent = memory.clone();
        let budgets = Arc::new(Cardinality::new(
            Surroundings {
                census: Arc::new(Census(store.clone())),
                keep: Some(kept.clone()),
                clock: clock.clone(),
                memory_percent: Box::new(move || *percent.lock()),
            },
            config,
        ));
        let intake = Intake::new(store.clone(), Arc::new(MemoryEvents::new()), Limits::default())
            .with_cardinality(budgets.clone());
        let family = |name: &str, kind: &str| Family {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ..Family::default()
        };
        let families = [family("m_total", "counter"), family("g", "gauge"), family("h", "histogram")];
        intake.metadata(&Tenant::default(), &families).unwrap();
        Self { store, intake, budgets, clock, kept, memory, refs: BTreeMap::new() }
    }

    /// Stores one scrape as a scraper does: resolves what is new, appends once, resolves again what is unknown. Says
    /// how many samples were stored.
    fn scrape(&mut self, t: i64, samples: &[(Labels, f64)]) -> usize {
        let tenant = Tenant::default();
        let new: Vec<Labels> =
            samples.iter().map(|(l, _)| l).filter(|l| !self.refs.contains_key(*l)).cloned().collect();
        let mut found = Vec::new();
        self.intake.resolve(&tenant, &new, &mut found).unwrap();
        let found = new.into_iter().zip(found).filter_map(|(labels, series)| Some((labels, series?)));
        self.refs.extend(found);
        let there: Vec<(SeriesRef, &Labels, f64)> =
            samples.iter().filter_map(|(l, v)| Some((*self.refs.get(l)?, l, *v))).collect();
        let refs: Vec<SeriesRef> = there.iter().map(|(series, ..)| *series).collect();
        let v: Vec<f64> = there.iter().map(|(.., v)| *v).collect();
        let times = vec![t; v.len()];
        let batch = MetricBatch { refs: &refs, t: &times, v: &v, ..MetricBatch::default() };
        let appended = self.intake.append(&tenant, batch).unwrap();
        let unknown = appended.rejected.iter().filter(|r| r.reason == model::RejectReason::UnknownSeries);
        let unknown: Vec<Labels> = unknown.map(|r| there[r.index].1.clone()).collect();
        if unknown.is_empty() {
            return appended.accepted;
        }
        for labels in &unknown {
            self.refs.remove(labels);
        }
        let again: Vec<(Labels, f64)> =
            samples.iter().filter(|(labels, _)| unknown.contains(labels)).cloned().collect();
        appended.accepted + self.scrape(t, &again)
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn member(metric: &str, job: &str, user: usize) -> Labels {
    let user = format!("u{user}");
    labels(&[(METRIC_NAME, metric), ("job", job), ("instance", "a:1"), ("user", &user)])
}

fn value(store: &MemoryMetrics, query: &str, t: i64) -> f64 {
    let mut options = EngineOptions::default();
    let _ = features::enable(&mut options, "promql-extended-range-selectors");
    let ctx = Ctx {
        tenant: Tenant::default(),
        deadline: None,
        cancel: CancelFlag::default(),
        budget: Budget::unlimited(),
    };
    let output = Engine::new(options).instant(&ctx, store, query, t).unwrap();
    let Value::Vector(samples) = output.value else { panic!("{query}: no vector") };
    match samples.as_slice() {
        [] => 0.0,
        [one] => match one.value {
            SampleValue::Float(v) => v,
            SampleValue::Histogram(_) => panic!("{query}: a histogram"),
        },
        more => panic!("{query}: {} series", more.len()),
    }
}

fn close(folded: f64, whole: f64, tolerance: f64) -> bool {
    (folded - whole).abs() <= tolerance * whole.abs().max(1.0)
}

/// What happens to a member at a scrape.
#[derive(Debug, Clone, Copy)]
enum Step {
    Rise(f64),
    Reset(f64),
    Gone,
}

fn step(churn: bool) -> impl Strategy<Value = Step> {
    let rise = prop_oneof![Just(0.0), 0.0..1e3, (0u32..1_000_000).prop_map(f64::from)].prop_map(Step::Rise);
    let reset = (0.0..50.0).prop_map(Step::Reset);
    if churn {
        prop_oneof![8 => rise, 1 => reset, 2 => Just(Step::Gone)].boxed()
    } else {
        prop_oneof![8 => rise, 1 => reset].boxed()
    }
}

/// Members by scrapes.
fn scrapes(churn: bool) -> impl Strategy<Value = Vec<Vec<Step>>> {
    prop::collection::vec(prop::collection::vec(step(churn), 24), 2..12)
}

/// Runs the scrapes through a door that folds all but one series, and past it.
fn both(steps: &[Vec<Step>]) -> (Door, Arc<MemoryMetrics>) {
    both_in_parts(steps, usize::MAX)
}

/// The same, with `part` samples of a scrape in a request.
fn both_in_parts(steps: &[Vec<Step>], part: usize) -> (Door, Arc<MemoryMetrics>) {
    let mut door = Door::new(Config { series_per_metric: 1, ..Config::default() });
    let mut whole = Door::new(Config::default());
    let mut values: Vec<f64> = (0..steps.len()).map(|m| 1e4 * (m + 1) as f64).collect();
    let mut there = vec![false; steps.len()];
    for at in 0..steps[0].len() {
        let mut body = Vec::new();
        for (m, steps) in steps.iter().enumerate() {
            match steps[at] {
                Step::Rise(by) => values[m] += by,
                Step::Reset(to) => values[m] = to.min(values[m]),
                Step::Gone if std::mem::replace(&mut there[m], false) => {
                    body.push((member("m_total", "x", m), stale_nan()));
                    continue;
                }
                Step::Gone => continue,
            }
            there[m] = true;
            body.push((member("m_total", "x", m), values[m]));
        }
        let t = START + at as i64 * INTERVAL;
        door.clock.set_ms(t);
        for part in body.chunks(part.min(body.len()).max(1)) {
            assert_eq!(door.scrape(t, part), whole.scrape(t, part), "all samples count as stored");
        }
    }
    (door, whole.store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Increases between samples are the same whatever members do: start over, leave, come, come back.
    #[test]
    fn increases_are_exact_with_resets_and_churn(steps in scrapes(true)) {
        let (door, whole) = both(&steps);
        prop_assert!(door.store.len() <= 2, "one series and one that stands for all others");
        for at in 4..24 {
            let t = START + at * INTERVAL;
            for query in [
                "sum(increase(m_total[30s] anchored))",
                "sum(rate(m_total[2m] anchored))",
                "sum by (job) (increase(m_total[4m] anchored))",
            ] {
                let (f, w) = (value(&door.store, query, t), value(&whole, query, t));
                prop_assert!(close(f, w, 1e-9), "{query} at {at}: folded {f}, whole {w}");
            }
        }
    }

    /// Plain `rate` extrapolates each series to the edges of the window. With the same members all the time that is
    /// the same factor for all; the window ends one millisecond before its first sample, so that the special treatment
    /// of counters near zero comes to nothing.
    #[test]
    fn rates_are_exact_with_resets(steps in scrapes(false)) {
        let (door, whole) = both(&steps);
        for at in 8..24 {
            let t = START + at * INTERVAL;
            for query in ["sum(rate(m_total[105001ms]))", "sum without (user) (rate(m_total[60001ms]))"] {
                let (f, w) = (value(&door.store, query, t), value(&whole, query, t));
                prop_assert!(close(f, w, 1e-4), "{query} at {at}: folded {f}, whole {w}");
            }
        }
    }

    /// Senders split a scrape; what is acknowledged is seen at once, and the increases stay what they are.
    #[test]
    fn a_scrape_in_several_requests_is_exact(steps in scrapes(true), part in 1usize..5) {
        let (door, whole) = both_in_parts(&steps, part);
        for at in 4..24 {
            let t = START + at * INTERVAL;
            for query in ["sum(increase(m_total[30s] anchored))", "sum(rate(m_total[2m] anchored))"] {
                let (f, w) = (value(&door.store, query, t), value(&whole, query, t));
                prop_assert!(close(f, w, 1e-9), "{query} at {at}: folded {f}, whole {w}");
            }
        }
    }

    /// Read after any request, the sum has all that was acknowledged.
    #[test]
    fn a_sum_has_what_was_acknowledged(
        rises in prop::collection::vec(0.0..1e6f64, 2..40), part in 1usize..7, late in any::<bool>(),
    ) {
        let mut door = Door::new(Config { series_per_metric: 1, ..Config::default() });
        let mut total = 0.0;
        for scrape in 0..5 {
            let t = START + scrape * INTERVAL;
            let body: Vec<(Labels, f64)> =
                rises.iter().enumerate().map(|(m, by)| (member("m_total", "x", m), by * (scrape + 1) as f64)).collect();
            for (number, part) in body.chunks(part).enumerate() {
                // A sender that is behind.
                let t = if late && scrape > 0 && number % 2 == 1 { t - INTERVAL / 2 } else { t };
                prop_assert_eq!(door.scrape(t, part), part.len());
                total += part.iter().map(|(_, v)| v / (scrape + 1) as f64).sum::<f64>();
                let sum = value(&door.store, "sum(m_total)", START + scrape * INTERVAL);
                prop_assert!(close(sum, total, 1e-9), "scrape {}, request {}: {} of {}", scrape, number, sum, total);
            }
        }
    }

    /// As long as nobody starts over, leaves or joins, the values themselves add up.
    #[test]
    fn sums_are_exact_while_members_only_count(rises in prop::collection::vec(
        prop::collection::vec(0.0..1e6f64, 24), 2..12)
    ) {
        let steps: Vec<Vec<Step>> =
            rises.iter().map(|member| member.iter().map(|by| Step::Rise(*by)).collect()).collect();
        let (door, whole) = both(&steps);
        for at in 0..24 {
            let t = START + at * INTERVAL;
            for query in ["sum(m_total)", "sum by (job, instance) (m_total)"] {
                let (f, w) = (value(&door.store, query, t), value(&whole, query, t));
                prop_assert!(close(f, w, 1e-12), "{query} at {at}: folded {f}, whole {w}");
            }
        }
    }
}

#[test]
fn the_label_that_explodes_folds_and_what_was_there_stays() {
    let mut door = Door::new(Config { series_per_metric: 4, ..Config::default() });
    let path = |path: &str, user: &str| {
        labels(&[(METRIC_NAME, "m_total"), ("job", "x"), ("instance", "a:1"), ("path", path), ("user", user)])
    };
    let calm: Vec<(Labels, f64)> = ["/a", "/b", "/c", "/d"].map(|p| (path(p, "none"), 1.0)).to_vec();
    assert_eq!(door.scrape(START, &calm), 4);
    let mut bomb = calm.clone();
    bomb.extend(
        (0..500).map(|u| (path(if u % 2 == 0 { "/a" } else { "/b" }, &format!("u{u}")), f64::from(u))),
    );
    assert_eq!(door.scrape(START + INTERVAL, &bomb), 504);
    let stored: Vec<String> = door.store.dump().iter().map(|(l, _)| l.to_string()).collect();
    assert_eq!(stored.len(), 6, "{stored:?}");
    assert!(
        stored
            .iter()
            .any(|l| l.contains(r#"path="/a", user="__folded__""#)
                || l.contains(r#"path="/a",user="__folded__""#)),
        "{stored:?}"
    );
    let sum: f64 = bomb.iter().map(|(_, v)| v).sum();
    assert_eq!(value(&door.store, "sum(m_total)", START + INTERVAL), sum);
    let report = door.budgets.report(10);
    let fold = &report.folds[0];
    assert_eq!((fold.metric.as_str(), fold.labels.as_slice()), ("m_total", ["user".to_owned()].as_slice()));
    assert_eq!((fold.why, fold.budget, fold.members, fold.growth_1h), (Why::Metric, 4, 500, 500));
    assert_eq!((fold.sources[0].job.as_str(), fold.sources[0].series), ("x", 500));
    assert!(fold.refused.is_empty());
}

#[test]
fn what_does_not_add_up_is_refused_counted_and_named() {
    let mut door = Door::new(Config { series_per_metric: 2, ..Config::default() });
    for (metric, reason) in [("g", "not_additive"), ("nobody_said", "unknown_type")] {
        let body: Vec<(Labels, f64)> = (0..10).map(|u| (member(metric, "x", u), 1.0)).collect();
        assert_eq!(door.scrape(START, &body), 2);
        let report = door.budgets.report(10);
        let fold = report.folds.iter().find(|fold| fold.metric == metric).unwrap();
        assert_eq!(fold.refused.get(reason), Some(&8), "{fold:?}");
        assert_eq!(fold.labels, ["user"]);
    }
    // Only labels that never fold.
    let bare = |n: usize| labels(&[(METRIC_NAME, "m_total"), ("job", "x"), ("instance", &format!("i{n}"))]);
    let body: Vec<(Labels, f64)> = (0..10).map(|n| (bare(n), 1.0)).collect();
    assert_eq!(door.scrape(START, &body), 2);
    let report = door.budgets.report(10);
    let fold = report.folds.iter().find(|fold| fold.metric == "m_total").unwrap();
    assert_eq!((fold.labels.len(), fold.refused.get("no_label_may_fold")), (0, Some(&8)));
    let mut registry = prometheus_client::registry::Registry::default();
    door.budgets.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("bonghwa_cardinality_refused_total{reason=\"not_additive\"} 8"), "{text}");
}

#[test]
fn buckets_fold_bound_by_bound() {
    let mut door = Door::new(Config { series_per_metric: 2, ..Config::default() });
    let bucket = |le: &str, user: usize| {
        let user = format!("u{user}");
        labels(&[(METRIC_NAME, "h_bucket"), ("job", "x"), ("instance", "a"), ("le", le), ("user", &user)])
    };
    for scrape in 0..4 {
        let of = |user: usize| {
            let count = (user + 1) as f64 * f64::from(scrape);
            [(bucket("1", user), count), (bucket("+Inf", user), 2.0 * count)]
        };
        let body: Vec<(Labels, f64)> = (0..50).flat_map(of).collect();
        assert_eq!(door.scrape(START + i64::from(scrape) * INTERVAL, &body), 100);
    }
    assert_eq!(door.store.len(), 4, "two whole, and one a bound");
    let t = START + 3 * INTERVAL;
    let users: f64 = (1..=50).map(f64::from).sum();
    assert_eq!(value(&door.store, r#"sum(h_bucket{le="1"})"#, t), 3.0 * users);
    assert_eq!(value(&door.store, "histogram_quantile(0.5, sum by (le) (rate(h_bucket[1m])))", t), 1.0);
}

#[test]
fn a_target_over_its_budget_leaves_others_alone() {
    let jobs = BTreeMap::from([("bomb".to_owned(), 20)]);
    let mut door = Door::new(Config { jobs, ..Config::default() });
    let calm: Vec<(Labels, f64)> = (0..100).map(|u| (member("m_total", "calm", u), 1.0)).collect();
    let bomb: Vec<(Labels, f64)> = (0..100).map(|u| (member("m_total", "bomb", u), 1.0)).collect();
    assert_eq!(door.scrape(START + 60_000, &bomb), 100);
    assert_eq!(door.scrape(START + 60_000, &calm), 100);
    assert_eq!(door.store.len(), 100 + 20 + 1);
    let report = door.budgets.report(10);
    assert_eq!(report.folds.len(), 1);
    let target = Target { job: "bomb".to_owned(), instance: "a:1".to_owned() };
    assert_eq!((report.folds[0].target.as_ref(), report.folds[0].why), (Some(&target), Why::Target));
    assert_eq!(value(&door.store, r#"sum(m_total{job="bomb"})"#, START + 60_000), 100.0);
}

#[test]
fn alerts_about_a_target_over_its_budget_are_stored() {
    let mut door = Door::new(Config { series_per_target: 10, ..Config::default() });
    let body: Vec<(Labels, f64)> = (0..50).map(|u| (member("m_total", "x", u), 1.0)).collect();
    door.budgets.refresh();
    door.scrape(START, &body);
    for metric in ["ALERTS", "ALERTS_FOR_STATE"] {
        assert_eq!(door.scrape(START, &[(member(metric, "x", 1), 1.0)]), 1);
    }
    assert_eq!(door.budgets.report(10).folds.len(), 1);
    assert_eq!(door.scrape(START, &[(member("g", "x", 1), 1.0)]), 0, "the budget is exceeded");
}

#[test]
fn over_the_total_the_metric_to_blame_folds_and_others_have_a_tenth_more() {
    let mut door = Door::new(Config { series: 100, ..Config::default() });
    let bomb: Vec<(Labels, f64)> = (0..300).map(|u| (member("m_total", "x", u), 1.0)).collect();
    assert_eq!(door.scrape(START, &bomb), 300);
    assert_eq!(door.store.len(), 101);
    let other: Vec<(Labels, f64)> = (0..30).map(|u| (member("h_count", "x", u), 1.0)).collect();
    assert_eq!(door.scrape(START, &other), 30);
    assert_eq!(door.store.len(), 112, "10 of the others' own, and one that stands for 20");
    assert_eq!(value(&door.store, "sum(h_count)", START), 30.0);
}

#[test]
fn short_memory_folds_what_grows_fast() {
    let mut door = Door::new(Config::default());
    let users = |from: usize, to: usize| -> Vec<(Labels, f64)> {
        (from..to).map(|u| (member("m_total", "x", u), 1.0)).collect()
    };
    *door.memory.lock() = 85.0;
    door.budgets.refresh();
    assert_eq!(door.scrape(START, &users(0, 900)), 900);
    assert_eq!(door.store.len(), 900, "slow growth is nobody's fault");
    door.clock.set_ms(START + INTERVAL);
    assert_eq!(door.scrape(START + INTERVAL, &users(0, 3_000)), 3_000);
    assert!(door.store.len() < 2_000, "{}", door.store.len());
    assert_eq!(door.budgets.report(1).folds[0].why, Why::Memory);
    assert_eq!(value(&door.store, "sum(m_total)", START + INTERVAL), 3_000.0);
}

#[test]
fn members_over_the_cap_are_refused_and_named() {
    let mut door = Door::new(Config { series_per_metric: 1, folded_members: 10, ..Config::default() });
    let body: Vec<(Labels, f64)> = (0..50).map(|u| (member("m_total", "x", u), 1.0)).collect();
    assert_eq!(door.scrape(START, &body), 11);
    assert_eq!(door.budgets.report(1).folds[0].refused.get("member_limit"), Some(&39));
    assert_eq!(door.scrape(START + INTERVAL, &body), 11);
}

#[test]
fn a_fold_survives_a_restart_as_a_reset_to_zero_and_ends_when_told() {
    let config = Config { series_per_metric: 1, ..Config::default() };
    let mut door = Door::new(config.clone());
    let body = |scrape: i64| -> Vec<(Labels, f64)> {
        (0..10).map(|u| (member("m_total", "x", u), 1e6 + (scrape * 10) as f64)).collect()
    };
    for scrape in 0..4 {
        door.scrape(START + scrape * INTERVAL, &body(scrape));
    }
    let mut again = Door::on(door.store.clone(), door.kept.clone(), config);
    for scrape in 4..8 {
        assert_eq!(again.scrape(START + scrape * INTERVAL, &body(scrape)), 10);
    }
    assert_eq!(again.store.len(), 2, "the same label folds");
    // Seven steps of 10 by ten members; what the nine folded ones counted while nobody watched is missing, no more.
    let t = START + 7 * INTERVAL;
    assert_eq!(value(&again.store, "sum(increase(m_total[2m] anchored))", t), 700.0 - 90.0);

    assert!(again.budgets.release("m_total", None) && !again.budgets.release("m_total", None));
    assert!(again.kept.0.lock().is_empty());
    again.budgets.configure(Config::default());
    assert_eq!(again.scrape(START + 8 * INTERVAL, &body(8)), 10);
    assert_eq!(again.store.len(), 11, "each has a series of its own");
    assert_eq!(value(&again.store, "count(m_total)", START + 8 * INTERVAL), 10.0, "the folded one has ended");
    assert_eq!(value(&again.store, "sum(m_total)", START + 8 * INTERVAL), 10.0 * (1e6 + 80.0));
}

/// A store whose disk is full.
struct Full(Arc<MemoryMetrics>);

impl MetricWriter for Full {
    fn resolve(&self, tenant: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        self.0.resolve(tenant, labels, out)
    }

    fn append(&self, _: &Tenant, _: MetricBatch<'_>) -> Result<model::Appended> {
        Err(model::Error::unavailable("full"))
    }
}

#[test]
fn the_end_of_a_fold_is_marked_when_the_store_has_room_again() {
    let mut door = Door::new(Config { series_per_metric: 1, ..Config::default() });
    let body = |v: f64| -> Vec<(Labels, f64)> { (0..10).map(|u| (member("m_total", "x", u), v)).collect() };
    door.scrape(START, &body(5.0));
    assert!(door.budgets.release("m_total", None));
    door.budgets.configure(Config::default());
    let full =
        Intake::new(Arc::new(Full(door.store.clone())), Arc::new(MemoryEvents::new()), Limits::default())
            .with_cardinality(door.budgets.clone());
    let refs: Vec<SeriesRef> = door.refs.values().copied().collect();
    let (t, v) = (vec![START + INTERVAL; 10], vec![6.0; 10]);
    let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
    assert!(full.append(&Tenant::default(), batch).is_err());
    assert_eq!(door.scrape(START + INTERVAL, &body(6.0)), 10);
    assert_eq!(value(&door.store, "count(m_total)", START + INTERVAL), 10.0, "the folded one has ended");
}

#[test]
fn a_fold_ends_by_itself_when_the_budget_is_kept_for_long_enough() {
    let mut door = Door::new(Config { series_per_metric: 20, ..Config::default() });
    let body: Vec<(Labels, f64)> = (0..40).map(|u| (member("m_total", "x", u), 1.0)).collect();
    door.scrape(START, &body);
    assert_eq!(door.budgets.report(1).folds.len(), 1);
    // The members leave, and so do most series.
    let gone: Vec<(Labels, f64)> = body[10..].iter().map(|(l, _)| (l.clone(), stale_nan())).collect();
    door.scrape(START + INTERVAL, &gone);
    door.store.clear();
    for (minutes, folds) in [(1, 1), (50, 1), (62, 0)] {
        door.clock.set_ms(START + minutes * 60_000);
        door.budgets.refresh();
        assert_eq!(door.budgets.report(1).folds.len(), folds, "{minutes} min");
    }
}
