//! What the container pages show: facts, live points, verdicts. Filled by `collect`, asked by `server`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;

/// The state of a container, as the runtime names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Created, not started.
    Created,
    /// Running.
    Running,
    /// Paused.
    Paused,
    /// Restarting.
    Restarting,
    /// Exited.
    Exited,
    /// Being removed, or dead.
    Dead,
    /// Removed: known from history only.
    Removed,
    /// Not known.
    #[default]
    Unknown,
}

/// What `inspect` says about a container, without its environment and arguments.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ContainerFacts {
    /// Full id (64 hex digits), or the cgroup path for a cgroup that no runtime owns.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// `docker`, `podman`, ... or `cgroup`.
    pub runtime: String,
    /// Host name of the node.
    pub node: String,
    /// Image as the user named it.
    pub image: String,
    /// Image digest.
    pub image_digest: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Compose project, or empty.
    pub compose_project: String,
    /// Compose service, or empty.
    pub compose_service: String,
    /// State.
    pub state: ContainerState,
    /// Health (`healthy`, `unhealthy`, `starting`) or empty where there is no check.
    pub health: String,
    /// When it was created, ms; 0: not known.
    pub created_ms: i64,
    /// When it last started, ms; 0: never.
    pub started_ms: i64,
    /// When it last ended, ms; 0: never.
    pub finished_ms: i64,
    /// Exit code of the last end.
    pub exit_code: Option<i64>,
    /// Whether the kernel's OOM killer ended it.
    pub oom_killed: bool,
    /// Why it ended last: `completed`, `error`, `oom_killed`, `stopped` (somebody asked for it), `start_failed`, or empty.
    pub exit_reason: String,
    /// The runtime's error text for the last start or end.
    pub error: String,
    /// Restarts by the restart policy.
    pub restart_count: u64,
    /// Restart policy, e.g. `always`.
    pub restart_policy: String,
    /// Memory limit in bytes, 0: none.
    pub memory_limit: u64,
    /// CPU limit in cores, 0: none.
    pub cpu_limit: f64,
    /// PID limit, 0: none.
    pub pids_limit: u64,
    /// Main process id on the host, 0: none.
    pub pid: u32,
    /// Networks with addresses: (network, address).
    pub addresses: Vec<(String, String)>,
    /// Published ports, e.g. `0.0.0.0:8080->80/tcp`.
    pub ports: Vec<String>,
    /// Mounts: `source:destination:mode`.
    pub mounts: Vec<String>,
    /// Log driver, e.g. `json-file`.
    pub log_driver: String,
    /// Whether it has a terminal (its log is then one raw stream).
    pub tty: bool,
    /// When it was removed, ms; 0: it is still there.
    pub removed_ms: i64,
}

/// Key values of one container at one second. Rates are over the second before; `NaN` where not known.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LivePoint {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// CPU use in cores.
    pub cpu: f64,
    /// Share of time throttled, 0..1.
    pub throttled: f64,
    /// Memory use in bytes, page cache included.
    pub memory: f64,
    /// Working set in bytes (use minus inactive file cache).
    pub working_set: f64,
    /// Anonymous memory (RSS) in bytes.
    pub rss: f64,
    /// Page cache in bytes.
    pub cache: f64,
    /// Received bytes per second.
    pub rx: f64,
    /// Sent bytes per second.
    pub tx: f64,
    /// Bytes per second read from block devices.
    pub read: f64,
    /// Bytes per second written to block devices.
    pub write: f64,
    /// Processes and threads (tasks).
    pub pids: f64,
    /// Share of time that some task waited for CPU, 0..1.
    pub cpu_pressure: f64,
    /// Share of time that some task waited for memory, 0..1.
    pub memory_pressure: f64,
    /// Share of time that some task waited for I/O, 0..1.
    pub io_pressure: f64,
}

