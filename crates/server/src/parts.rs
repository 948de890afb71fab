//! What the server is given, and what it needs to know of the process around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::alerts::Alertmanager;
use model::container::{Containers, Obstacle};
use model::metrics::MetricStats;
use model::passing::Queues;
use model::rule::Rules;
use model::target::Targets;
use model::{
    Budget, Clock, ExemplarReader, Labels, MetricAdmin, MetricHistory, MetricReader, MetricWriter,
    RecordReader, RecordWriter, Result,
};
use prometheus_client::registry::Registry;
use query::promql::Engine;

use crate::otlp::config::OtlpConfig;

/// Everything that answers requests.
pub struct Parts {
    /// Where queries read.
    pub metrics: Arc<dyn MetricReader>,
    /// How the log of the metric store was read back.
    pub replay: Arc<model::ReplayProgress>,
    /// Figures of the metric store, where it has them.
    pub metric_stats: Option<Arc<dyn MetricStats>>,
    /// Budgets of series and what they led to.
    pub cardinality: Option<Arc<intake::Cardinality>>,
    /// Exemplars, where the store keeps them.
    pub exemplars: Option<Arc<dyn ExemplarReader>>,
    /// Deletion and snapshots, where the store has them.
    pub admin: Option<Arc<dyn MetricAdmin>>,
    /// Where history goes, where the store takes it in.
    pub history: Option<Arc<dyn MetricHistory>>,
    /// Snapshots of everything kept.
    pub snapshots: Option<Arc<dyn Snapshots>>,
    /// Where received samples go.
    pub metric_writer: Arc<dyn MetricWriter>,
    /// Where logs and spans are read, where they are kept.
    pub records: Option<Arc<dyn RecordReader>>,
    /// Where received ones go; without it they are refused.
    pub record_writer: Option<Arc<dyn RecordWriter>>,
    /// Changes when lines were written; without it those who follow logs ask again and again.
    pub record_news: Option<tokio::sync::watch::Receiver<u64>>,
    /// Listeners of log protocols.
    pub log_receivers: crate::logs::Receivers,
    /// The container index.
    pub containers: Arc<dyn Containers>,
    /// What is scraped.
    pub targets: Arc<dyn Targets>,
    /// What passes samples on.
    pub queues: Arc<dyn Queues>,
    /// Rules and where their alerts are sent.
    pub rules: Arc<dyn Rules>,
    /// Who tells people of alerts, where that is in this process: it answers Alertmanager's API.
    pub alertmanager: Option<Arc<dyn Alertmanager>>,
    /// Evaluates PromQL.
    pub engine: Arc<Engine>,
    /// Where pushed groups are kept; without it they are gone when the process ends.
    pub pushes: Option<Arc<dyn PushStore>>,
    /// Where it is kept which lines were asked to be deleted; likewise.
    pub deletions: Option<Arc<dyn PushStore>>,
    /// The process around the server.
    pub process: Arc<dyn Process>,
    /// Metrics of the whole process; the server adds its own.
    pub registry: Registry,
    /// Where requests reserve memory.
    pub budget: Budget,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

/// Keeps small texts, such as what was pushed to the Pushgateway API. Implemented by `app`.
pub trait PushStore: Send + Sync {
    /// Everything kept: (key, text).
    fn entries(&self) -> Vec<(String, String)>;
    /// Keeps an entry; on disk when this returns.
    fn put(&self, key: &str, text: &str) -> Result<()>;
    /// Removes an entry; on disk when this returns.
    fn remove(&self, key: &str) -> Result<()>;
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Its folder, as an absolute path on the machine of the server.
    pub path: String,
}

/// Copies of everything kept, each complete and of one time, that share what does not change with what is in use.
/// Implemented by `app`.
pub trait Snapshots: Send + Sync {
    /// Makes one; durable when it returns.
    fn make(&self) -> Result<Snapshot>;
    /// Those that are there.
    fn list(&self) -> Result<Vec<Snapshot>>;
    /// Removes one.
    fn remove(&self, name: &str) -> Result<()>;
}

/// What only the process as a whole can say or do. Implemented by `app`.
pub trait Process: Send + Sync {
    /// Version and revision.
    fn build(&self) -> BuildInfo;
    /// When it started, ms.
    fn started_ms(&self) -> i64;
    /// Flags with their resolved values, by name.
    fn flags(&self) -> BTreeMap<String, String>;
    /// The running configuration.
    fn config(&self) -> ConfigState;
    /// What receivers and readers need of it.
    fn settings(&self) -> Arc<Settings> {
        Arc::default()
    }
    /// Reads the configuration again; on an error the old one stays.
    fn reload(&self) -> Result<()>;
    /// Metrics of parts that a reload replaces; their names are none of [`Parts::registry`].
    fn changing_metrics(&self) -> Arc<Registry>;
    /// Begins an orderly stop.
    fn quit(&self);
    /// Whether writes are accepted and queries complete; otherwise kind `Unavailable` with the reason.
    fn ready(&self) -> Result<()>;
    /// The nodes that are watched.
    fn nodes(&self) -> Vec<Node>;
    /// Figures of the data directory.
    fn storage(&self) -> StorageState;
    /// Memory of the process.
    fn memory(&self) -> MemoryState;
    /// The newest lines of its own log.
    fn newest_log(&self) -> String {
        String::new()
    }
    /// What is in the way of collecting, all collectors together.
    fn obstacles(&self) -> Vec<Obstacle>;
}

/// What receivers and readers need of the running configuration. A reload replaces it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `global.external_labels`.
    pub external_labels: Labels,
    /// How OTLP metrics are translated.
    pub(crate) otlp: wire::otlp::Options,
}

