use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{
    Budget, Ctx, Error, ErrorKind, Labels, Listing, ManualClock, Matcher, MetricReader, Result, SelectHints,
    Selection, TimeRange,
};
use parking_lot::{Condvar, Mutex, RwLock};
use proptest::prelude::*;
use query::promql::Engine;
use testkit::MemoryMetrics;

use super::*;
use crate::rules::file::{ParseSettings, parse};
use crate::rules::group::Shared;
use crate::rules::{Group, Metrics, Surroundings};
use crate::sink::{AlertSink, OutgoingAlert};

const MINUTE: i64 = 60_000;
/// Long enough for any machine; nothing waits this long unless it is wrong.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Received(Mutex<Vec<OutgoingAlert>>);

impl AlertSink for Received {
    fn send(&self, alerts: Vec<OutgoingAlert>) {
        self.0.lock().extend(alerts);
    }
}

fn surroundings(
    reader: Arc<dyn MetricReader>,
    store: &Arc<MemoryMetrics>,
    received: &Arc<Received>,
    beside: Option<Beside>,
) -> Surroundings {
    Surroundings {
        engine: Arc::new(Engine::default()),
        reader,
        logs: None,
        writer: store.clone(),
        sink: received.clone(),
        clock: Arc::new(ManualClock::at_ms(0)),
        budget: Budget::unlimited(),
        timeout: LIMIT,
        resend_delay_ms: MINUTE,
        outage_tolerance_ms: 60 * MINUTE,
        grace_period_ms: 10 * MINUTE,
        beside,
        metrics: Metrics::default(),
        shared: RwLock::new(Shared::default()),
    }
}

fn group(rules: &[String]) -> Group {
    let yaml = format!("groups:\n- name: g\n  rules:\n  - {}\n", rules.join("\n  - "));
    let definition = parse(&yaml, &ParseSettings::default()).unwrap().remove(0);
    let group = Group::new("f.yml", definition, MINUTE, true);
    group.rules().iter().for_each(|rule| rule.set_restored());
    group
}

/// Times and bits of samples, by series.
type Stored = BTreeMap<String, Vec<(i64, u64)>>;

/// What three evaluations leave behind: series, states of the rules, alerts sent.
fn outcome(rules: &[String], beside: Option<Beside>) -> (Stored, String, Vec<String>) {
    let (store, received) = (Arc::new(MemoryMetrics::new()), Arc::new(Received::default()));
    for (instance, last) in [("1", 3.0), ("2", model::stale_nan())] {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", instance)]);
        store.insert(&labels, [(0, 1.0), (MINUTE, 2.0), (2 * MINUTE, last)]);
    }
    let around = surroundings(store.clone(), &store, &received, beside);
    let group = group(rules);
    let mut status = String::new();
    for at in 0..3 {
        group.evaluate(&around, at * MINUTE);
        status.push_str(&format!("{:?}\n", group.status()));
    }
    let bits = |samples: Vec<(i64, f64)>| samples.into_iter().map(|(t, v)| (t, v.to_bits())).collect();
    let series =
        store.dump().into_iter().map(|(labels, samples)| (labels.to_string(), bits(samples))).collect();
    let mut sent: Vec<String> = received.0.lock().iter().map(|alert| format!("{alert:?}")).collect();
    sent.sort();
    (series, status, sent)
}

/// A rule that reads and writes a few names, so that rules often depend on each other.
fn rule() -> impl Strategy<Value = String> {
    let read = prop::sample::select(vec!["m", "a", "b", "c", "d"]);
    let expr =
        (read.clone(), read, 1..4).prop_map(|(one, two, n)| format!("'sum by (i) ({one}) * {n} or {two}'"));
    let recorded = (prop::sample::select(vec!["a", "b", "c", "d"]), expr.clone());
    prop_oneof![
        4 => recorded.prop_map(|(name, expr)| format!("{{record: {name}, expr: {expr}}}")),
        2 => (prop::sample::select(vec!["A", "B"]), expr)
            .prop_map(|(name, expr)| format!("{{alert: {name}, expr: {expr}, labels: {{v: '{{{{ $value }}}}'}}}}")),
        1 => Just("{record: alerts, expr: 'count(ALERTS)'}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn side_by_side_gives_what_one_after_the_other_gives(rules in prop::collection::vec(rule(), 1..9)) {
        prop_assert_eq!(outcome(&rules, Some(Beside::new(3))), outcome(&rules, None));
    }
}

/// Lets nobody read before `needed` read at one time.
struct Meeting {
    store: Arc<MemoryMetrics>,
    needed: usize,
    /// How many are inside, and the most there were.
    inside: Mutex<(usize, usize)>,
    came: Condvar,
}

impl Meeting {
    fn wait(&self) -> Result<()> {
        let mut inside = self.inside.lock();
        inside.0 += 1;
        inside.1 = inside.1.max(inside.0);
        self.came.notify_all();
        let alone = self.came.wait_while_for(&mut inside, |now| now.1 < self.needed, LIMIT).timed_out();
        inside.0 -= 1;
        if alone { Err(Error::new(ErrorKind::Internal, "nobody else came")) } else { Ok(()) }
    }
}

impl MetricReader for Meeting {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection> {
        self.wait()?;
        self.store.select(ctx, matchers, range, hints)
    }

    fn label_names(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        self.store.label_names(ctx, matchers, range, limit)
    }

    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        self.store.label_values(ctx, name, matchers, range, limit)
    }
}

/// Evaluates rules with a reader at which `needed` must meet: the most that were inside.
fn most_inside(rules: &[&str], needed: usize, beside: Option<Beside>) -> usize {
    let (store, received) = (Arc::new(MemoryMetrics::new()), Arc::new(Received::default()));
    store.insert(&Labels::from_pairs([("__name__", "m")]), [(0, 1.0)]);
    let inside = Mutex::default();
    let meeting = Arc::new(Meeting { store: store.clone(), needed, inside, came: Condvar::new() });
    let around = surroundings(meeting.clone(), &store, &received, beside);
    let group = group(&rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>());
    group.evaluate(&around, 0);
    for rule in group.rules() {
        assert_eq!(rule.last_error(), "", "{}", rule.name());
    }
    meeting.inside.lock().1
}

const INDEPENDENT: [&str; 4] =
    ["{record: a, expr: m}", "{alert: A, expr: m}", "{record: b, expr: m}", "{record: c, expr: m}"];

#[test]
fn independent_rules_overlap_within_the_limit() {
    assert_eq!(most_inside(&INDEPENDENT, 2, Some(Beside::new(1))), 2);
    assert_eq!(most_inside(&INDEPENDENT, 4, Some(Beside::new(10))), 4);
}

#[test]
fn rules_that_depend_on_each_other_and_all_rules_without_the_feature_do_not_overlap() {
    let chain = ["{record: a, expr: m}", "{record: b, expr: a}", "{alert: A, expr: b}"];
    assert_eq!(most_inside(&chain, 1, Some(Beside::new(4))), 1);
    assert_eq!(most_inside(&INDEPENDENT, 1, None), 1);
    assert_eq!(most_inside(&INDEPENDENT, 1, Some(Beside::new(0))), 1);
}

#[test]
fn results_keep_the_order_and_places_come_back() {
    let beside = Beside::new(2);
    for _ in 0..3 {
        let items: Vec<usize> = (0..50).rev().collect();
        assert_eq!(
            beside.each(&items, |item| item * 2),
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert_eq!(beside.0.available_permits(), 2);
    }
}
