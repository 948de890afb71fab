//! A server on a free port with in-memory parts.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::container::{
    ContainerEvent, ContainerFacts, ContainerRow, Containers, LastMinutes, LivePoint, LogLine, LogSink,
    Obstacle,
};
use model::target::{DroppedTarget, Health, TargetStatus, Targets};
use model::{Budget, Error, Labels, ManualClock, Result};
use parking_lot::Mutex;
use query::promql::{Engine, EngineOptions};
use server::otlp::config::OtlpConfig;
use server::{
    Access, BuildInfo, ConfigState, Limits, MemoryState, Node, OtlpFlags, Parts, Process, Server, Settings,
    StorageState, Web,
};
use testkit::MemoryMetrics;

/// The time of all tests.
pub const NOW_MS: i64 = 1_700_000_000_000;
/// The only container.
pub const ID: &str = "3f4a9c1d2b7e3f4a9c1d2b7e3f4a9c1d2b7e3f4a9c1d2b7e3f4a9c1d2b7e3f4a";

pub struct Fixture {
    pub url: String,
    pub metrics: Arc<MemoryMetrics>,
    pub containers: Arc<FakeContainers>,
    pub targets: Arc<FakeTargets>,
    pub process: Arc<FakeProcess>,
    pub client: reqwest::Client,
    pub clock: Arc<ManualClock>,
    /// Serves as long as the test lives.
    pub _server: Server,
}

/// What a test wants otherwise than usual.
#[derive(Default)]
pub struct Wanted {
    pub access: Access,
    pub limits: Limits,
    pub web: Web,
    /// Listens on all addresses, as in a container.
    pub open: bool,
    /// What queries read in place of the in-memory store.
    pub reader: Option<Arc<dyn model::MetricReader>>,
    /// Where received samples go in place of the in-memory store.
    pub writer: Option<Arc<dyn model::MetricWriter>>,
    /// Where pushed groups are kept.
    pub pushes: Option<Arc<dyn server::PushStore>>,
    pub deletions: Option<Arc<dyn server::PushStore>>,
    /// `global.external_labels`.
    pub external_labels: Vec<(&'static str, &'static str)>,
    pub exemplars: Option<Arc<dyn model::ExemplarReader>>,
    pub admin: Option<Arc<dyn model::MetricAdmin>>,
    pub history: Option<Arc<dyn model::MetricHistory>>,
    /// Where received logs go.
    pub record_writer: Option<Arc<dyn model::RecordWriter>>,
    /// Listeners of log protocols.
    pub log_receivers: server::logs::Receivers,
    /// Where logs are read.
    pub records: Option<Arc<dyn model::RecordReader>>,
    /// Who tells people of alerts.
    pub alertmanager: Option<Arc<dyn model::alerts::Alertmanager>>,
    /// Bytes that requests may reserve; 256 MiB where nothing is said.
    pub memory: Option<u64>,
}

impl Fixture {
    pub fn start() -> Self {
        Self::with(Wanted::default())
    }

    pub fn with(wanted: Wanted) -> Self {
        // Already installed by another test of this process: the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let metrics = Arc::new(MemoryMetrics::new());
        let containers = Arc::new(FakeContainers::default());
        let targets = Arc::new(FakeTargets::default());
        let clock = Arc::new(ManualClock::at_ms(NOW_MS));
        let external = Labels::from_pairs(wanted.external_labels);
        let settings = Arc::new(Settings::new(external, &OtlpConfig::default(), OtlpFlags::default()));
        let process = Arc::new(FakeProcess { settings, ..FakeProcess::default() });
        let parts = Parts {
            replay: Arc::default(),
            metrics: wanted.reader.unwrap_or_else(|| metrics.clone()),
            metric_stats: Some(metrics.clone()),
            cardinality: None,
            exemplars: wanted.exemplars,
            admin: wanted.admin,
            history: wanted.history,
            snapshots: None,
            metric_writer: wanted.writer.unwrap_or_else(|| metrics.clone()),
            records: wanted.records,
            record_writer: wanted.record_writer,
            log_receivers: wanted.log_receivers,
            containers: containers.clone(),
            targets: targets.clone(),
            queues: Arc::new(OneQueue),
            record_news: None,
            rules: Arc::new(FakeRules),
            alertmanager: wanted.alertmanager,
            engine: Arc::new(Engine::new(EngineOptions::default())),
            pushes: wanted.pushes,
            deletions: wanted.deletions,
            process: process.clone(),
            registry: prometheus_client::registry::Registry::default(),
            budget: Budget::new("test", wanted.memory.unwrap_or(256 << 20)),
            clock: clock.clone(),
        };
        let listener = TcpListener::bind(if wanted.open { "0.0.0.0:0" } else { "127.0.0.1:0" }).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server::start(parts, wanted.access, wanted.limits, wanted.web, vec![listener]).unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self {
            url: format!("http://127.0.0.1:{port}"),
            metrics,
            containers,
            targets,
            process,
            client,
            clock,
            _server: server,
        }
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// Status and JSON body of a GET.
    pub async fn json(&self, path: &str) -> (u16, serde_json::Value) {
        let answer = self.get(path).await;
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path} gave {text:?}")))
    }

