//! `history`: which series are kept shorter or longer than others, and summaries of what is long ago.

use model::config::Duration;
use model::{Matcher, Result};
use serde::Deserialize;

/// The section.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// Series with a retention of their own; of several rules that a series satisfies the first counts.
    pub retention: Vec<SeriesRetention>,
    /// Summaries of five minutes and of an hour.
    pub downsampling: DownsamplingConfig,
}

/// How long some series are kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesRetention {
    /// A series selector, e.g. `{job="debug"}`.
    #[serde(rename = "match")]
    pub selector: String,
    /// How long; 0: without limit.
    pub time: Duration,
}

/// How summaries are made and used.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DownsamplingConfig {
    /// Whether they are made.
    pub enabled: bool,
    /// Whether queries may read them in place of samples; where samples are gone they are read in any case.
    pub queries: bool,
    /// How long those of five minutes are kept; as long as samples where it is not given; 0: without limit.
    pub retention_5m: Option<Duration>,
    /// How long those of an hour are kept; likewise.
    pub retention_1h: Option<Duration>,
}

impl Default for DownsamplingConfig {
    fn default() -> Self {
        Self { enabled: true, queries: true, retention_5m: None, retention_1h: None }
    }
}

impl SeriesRetention {
    fn matchers(&self) -> Result<Vec<Matcher>, String> {
        query::promql::parse_selector(&self.selector)
            .map_err(|e| format!("'history.retention': {:?} is no series selector: {e}", self.selector))
    }
}

impl HistoryConfig {
    /// Refuses selectors that are none.
    pub(super) fn check(&self) -> Result<(), String> {
        self.retention.iter().try_for_each(|rule| rule.matchers().map(drop))
    }

    /// The rules as the store wants them.
    pub(crate) fn series(&self) -> Vec<tsdb::SeriesRetention> {
        let rule = |rule: &SeriesRetention| {
            // Checked when the file was read.
            let matchers = rule.matchers().ok()?;
            Some(tsdb::SeriesRetention { matchers, time_ms: rule.time.as_i64_ms() })
        };
        self.retention.iter().filter_map(rule).collect()
    }

    /// Summaries as the store wants them.
    pub(crate) fn downsampling(&self) -> tsdb::Downsampling {
        tsdb::Downsampling {
            enabled: self.downsampling.enabled,
            queries: self.downsampling.queries,
            keep_5m_ms: self.downsampling.retention_5m.map(Duration::as_i64_ms),
            keep_1h_ms: self.downsampling.retention_1h.map(Duration::as_i64_ms),
            ..tsdb::Downsampling::default()
        }
    }
}
