//! `logs.retention`: how long and how much of logs is kept, per stream where that is asked for.

use events::wide::{Retention, StreamRetention};
use model::config::{Duration, Size};
use model::{Error, Matcher};
use serde::Deserialize;

/// Logs are kept so long where nothing is said, ms.
const DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// The section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogRetention {
    /// How long; 0: without limit.
    pub time: Duration,
    /// What all of them may take on disk; 0: no limit. Where it is not given: their share of what the stores may take.
    pub size: Option<Size>,
    /// What is otherwise for some streams; of several rules that a stream satisfies the first counts.
    pub streams: Vec<StreamRule>,
}

/// What is kept of some streams.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRule {
    /// A stream selector of LogQL, e.g. `{namespace="prod"}`.
    pub selector: String,
    /// How long; 0: without limit; as all others where it is not given.
    #[serde(default)]
    pub time: Option<Duration>,
    /// What these streams may take on disk together; 0 or not given: no limit of their own.
    #[serde(default)]
    pub size: Option<Size>,
}

impl Default for LogRetention {
    fn default() -> Self {
        Self { time: DEFAULT, size: None, streams: Vec::new() }
    }
}

impl StreamRule {
    fn matchers(&self) -> Result<Vec<Matcher>, String> {
        query::logql::parse_matchers(&self.selector, true).map_err(|e| {
            format!(
                "'logs.retention.streams': {:?} is no stream selector, which looks like {{namespace=\"prod\"}}: {e}",
                self.selector
            )
        })
    }
}

impl LogRetention {
    /// Refuses selectors that are none, and rules that say nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        self.streams.iter().try_for_each(|rule| {
            rule.matchers()?;
            match (rule.time, rule.size) {
                (None, None) => {
                    Err(format!("'logs.retention.streams': {:?} needs a 'time' or a 'size'", rule.selector))
                }
                _ => Ok(()),
            }
        })
    }

    /// What the store is told; `share`: what logs may take where nothing is said, bytes.
    pub(crate) fn resolve(&self, share: u64) -> model::Result<Retention> {
        let bytes = |size: Size| if size.0 == 0 { u64::MAX } else { size.0 };
        let rule = |rule: &StreamRule| {
            Ok(StreamRetention {
                matchers: rule.matchers().map_err(Error::invalid)?,
                time_ms: rule.time.map(Duration::as_i64_ms),
                bytes: rule.size.map_or(u64::MAX, bytes),
            })
        };
        Ok(Retention {
            time_ms: self.time.as_i64_ms(),
            bytes: self.size.map_or(share, bytes),
            streams: self.streams.iter().map(rule).collect::<model::Result<_>>()?,
        })
    }
}