    pub fn insert(&self, pairs: &[(&str, &str)], samples: &[(i64, f64)]) {
        let labels = Labels::from_pairs(pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())));
        self.metrics.insert(&labels, samples.iter().copied());
    }
}

pub struct FakeContainers {
    /// Grows with every look at it, as that of the real index does with every second.
    pub generation: AtomicU64,
    pub restarts: AtomicU64,
    pub sink: Mutex<Option<LogSink>>,
}

impl Default for FakeContainers {
    fn default() -> Self {
        Self { generation: AtomicU64::new(0), restarts: AtomicU64::new(0), sink: Mutex::default() }
    }
}

pub fn point(t: i64) -> LivePoint {
    LivePoint {
        t,
        cpu: 0.5,
        throttled: f64::NAN,
        memory: 1.0,
        working_set: 1.0,
        rss: 1.0,
        cache: 1.0,
        rx: 0.0,
        tx: 0.0,
        read: 0.0,
        write: 0.0,
        pids: 1.0,
        cpu_pressure: 0.0,
        memory_pressure: 0.0,
        io_pressure: 0.0,
    }
}

impl Containers for FakeContainers {
    fn rows(&self, _gone: bool) -> Vec<ContainerRow> {
        self.row(ID).into_iter().collect()
    }

    fn row(&self, id_or_name: &str) -> Option<ContainerRow> {
        let known = ID.starts_with(id_or_name) && id_or_name.len() >= 12 || id_or_name == "web";
        known.then(|| ContainerRow {
            facts: Arc::new(ContainerFacts {
                id: ID.to_owned(),
                name: "web".to_owned(),
                restart_count: self.restarts.load(Ordering::SeqCst),
                ..Default::default()
            }),
            live: Some(point(NOW_MS)),
            cpu_spark: vec![0.5],
            memory_spark: vec![1.0],
            oom_kills: 0,
            verdicts: Vec::new(),
        })
    }

    fn live(&self, _id: &str, since_ms: i64) -> Vec<LivePoint> {
        (0..5).map(|i| point(NOW_MS - 4000 + i * 1000)).filter(|p| p.t > since_ms).collect()
    }

    fn generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn last_minutes(&self, _id: &str) -> Result<Option<LastMinutes>> {
        Ok(Some(LastMinutes { died_ms: NOW_MS, points: vec![point(NOW_MS)] }))
    }

    fn events(
        &self,
        id: Option<&str>,
        start_ms: i64,
        end_ms: i64,
        limit: usize,
    ) -> Result<Vec<ContainerEvent>> {
        let event = |t: i64| ContainerEvent {
            t,
            id: id.unwrap_or("any").to_owned(),
            name: "web".to_owned(),
            action: "start".to_owned(),
            attributes: BTreeMap::new(),
        };
        Ok([NOW_MS - 2000, NOW_MS - 1000]
            .into_iter()
            .filter(|t| (start_ms..=end_ms).contains(t))
            .map(event)
            .take(limit)
            .collect())
    }

    fn tail_log(&self, _id: &str, backlog: usize, mut sink: LogSink) -> Result<()> {
        for n in 0..backlog {
            let line = LogLine {
                t_ns: 1_700_000_000_123_456_789,
                stream: "stdout".into(),
                text: format!("line {n}"),
            };
            sink(Ok(line));
        }
        *self.sink.lock() = Some(sink);
        Ok(())
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        Vec::new()
    }
}

#[derive(Default)]
pub struct FakeTargets(pub Mutex<Vec<TargetStatus>>);

pub fn target(job: &str, health: Health, error: &str) -> TargetStatus {
    TargetStatus {
        pool: job.to_owned(),
        discovered: Labels::from_pairs([("__address__", "h:1")]),
        labels: Labels::from_pairs([("job", job), ("instance", "h:1")]),
        url: "http://h:1/metrics".to_owned(),
        health,
        last_error: error.to_owned(),
        last_scrape_ms: NOW_MS - 500,
        last_duration_s: 0.25,
        interval_ms: 15_000,
        timeout_ms: 10_000,
    }
}

impl Targets for FakeTargets {
    fn active(&self) -> Vec<TargetStatus> {
        self.0.lock().clone()
    }

    fn dropped(&self) -> Vec<DroppedTarget> {
        vec![DroppedTarget { pool: "a".to_owned(), discovered: Labels::from_pairs([("__address__", "d:1")]) }]
    }
}

/// Three groups in two files: what alerting and recording rules have.
pub struct FakeRules;

