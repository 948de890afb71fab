//! Response bodies that are not simply a type of `model`.

use std::sync::Arc;

use model::container::{ContainerEvent, ContainerRow, LastMinutes, LivePoint, LogLine, Obstacle};
use serde::Serialize;

use crate::parts::TierState;

#[derive(Serialize)]
pub(crate) struct ContainerList {
    pub(crate) node: String,
    pub(crate) generation: u64,
    pub(crate) now_ms: i64,
    pub(crate) rows: Vec<ContainerRow>,
}

#[derive(Serialize)]
pub(crate) struct LiveTick {
    pub(crate) now_ms: i64,
    pub(crate) generation: u64,
    pub(crate) rows: Vec<TickRow>,
}

#[derive(Serialize)]
pub(crate) struct TickRow {
    pub(crate) id: String,
    pub(crate) live: LivePoint,
}

#[derive(Serialize)]
pub(crate) struct Points {
    pub(crate) points: Vec<LivePoint>,
}

#[derive(Serialize)]
pub(crate) struct LastMinutesBody {
    pub(crate) last_minutes: Option<LastMinutes>,
}

#[derive(Serialize)]
pub(crate) struct Events {
    pub(crate) events: Vec<ContainerEvent>,
}

/// A log line; its nanoseconds are text because they exceed a double.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) t_ns: String,
    pub(crate) stream: String,
    pub(crate) text: String,
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        Self { t_ns: line.t_ns.to_string(), stream: line.stream, text: line.text }
    }
}

#[derive(Serialize)]
pub(crate) struct NameCount {
    pub(crate) name: String,
    pub(crate) value: u64,
}

impl NameCount {
    pub(crate) fn list(pairs: impl IntoIterator<Item = (impl Into<String>, u64)>) -> Vec<Self> {
        pairs.into_iter().map(|(name, value)| Self { name: name.into(), value }).collect()
    }
}

#[derive(Serialize)]
pub(crate) struct Storage {
    pub(crate) head_series: u64,
    pub(crate) head_chunks: u64,
    pub(crate) head_min_ms: Option<i64>,
    pub(crate) head_max_ms: Option<i64>,
    pub(crate) label_pairs: u64,
    pub(crate) blocks: u64,
    pub(crate) block_samples: u64,
    pub(crate) block_min_ms: Option<i64>,
    pub(crate) block_max_ms: Option<i64>,
    pub(crate) log_bytes: u64,
    pub(crate) block_bytes: u64,
    pub(crate) appended: u64,
    pub(crate) rejected: Vec<NameCount>,
    pub(crate) events_bytes: u64,
    pub(crate) retention_ms: i64,
    pub(crate) retention_bytes: u64,
    pub(crate) series_retention: Vec<SeriesRetention>,
    pub(crate) tiers: Vec<Tier>,
    pub(crate) data_dir: String,
    pub(crate) data_dir_free_bytes: u64,
    pub(crate) series_by_metric: Vec<NameCount>,
}

/// How long some series are kept.
#[derive(Serialize)]
pub(crate) struct SeriesRetention {
    pub(crate) selector: String,
    pub(crate) retention_ms: i64,
}

/// Summaries of one length.
#[derive(Serialize)]
pub(crate) struct Tier {
    pub(crate) resolution_ms: i64,
    pub(crate) retention_ms: i64,
    pub(crate) bytes: u64,
    pub(crate) min_ms: Option<i64>,
    pub(crate) max_ms: Option<i64>,
}

impl From<TierState> for Tier {
    fn from(state: TierState) -> Self {
        let TierState { resolution_ms, retention_ms, bytes, min_ms, max_ms } = state;
        Self { resolution_ms, retention_ms, bytes, min_ms, max_ms }
    }
}

#[derive(Serialize)]
pub(crate) struct Memory {
    pub(crate) resident_bytes: u64,
    pub(crate) reserved_bytes: u64,
    pub(crate) limit_bytes: u64,
}

/// What was not done so that memory stays within its limit.
#[derive(Serialize)]
pub(crate) struct ShedRow {
    pub(crate) load: &'static str,
    pub(crate) count: u64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) why: String,
}

impl From<model::Shed> for ShedRow {
    fn from(shed: model::Shed) -> Self {
        let model::Shed { load, count, first_ms, last_ms, why } = shed;
        Self { load: load.as_str(), count, first_ms, last_ms, why }
    }
}

#[derive(Serialize, Default)]
pub(crate) struct TargetCounts {
    pub(crate) up: usize,
    pub(crate) down: usize,
    pub(crate) unknown: usize,
}

#[derive(Serialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) revision: String,
    pub(crate) started_ms: i64,
    pub(crate) now_ms: i64,
    pub(crate) flags: std::collections::BTreeMap<String, String>,
    pub(crate) config_yaml: String,
    pub(crate) config_reload_ok: bool,
    pub(crate) config_reload_ms: i64,
    pub(crate) collect_stored: bool,
    pub(crate) storage: Storage,
    pub(crate) memory: Memory,
    pub(crate) shed: Vec<ShedRow>,
    pub(crate) obstacles: Vec<Obstacle>,
    pub(crate) targets: TargetCounts,
    pub(crate) queues: Vec<model::passing::QueueState>,
    pub(crate) ingestion: Vec<NameCount>,
}

/// Why a query gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    NoSuchMetric,
    NothingInRange,
    NoSeriesMatch,
    TargetDown,
    StillCollecting,
    Ok,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct WhyEmpty {
    pub(crate) reason: Reason,
    pub(crate) metric: Option<String>,
    pub(crate) nearest: Vec<String>,
    pub(crate) last_seen_ms: Option<i64>,
    pub(crate) target_error: Option<String>,
}

/// JSON that was written once for many readers.
pub(crate) type SharedText = Arc<str>;
