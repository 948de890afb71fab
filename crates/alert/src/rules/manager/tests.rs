use std::sync::Arc;

use model::rule::{AlertState, RuleHealth};
use model::{
    Appended, Budget, Clock, Error, Labels, ManualClock, MetricBatch, MetricReader, MetricWriter, SeriesRef,
    Tenant, is_stale_nan,
};
use parking_lot::{Mutex, RwLock};
use query::promql::Engine;
use testkit::MemoryMetrics;

use super::*;
use crate::rules::Metrics;
use crate::sink::{AlertSink, OutgoingAlert};

const MINUTE: i64 = 60_000;

#[derive(Default)]
struct Received(Mutex<Vec<OutgoingAlert>>);

impl AlertSink for Received {
    fn send(&self, alerts: Vec<OutgoingAlert>) {
        self.0.lock().extend(alerts);
    }
}

struct Lab {
    store: Arc<MemoryMetrics>,
    received: Arc<Received>,
    clock: Arc<ManualClock>,
    around: Arc<Surroundings>,
}

fn surroundings(
    store: &Arc<MemoryMetrics>,
    received: &Arc<Received>,
    clock: &Arc<ManualClock>,
) -> Surroundings {
    Surroundings {
        engine: Arc::new(Engine::default()),
        reader: store.clone(),
        logs: None,
        writer: store.clone(),
        sink: received.clone(),
        clock: clock.clone(),
        budget: Budget::unlimited(),
        timeout: Duration::from_secs(60),
        resend_delay_ms: MINUTE,
        outage_tolerance_ms: 60 * MINUTE,
        grace_period_ms: 10 * MINUTE,
        beside: None,
        metrics: Metrics::default(),
        shared: RwLock::new(Shared {
            external_url: Arc::from("http://here:9090"),
            external_labels: Labels::from_pairs([("cluster", "c")]),
            query_offset_ms: 0,
        }),
    }
}

impl Lab {
    fn new() -> Self {
        let (store, received) = (Arc::new(MemoryMetrics::new()), Arc::new(Received::default()));
        let clock = Arc::new(ManualClock::at_ms(0));
        let around = Arc::new(surroundings(&store, &received, &clock));
        Self { store, received, clock, around }
    }

    fn group(&self, yaml: &str) -> Group {
        let mut groups = file::parse(yaml, &ParseSettings::default()).unwrap();
        let group = Group::new("f.yml", groups.remove(0), MINUTE, true);
        group.rules().iter().for_each(|rule| rule.set_restored());
        group
    }

    fn put(&self, series: &str, samples: &[(i64, f64)]) {
        let labels = query::promql::series_desc::parse_series(series).unwrap();
        self.store.insert(&labels, samples.iter().copied());
    }

    /// Samples of a series, a stale marker as `None`.
    fn samples(&self, series: &str) -> Vec<(i64, Option<f64>)> {
        let labels = query::promql::series_desc::parse_series(series).unwrap();
        let all = self.store.dump().into_iter().find(|(l, _)| *l == labels);
        let samples = all.map(|(_, samples)| samples).unwrap_or_default();
        samples.into_iter().map(|(t, v)| (t, (!is_stale_nan(v)).then_some(v))).collect()
    }
}

fn group_of(rules: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n{rules}")
}

#[test]
fn recorded_series_see_those_before_them_and_end_with_a_marker() {
    let lab = Lab::new();
    let group = lab.group(&group_of(
        "  - {record: 'a:sum', expr: 'sum by (job) (m)', labels: {team: x}}\n  - {record: b, expr: 'a:sum * 2'}\n",
    ));
    lab.put("m{job=\"j\",i=\"1\"}", &[(0, 1.0), (MINUTE, 2.0)]);
    lab.put("m{job=\"j\",i=\"2\"}", &[(0, 10.0), (MINUTE, 20.0), (2 * MINUTE, model::stale_nan())]);
    lab.put("m{job=\"j\",i=\"1\"}", &[(2 * MINUTE, model::stale_nan())]);
    for at in 0..4 {
        group.evaluate(&lab.around, at * MINUTE);
    }
    let sums = [(0, Some(11.0)), (MINUTE, Some(22.0)), (2 * MINUTE, None)];
    assert_eq!(lab.samples("a:sum{job=\"j\",team=\"x\"}"), sums);
    let doubled = [(0, Some(22.0)), (MINUTE, Some(44.0)), (2 * MINUTE, None)];
    assert_eq!(lab.samples("b{job=\"j\",team=\"x\"}"), doubled);
}