impl model::rule::Rules for FakeRules {
    fn groups(&self) -> Vec<model::rule::GroupStatus> {
        use model::rule::{
            AlertState, AlertStatus, AlertingStatus, GroupStatus, RuleHealth, RuleLanguage, RuleStatus, Texts,
        };
        let texts = |name: &str, text: &str| Texts::from([(name.to_owned(), text.to_owned())]);
        let alert = AlertStatus {
            labels: Labels::from_pairs([("alertname", "Down"), ("job", "j")]),
            annotations: texts("text", "j is down"),
            state: AlertState::Firing,
            active_at_ms: NOW_MS - 60_000,
            keep_firing_since_ms: 0,
            value: 0.5,
        };
        let kept = AlertStatus { keep_firing_since_ms: NOW_MS - 1000, ..alert.clone() };
        let down = RuleStatus {
            name: "Down".to_owned(),
            query: "up == 0".to_owned(),
            labels: texts("severity", "page"),
            health: RuleHealth::Ok,
            last_evaluation_ms: NOW_MS - 500,
            duration_s: 0.25,
            alerting: Some(AlertingStatus {
                for_ms: 90_000,
                keep_firing_for_ms: 0,
                annotations: texts("text", "{{ $labels.job }} is down"),
                state: AlertState::Firing,
                alerts: vec![alert, kept],
            }),
            ..RuleStatus::default()
        };
        let errors = RuleStatus {
            name: "Errors".to_owned(),
            query: "count_over_time({app=\"web\"}[1m]) > 1".to_owned(),
            labels: texts("severity", "page"),
            alerting: Some(AlertingStatus { for_ms: 90_000, ..AlertingStatus::default() }),
            ..RuleStatus::default()
        };
        let recorded = |name: &str, error: &str| RuleStatus {
            name: name.to_owned(),
            query: "sum(up)".to_owned(),
            health: if error.is_empty() { RuleHealth::Unknown } else { RuleHealth::Err },
            last_error: error.to_owned(),
            ..RuleStatus::default()
        };
        let group = |file: &str, name: &str, rules: Vec<RuleStatus>| GroupStatus {
            name: name.to_owned(),
            file: file.to_owned(),
            interval_ms: 15_000,
            rules,
            ..GroupStatus::default()
        };
        vec![
            group("a.yml", "one", vec![down, recorded("sum:up", "no")]),
            group("a.yml", "two", vec![recorded("sum:up", "")]),
            group("b.yml", "one", vec![recorded("other", "")]),
        ]
        .into_iter()
        .chain([GroupStatus {
            language: RuleLanguage::Logql,
            ..group("/etc/rules/logs.yml", "lines", vec![errors])
        }])
        .collect()
    }

    fn alertmanagers(&self) -> model::rule::AlertmanagersStatus {
        model::rule::AlertmanagersStatus {
            active: vec!["http://am:9093/api/v2/alerts".to_owned()],
            dropped: vec!["http://not:9093/api/v2/alerts".to_owned()],
        }
    }
}

pub struct FakeProcess {
    pub settings: Arc<Settings>,
    pub ready: AtomicBool,
    pub reload_fails: AtomicBool,
    pub reloads: AtomicU64,
}

impl Default for FakeProcess {
    fn default() -> Self {
        Self {
            settings: Arc::default(),
            ready: AtomicBool::new(true),
            reload_fails: AtomicBool::new(false),
            reloads: AtomicU64::new(0),
        }
    }
}

impl Process for FakeProcess {
    fn build(&self) -> BuildInfo {
        BuildInfo { version: "0.1.0".to_owned(), revision: "r".to_owned() }
    }

    fn started_ms(&self) -> i64 {
        NOW_MS - 60_000
    }

    fn flags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("web.listen-address".to_owned(), "127.0.0.1:9090".to_owned())])
    }

    fn config(&self) -> ConfigState {
        ConfigState {
            yaml: "global: {}\n".to_owned(),
            reload_ok: true,
            read_ms: NOW_MS,
            failed_ms: 0,
            collect_stored: true,
        }
    }

    fn reload(&self) -> Result<()> {
        self.reloads.fetch_add(1, Ordering::SeqCst);
        if self.reload_fails.load(Ordering::SeqCst) { Err(Error::invalid("line 3: no")) } else { Ok(()) }
    }

    fn changing_metrics(&self) -> Arc<prometheus_client::registry::Registry> {
        Arc::default()
    }

    fn quit(&self) {}

    fn settings(&self) -> Arc<Settings> {
        self.settings.clone()
    }

    fn ready(&self) -> Result<()> {
        if self.ready.load(Ordering::SeqCst) { Ok(()) } else { Err(Error::unavailable("replaying 5 of 10")) }
    }

    fn nodes(&self) -> Vec<Node> {
        vec![Node { name: "host1".to_owned(), ..Node::default() }]
    }

    fn storage(&self) -> StorageState {
        StorageState { retention_ms: 1_296_000_000, ..StorageState::default() }
    }

    fn memory(&self) -> MemoryState {
        MemoryState::default()
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        Vec::new()
    }
}

/// A queue that waits for its receiver.
struct OneQueue;

impl model::passing::Queues for OneQueue {
    fn queues(&self) -> Vec<model::passing::QueueState> {
        vec![model::passing::QueueState {
            name: "far".into(),
            url: "http://far.example/api/v1/write".into(),
            activity: model::passing::QueueActivity::Retrying,
            lag_bytes: 4_096,
            last_error: Some("connection refused".into()),
            ..Default::default()
        }]
    }
}
