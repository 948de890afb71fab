//! What the targets page shows of a scrape target.

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

/// Who can say what is scraped. Implemented by `collect`, asked by `server`.
pub trait Targets: Send + Sync {
    /// Targets that are scraped.
    fn active(&self) -> Vec<TargetStatus>;
    /// Targets that were dropped, at most a few thousand.
    fn dropped(&self) -> Vec<DroppedTarget>;
    /// Metadata of families as last scraped: (pool labels of the target, family).
    fn metadata(&self) -> Vec<(Labels, crate::metrics::Family)> {
        Vec::new()
    }
}
