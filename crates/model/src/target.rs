//! What the targets page shows of a scrape target.

use std::collections::BTreeMap;

use crate::labels::Labels;

/// Whether the last scrape worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Not scraped yet.
    Unknown,
    /// The last scrape worked.
    Up,
    /// The last scrape failed.
    Down,
}

/// A target with its last scrape.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// The job (scrape pool).
    pub pool: String,
    /// Labels as discovered, `__meta_*` included.
    pub discovered: Labels,
    /// Labels after relabelling.
    pub labels: Labels,
    /// The URL that is scraped, credentials left out.
    pub url: String,
    /// Whether it works.
    pub health: Health,
    /// The last error, or empty.
    pub last_error: String,
    /// When it was last scraped, ms; 0: never.
    pub last_scrape_ms: i64,
    /// How long that took, seconds.
    pub last_duration_s: f64,
    /// Scrape interval, ms.
    pub interval_ms: i64,
    /// Scrape timeout, ms.
    pub timeout_ms: i64,
}

/// A discovered target that relabelling dropped.
#[derive(Debug, Clone)]
pub struct DroppedTarget {
    /// The job.
    pub pool: String,
    /// Labels as discovered.
    pub discovered: Labels,
}

/// What a relabelling rule made of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelabelStep {
    /// The rule: its fields that are not empty, by the names of the configuration.
    pub rule: BTreeMap<String, RuleValue>,
    /// Labels after it; none once the target was dropped.
    pub output: Labels,
    /// Whether the target is still there.
    pub keep: bool,
}

/// The value of a rule's field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum RuleValue {
    /// A text.
    Text(String),
    /// Names of labels.
    Names(Vec<String>),
    /// A number.
    Number(u64),
}

/// A job as it is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Kinds of discovery it asks for that this server has not, e.g. `ec2_sd_configs`; its targets from there are
    /// missing.
    pub unsupported: Vec<String>,
}

/// Who can say what is scraped. Implemented by `collect`, asked by `server`.
pub trait Targets: Send + Sync {
    /// Targets that are scraped.
    fn active(&self) -> Vec<TargetStatus>;
    /// Targets that were dropped, at most a few thousand.
    fn dropped(&self) -> Vec<DroppedTarget>;
    /// All jobs, those without a target included, sorted by name.
    fn pools(&self) -> Vec<Pool> {
        let mut names: Vec<String> = self.active().into_iter().map(|target| target.pool).collect();
        names.extend(self.dropped().into_iter().map(|target| target.pool));
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| Pool { name, ..Pool::default() }).collect()
    }
    /// The configuration of a job as YAML, secrets hidden; `None` if there is no such job.
    fn pool_config(&self, _pool: &str) -> Option<String> {
        None
    }
    /// The labels after each rule of a job's `relabel_configs`; `None` if there is no such job.
    fn relabel_steps(&self, _pool: &str, _labels: &Labels) -> Option<Vec<RelabelStep>> {
        None
    }
    /// Metadata of families as last scraped: (pool labels of the target, family).
    fn metadata(&self) -> Vec<(Labels, crate::metrics::Family)> {
        Vec::new()
    }
}