/// What flags say about OTLP metrics.
#[derive(Debug, Clone, Copy, Default)]
pub struct OtlpFlags {
    /// `otlp-native-delta-ingestion`: deltas are stored as they are and not added up.
    pub keep_deltas: bool,
    /// `type-and-unit-labels`.
    pub type_and_unit: bool,
    /// `--query.lookback-delta`, ms.
    pub lookback_ms: i64,
}

impl Settings {
    /// Settings of a configuration.
    pub fn new(external_labels: Labels, otlp: &OtlpConfig, flags: OtlpFlags) -> Self {
        use wire::otlp::{Delta, Options};
        let otlp = Options {
            delta: if flags.keep_deltas { Delta::Keep } else { Delta::AddUp },
            target_info_step: flags.lookback_ms / 2,
            type_and_unit: flags.type_and_unit,
            ..otlp.options()
        };
        Self { external_labels, otlp }
    }
}

/// What was built.
#[derive(Debug, Clone, Default)]
pub struct BuildInfo {
    /// Version of this program.
    pub version: String,
    /// Revision it was built from, or empty.
    pub revision: String,
}

/// The running configuration.
#[derive(Debug, Clone, Default)]
pub struct ConfigState {
    /// As YAML, secrets hidden.
    pub yaml: String,
    /// Whether the last reload was taken.
    pub reload_ok: bool,
    /// When the running configuration was read, ms.
    pub read_ms: i64,
    /// When a reload failed last, ms; 0: never.
    pub failed_ms: i64,
    /// Whether the built-in collectors store series.
    pub collect_stored: bool,
}

/// A machine that is watched.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Node {
    /// Host name.
    pub name: String,
    /// Kernel release.
    pub kernel: String,
    /// Name of the distribution.
    pub os: String,
    /// Machine architecture.
    pub architecture: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Boot time, ms; 0: not known.
    pub boot_ms: i64,
    /// Whether series of the host are collected.
    pub host_series: bool,
    /// What is in the way.
    pub obstacles: Vec<Obstacle>,
}

/// Summaries of history, of one length.
#[derive(Debug, Clone, Copy, Default)]
pub struct TierState {
    /// Length of the spans, ms.
    pub resolution_ms: i64,
    /// How long they are kept, ms; 0: no limit.
    pub retention_ms: i64,
    /// Bytes on disk.
    pub bytes: u64,
    /// From where they reach, ms.
    pub min_ms: Option<i64>,
    /// Up to where they reach, ms.
    pub max_ms: Option<i64>,
}

/// Figures of the data directory.
#[derive(Debug, Clone, Default)]
pub struct StorageState {
    /// Bytes of events on disk.
    pub events_bytes: u64,
    /// Retention by time, ms; 0: no limit.
    pub retention_ms: i64,
    /// Retention by size, bytes; 0: no limit.
    pub retention_bytes: u64,
    /// Series with a retention of their own, by selector, ms; 0: no limit. The first that a series satisfies counts.
    pub series_retention: Vec<(String, i64)>,
    /// Summaries of history, coarsest first.
    pub tiers: Vec<TierState>,
    /// The directory.
    pub data_dir: String,
    /// Free bytes of its file system.
    pub data_dir_free_bytes: u64,
}

/// Memory of the process, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryState {
    /// Resident, as the allocator says.
    pub resident_bytes: u64,
    /// The limit that reservations respect.
    pub limit_bytes: u64,
}