/// How bad a verdict is; drawn as one to five fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well: one fire.
    Ok,
    /// Seen: two.
    Info,
    /// Approaching: three.
    Warning,
    /// Crossed: four.
    Error,
    /// Battle: five.
    Critical,
}

/// A judgement about a container. The interface words it in the viewer's language from `code` and `values`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Verdict {
    /// Stable code, e.g. `memory_near_limit`, `oom_killed`, `cpu_throttled`, `restart_loop`, `exited_with_error`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// Since when, ms; 0: not known.
    pub since_ms: i64,
    /// Figures that the sentence names.
    pub values: BTreeMap<String, f64>,
}

/// A row of the home page.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ContainerRow {
    /// Facts.
    pub facts: Arc<ContainerFacts>,
    /// The newest second, where it runs.
    pub live: Option<LivePoint>,
    /// CPU in cores over the last minutes, oldest first, for the sparkline.
    pub cpu_spark: Vec<f32>,
    /// Working set in bytes likewise.
    pub memory_spark: Vec<f32>,
    /// OOM kills seen.
    pub oom_kills: u64,
    /// Judgements, worst first.
    pub verdicts: Vec<Verdict>,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ContainerEvent {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// Container id.
    pub id: String,
    /// Container name.
    pub name: String,
    /// `create`, `start`, `die`, `oom`, `health_status`, `pause`, `unpause`, `restart`, `kill`, `stop`, `destroy`, `rename`.
    pub action: String,
    /// Details, e.g. `exit_code`, `signal`, `health`.
    pub attributes: BTreeMap<String, String>,
}

/// The last minutes of a container that died, at one point a second, written down at its death.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LastMinutes {
    /// When it died, ms.
    pub died_ms: i64,
    /// Points, oldest first.
    pub points: Vec<LivePoint>,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    /// Nanoseconds since the Unix epoch; 0: the runtime gave no time.
    pub t_ns: i64,
    /// `stdout`, `stderr` or `console`.
    pub stream: String,
    /// The line without its end.
    pub text: String,
}

/// Where tailed lines go. Returns `false` when nobody listens any more; `Err` says why the tail ended.
pub type LogSink = Box<dyn FnMut(Result<LogLine>) -> bool + Send>;

/// Something that stands in the collector's way, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Obstacle {
    /// Stable code, e.g. `docker_socket_denied`, `procfs_not_host`.
    pub code: String,
    /// What is missing, in English.
    pub missing: String,
    /// What that costs.
    pub costs: String,
    /// What helps.
    pub remedy: String,
}

/// Asked by the pages; implemented by `collect`'s container index.
pub trait Containers: Send + Sync {
    /// Every known container; `gone` adds removed ones.
    fn rows(&self, gone: bool) -> Vec<ContainerRow>;
    /// One container by full id, unambiguous id prefix (12 digits or more), or name.
    fn row(&self, id_or_name: &str) -> Option<ContainerRow>;
    /// Seconds of the in-memory ring after `since_ms`, oldest first.
    fn live(&self, id: &str, since_ms: i64) -> Vec<LivePoint>;
    /// A number that grows whenever a row changed: pages wait for it.
    fn generation(&self) -> u64;
    /// The last minutes of a dead container.
    fn last_minutes(&self, id: &str) -> Result<Option<LastMinutes>>;
    /// Events of one container (all if `None`) in the closed range of ms, oldest first.
    fn events(
        &self,
        id: Option<&str>,
        start_ms: i64,
        end_ms: i64,
        limit: usize,
    ) -> Result<Vec<ContainerEvent>>;
    /// Follows a container's log in the background: the last `backlog` lines, then new ones, into `sink`.
    fn tail_log(&self, id: &str, backlog: usize, sink: LogSink) -> Result<()>;
    /// What is in the way.
    fn obstacles(&self) -> Vec<Obstacle>;
    /// Says that a page is watching, so that the live interval is kept at 1 s.
    fn touch(&self) {}
}