#[test]
fn an_alert_waits_fires_is_told_and_resolved() {
    let lab = Lab::new();
    let group = lab.group(&group_of(
        "  - alert: Down\n    expr: up == 0\n    for: 2m\n    labels: {severity: '{{ $labels.job }}!', zone: z, instance: ''}\n    \
         annotations: {empty: '{{ $labels.none }}', text: '{{ $labels.job }} is {{ $value }} in {{ $externalLabels.cluster }}'}\n",
    ));
    let up: Vec<(i64, f64)> = (0..10).map(|n| (n * MINUTE, f64::from(u8::from(n >= 5)))).collect();
    lab.put("up{instance=\"i\",job=\"j\"}", &up);
    for n in 0..=5 {
        lab.clock.set_ms(n * MINUTE + 7);
        group.evaluate(&lab.around, n * MINUTE);
        let state = group.status().rules[0].alerting.as_ref().unwrap().state;
        let want = match n {
            0 | 1 => AlertState::Pending,
            2..=4 => AlertState::Firing,
            _ => AlertState::Inactive,
        };
        assert_eq!(state, want, "at {n}");
    }
    let series = |name: &str, state: &str| {
        format!("{name}{{alertname=\"Down\",job=\"j\",severity=\"j!\",zone=\"z\"{state}}}")
    };
    let pending = [(0, Some(1.0)), (MINUTE, Some(1.0)), (2 * MINUTE, None)];
    assert_eq!(lab.samples(&series("ALERTS", ",alertstate=\"pending\"")), pending);
    let firing =
        [(2 * MINUTE, Some(1.0)), (3 * MINUTE, Some(1.0)), (4 * MINUTE, Some(1.0)), (5 * MINUTE, None)];
    assert_eq!(lab.samples(&series("ALERTS", ",alertstate=\"firing\"")), firing);
    assert_eq!(lab.samples(&series("ALERTS_FOR_STATE", ""))[..2], [(0, Some(0.0)), (MINUTE, Some(0.0))]);
    let sent = lab.received.0.lock().clone();
    // Firing, not again within the delay, again after it, and that it is over.
    assert_eq!(sent.iter().map(|a| a.ends_at_ms).collect::<Vec<_>>(), [6 * MINUTE, 8 * MINUTE, 5 * MINUTE]);
    let first = &sent[0];
    assert_eq!(first.annotations["text"], "j is 0 in c");
    // An empty annotation stays, an empty label removes.
    assert_eq!(first.annotations["empty"], "");
    assert_eq!(first.labels.get("instance"), None);
    assert_eq!(first.starts_at_ms, 2 * MINUTE);
    assert_eq!(first.generator_url, "http://here:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
    assert_eq!(group.status().last_evaluation_ms, 5 * MINUTE + 7);
}

/// A store whose disk is full.
struct Full;

impl MetricWriter for Full {
    fn resolve(&self, _: &Tenant, _: &[Labels], _: &mut Vec<Option<SeriesRef>>) -> model::Result<()> {
        Err(Error::unavailable("the disk is full"))
    }

    fn append(&self, _: &Tenant, _: MetricBatch<'_>) -> model::Result<Appended> {
        Err(Error::unavailable("the disk is full"))
    }
}

#[test]
fn an_alert_is_told_though_nothing_can_be_stored() {
    let lab = Lab::new();
    lab.put("free", &[(0, 0.0)]);
    let around =
        Surroundings { writer: Arc::new(Full), ..surroundings(&lab.store, &lab.received, &lab.clock) };
    let group = lab.group(&group_of("  - {alert: DiskFull, expr: free == 0}\n"));
    group.evaluate(&around, 0);
    assert_eq!(lab.received.0.lock().len(), 1);
    let rule = group.status().rules.remove(0);
    assert_eq!((rule.health, rule.last_error.as_str()), (RuleHealth::Err, "the disk is full"));
}

#[test]
fn limits_twins_and_wrong_results_are_errors_of_the_rule() {
    let lab = Lab::new();
    lab.put("m{i=\"1\"}", &[(0, 1.0)]);
    lab.put("m{i=\"2\"}", &[(0, 2.0)]);
    let group = lab.group(
        "groups:\n- name: g\n  limit: 1\n  rules:\n  - {record: a, expr: m}\n  - {record: b, expr: m, labels: {i: same}}\n  \
         - {alert: A, expr: m}\n  - {alert: B, expr: m, labels: {i: same}}\n  - {record: c, expr: '\"text\"'}\n  \
         - {record: ok, expr: '1'}\n  - {record: d, expr: 'm + on () m'}\n",
    );
    group.evaluate(&lab.around, 0);
    let status = group.status();
    let errors: Vec<&str> = status.rules.iter().map(|r| r.last_error.as_str()).collect();
    assert_eq!(errors[0], "exceeded limit of 1 with 2 series");
    assert_eq!(errors[1], "vector contains metrics with the same labelset after applying rule labels");
    assert_eq!(errors[2], "exceeded limit of 1 with 2 alerts");
    assert_eq!(errors[3], "vector contains metrics with the same labelset after applying alert labels");
    assert_eq!(errors[4], "rule result is not a vector or scalar");
    assert_eq!((errors[5], status.rules[5].health), ("", RuleHealth::Ok));
    assert!(errors[6].contains("found duplicate series"), "{}", errors[6]);
    assert_eq!(status.rules[6].health, RuleHealth::Err);
    assert_eq!(lab.around.metrics.failures.get_or_create(&group.labels).get(), 6);
    assert_eq!(lab.samples("ok"), [(0, Some(1.0))]);
}

#[test]
fn a_result_for_a_time_that_is_taken_is_counted_and_an_error() {
    let lab = Lab::new();
    lab.put("a", &[(0, 5.0)]);
    let group = lab.group(&group_of("  - {record: a, expr: '1'}\n"));
    group.evaluate(&lab.around, 0);
    assert_eq!(group.status().rules[0].last_error, "duplicate sample for timestamp");
    let mut registry = prometheus_client::registry::Registry::default();
    lab.around.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "bonghwa_rule_samples_rejected_total{reason=\"duplicate\"} 1",
        "prometheus_rule_evaluation_failures_total{rule_group=\"f.yml;g\"} 1",
        "prometheus_rule_group_last_evaluation_samples{rule_group=\"f.yml;g\"}",
        "prometheus_rule_group_duration_seconds{quantile=\"0.99\"}",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn expressions_are_evaluated_in_the_past_where_an_offset_says_so() {
    let lab = Lab::new();
    lab.put("m", &[(0, 1.0), (2 * MINUTE, 2.0)]);
    let group = lab.group("groups:\n- {name: g, query_offset: 1m, rules: [{record: a, expr: m}]}\n");
    group.evaluate(&lab.around, 2 * MINUTE);
    assert_eq!(lab.samples("a"), [(MINUTE, Some(1.0))]);
    lab.around.shared.write().query_offset_ms = 2 * MINUTE;
    let global = lab.group("groups:\n- {name: g, rules: [{record: b, expr: m}]}\n");
    global.evaluate(&lab.around, 3 * MINUTE);
    assert_eq!(lab.samples("b"), [(MINUTE, Some(1.0))]);
}

#[test]
fn alerts_go_on_waiting_after_a_restart() {
    let yaml =
        group_of("  - {alert: Slow, expr: up == 0, for: 30m}\n  - {alert: Quick, expr: up == 0, for: 5m}\n");
    let up: Vec<(i64, f64)> = (0..200).map(|n| (n * MINUTE, 0.0)).collect();
    // Evaluated for some minutes, then away for 20 minutes, then evaluated twice and restored.
    let after = |ran: i64| {
        let lab = Lab::new();
        lab.put("up{job=\"j\"}", &up);
        let before = lab.group(&yaml);
        (0..=ran).for_each(|n| before.evaluate(&lab.around, n * MINUTE));
        let mut groups = file::parse(&yaml, &ParseSettings::default()).unwrap();
        let group = Group::new("f.yml", groups.remove(0), MINUTE, false);
        for n in [ran + 20, ran + 21] {
            group.evaluate(&lab.around, n * MINUTE);
        }
        assert!(
            lab.samples("ALERTS{alertname=\"Slow\",alertstate=\"pending\",job=\"j\"}").last().unwrap().0
                <= ran.max(29) * MINUTE
        );
        group.restore(&lab.around, (ran + 21) * MINUTE);
        assert!(group.is_restored());
        let at = |rule: usize| group.rules()[rule].active()[0].active_at_ms / MINUTE;
        (at(0) - ran, at(1) - ran)
    };
    // Ten of thirty minutes waited: the other twenty are still to come, whatever the outage.
    assert_eq!(after(10), (21 - 10, 20));
    // Twenty-five waited: five are left, but nobody fires within the grace period.
    assert_eq!(after(25), (21 + 10 - 30, 20));
    // It fired before: it fires at the next evaluation.
    assert_eq!(after(40), (-40, 20));
}

fn settings(folder: &std::path::Path, files: &[&str]) -> Settings {
    Settings {
        files: files.iter().map(|f| (*f).to_owned()).collect(),
        folder: folder.to_owned(),
        interval_ms: MINUTE,
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_the_state_of_what_is_still_there() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.yml",
        "groups:\n- {name: same, rules: [{alert: A, expr: 'm > 0', for: 5m}]}\n- {name: changed, rules: [{alert: A, expr: 'm > 0', for: 5m}, {record: gone, expr: m}]}\n",
    );
    lab.put("m", &[(0, 1.0)]);
    let around = surroundings(&lab.store, &lab.received, &lab.clock);
    let manager = Arc::new(Manager::new(around, 4, Handle::current()));
    let apply = |settings: Settings| {
        let (manager, prepared) = (manager.clone(), prepare(settings).unwrap());
        tokio::task::spawn_blocking(move || manager.apply(prepared))
    };
    apply(settings(folder.path(), &["*.yml"])).await.unwrap();
    let groups = |manager: &Manager| -> Vec<Arc<Group>> {
        manager.inner.lock().running.values().map(|r| r.group.clone()).collect()
    };
    let first = groups(&manager);
    assert_eq!(first.iter().map(|g| g.name()).collect::<Vec<_>>(), ["changed", "same"]);
    for group in &first {
        group.rules().iter().for_each(|r| r.set_restored());
        group.evaluate(&manager.around, 0);
    }
    write(
        "a.yml",
        "groups:\n- {name: same, rules: [{alert: A, expr: 'm > 0', for: 5m}]}\n- {name: changed, rules: [{alert: A, expr: 'm > 0', for: 9m}]}\n",
    );
    apply(settings(folder.path(), &["*.yml"])).await.unwrap();
    let second = groups(&manager);
    assert!(Arc::ptr_eq(&first[1], &second[1]), "unchanged");
    assert!(!Arc::ptr_eq(&first[0], &second[0]));
    assert_eq!(second[0].rules()[0].active().len(), 1, "the alert goes on waiting");
    second[0].evaluate(&manager.around, MINUTE);
    assert_eq!(lab.samples("gone"), [(0, Some(1.0)), (MINUTE, None)]);
    // A mistake changes nothing.
    write("b.yml", "groups:\n- {name: x, rules: [{record: a}]}\n");
    let error = prepare(settings(folder.path(), &["*.yml"])).err().unwrap().message;
    assert!(
        error.starts_with("error loading rules: ") && error.contains("b.yml: 2:21: group \"x\""),
        "{error}"
    );
    assert_eq!(manager.groups().len(), 2);
    assert!(manager.names_files());
    apply(settings(folder.path(), &[])).await.unwrap();
    assert!(manager.groups().is_empty() && !manager.names_files());
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_run_on_their_own() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.yml"),
        "groups:\n- {name: g, interval: 50ms, rules: [{record: a, expr: '1'}]}\n",
    )
    .unwrap();
    let around = Surroundings {
        clock: Arc::new(model::SystemClock),
        ..surroundings(&lab.store, &lab.received, &lab.clock)
    };
    let manager = Arc::new(Manager::new(around, 4, Handle::current()));
    let (its, prepared) = (manager.clone(), prepare(settings(folder.path(), &["a.yml"])).unwrap());
    assert_eq!(prepared.rules(), 1);
    tokio::task::spawn_blocking(move || its.apply(prepared)).await.unwrap();
    assert!(lab.store.is_empty(), "nothing runs before the stores can be read");
    manager.begin();
    let begun = model::SystemClock.now_ms();
    while lab.samples("a").len() < 3 {
        assert!(model::SystemClock.now_ms() - begun < 60_000, "no evaluation in a minute");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    manager.stop().await;
    let times: Vec<i64> = lab.samples("a").iter().map(|(t, _)| t.rem_euclid(50)).collect();
    assert!(times.windows(2).all(|pair| pair[0] == pair[1]), "{times:?}");
}

/// Every rule file loads, and every expression is evaluated.
#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn all_known_rule_files_load_and_every_expression_evaluates() {
    let folder = testkit::conformance::folder("rules").expect("ignored where it is missing");
    let lab = Lab::new();
    lab.put("up{job=\"node\"}", &[(0, 1.0)]);
    let mut rules = 0;
    for patterns in ["awesome-prometheus-alerts/*.yml", "kube-prometheus/*.rules.yml", "promtool/rules.yml"] {
        let files = file::matching(&folder, &[patterns.to_owned()]);
        assert!(!files.is_empty(), "{patterns}");
        for path in files {
            let groups = file::read(&path, &ParseSettings::default());
            for definition in groups.unwrap_or_else(|e| panic!("{}", e.join("\n"))) {
                let group = Group::new("f", definition, MINUTE, true);
                group.evaluate(&lab.around, 0);
                for rule in group.rules() {
                    assert_eq!(rule.last_error(), "", "{} of {}", rule.name(), path.display());
                    rules += 1;
                }
            }
        }
    }
    assert!(rules > 600, "{rules}");
    let ctx = model::Ctx::unbounded();
    assert!(!lab.store.label_names(&ctx, &[], model::TimeRange::ALL, 0).unwrap().items.is_empty());
}

/// Lines of one stream at these seconds.
fn lines(seconds: &[i64]) -> Arc<testkit::MemoryRecords> {
    let store = Arc::new(testkit::MemoryRecords::new());
    let mut records = model::Records::new();
    let stream = records.stream(&Labels::from_pairs([("app", "web")]));
    for second in seconds {
        records.push(stream, second * 1_000_000_000, "GET /cart 500");
    }
    model::RecordWriter::write(&*store, &Tenant::default(), model::EventKind::Log, &records, &[]).unwrap();
    store
}

const OVER_LOGS: &str = "groups:\n- name: g\n  rules:\n\
    \x20 - {record: app:errors, expr: 'sum by (app) (count_over_time({app=\"web\"} |= \"500\" [1m]))', labels: {team: t}}\n\
    \x20 - alert: Errors\n    expr: sum by (app) (count_over_time({app=\"web\"} |= \"500\" [1m])) > 1\n    for: 1m\n\
    \x20   annotations: {text: '{{ $labels.app }}: {{ $value }} of {{ query \"sum(count_over_time({app=~`.+`}[1h]))\" | first | value }}'}\n";

fn over_logs() -> ParseSettings {
    ParseSettings { language: RuleLanguage::Logql, ..ParseSettings::default() }
}

#[test]
fn rules_over_logs_record_and_alert_like_others() {
    let lab = Lab::new();
    let reader = lines(&[10, 20, 70, 80, 90]);
    let logs = Some(crate::rules::LogSource { engine: Arc::default(), reader });
    let around = Surroundings { logs, ..surroundings(&lab.store, &lab.received, &lab.clock) };
    let definition = file::parse(OVER_LOGS, &over_logs()).unwrap().remove(0);
    let group = Group::new("logs.yml", definition, MINUTE, true);
    group.rules().iter().for_each(|rule| rule.set_restored());
    for n in 1..=3 {
        group.evaluate(&around, n * MINUTE);
    }
    let status = group.status();
    assert_eq!(status.language, RuleLanguage::Logql);
    assert!(status.rules.iter().all(|rule| rule.health == RuleHealth::Ok), "{status:?}");
    let recorded = [(MINUTE, Some(2.0)), (2 * MINUTE, Some(3.0)), (3 * MINUTE, None)];
    assert_eq!(lab.samples("app:errors{app=\"web\",team=\"t\"}"), recorded);
    let since = [(MINUTE, Some(60.0)), (2 * MINUTE, Some(60.0)), (3 * MINUTE, None)];
    assert_eq!(lab.samples("ALERTS_FOR_STATE{alertname=\"Errors\",app=\"web\"}"), since);
    let sent = lab.received.0.lock().clone();
    assert_eq!(sent.len(), 2, "it fires, and it is over: {sent:?}");
    assert_eq!(sent[0].annotations["text"], "web: 3 of 5");
    assert!(
        sent[0].generator_url.starts_with("http://here:9090/logs?q=sum+by+"),
        "{}",
        sent[0].generator_url
    );
}

#[test]
fn alerts_over_logs_go_on_waiting_after_a_restart() {
    let lab = Lab::new();
    let yaml = OVER_LOGS.replace("for: 1m", "for: 30m").replace("[1m]", "[2m]");
    let seconds: Vec<i64> = (0..60 * 60).step_by(20).collect();
    let around = || {
        let logs = Some(crate::rules::LogSource { engine: Arc::default(), reader: lines(&seconds) });
        Surroundings { logs, ..surroundings(&lab.store, &lab.received, &lab.clock) }
    };
    let group = |is_restored: bool| {
        Group::new("logs.yml", file::parse(&yaml, &over_logs()).unwrap().remove(0), MINUTE, is_restored)
    };
    let before = group(true);
    before.rules().iter().for_each(|rule| rule.set_restored());
    (1..=11).for_each(|n| before.evaluate(&around(), n * MINUTE));
    // Away for 20 minutes.
    let after = group(false);
    for n in [31, 32] {
        after.evaluate(&around(), n * MINUTE);
    }
    assert_eq!(after.rules()[1].active()[0].active_at_ms, 31 * MINUTE, "as if it were new");
    after.restore(&around(), 32 * MINUTE);
    assert!(after.is_restored());
    // Ten of thirty minutes were waited for, whatever the outage.
    assert_eq!(after.rules()[1].active()[0].active_at_ms, (1 + 21) * MINUTE);
}

#[test]
fn rules_over_logs_need_logs_and_a_file_of_their_own() {
    let lab = Lab::new();
    let definition = file::parse(OVER_LOGS, &over_logs()).unwrap().remove(0);
    let group = Group::new("logs.yml", definition, MINUTE, true);
    group.evaluate(&lab.around, MINUTE);
    assert!(group.status().rules.iter().all(|rule| rule.last_error == "this server keeps no logs"));
    let folder = tempfile::tempdir().unwrap();
    // `vector(1)` is in both languages.
    let text = "groups:\n- {name: g, rules: [{record: a, expr: vector(1)}]}\n";
    std::fs::write(folder.path().join("r.yml"), text).unwrap();
    let files = vec!["*.yml".to_owned()];
    let settings = Settings { files: files.clone(), folder: folder.path().to_owned(), ..Settings::default() };
    assert_eq!(prepare(settings.clone()).unwrap().rules(), 1);
    let error = prepare(Settings { log_files: files.clone(), ..settings.clone() }).err().unwrap();
    assert!(error.message.contains("a file has rules of one language"), "{}", error.message);
    let wrong = "groups:\n- {name: g, rules: [{record: a, expr: up}]}\n";
    std::fs::write(folder.path().join("r.yml"), wrong).unwrap();
    let error = prepare(Settings { files: Vec::new(), log_files: files, ..settings }).err().unwrap();
    assert!(
        error
            .message
            .contains("r.yml: 2:39: group \"g\", rule 1, \"a\": could not parse expression: parse error"),
        "{}",
        error.message
    );
}
