//! How long samples and their summaries are kept.

use model::Matcher;

/// How long samples of some series are kept, where it is not as long as all others.
#[derive(Debug, Clone)]
pub struct SeriesRetention {
    /// A series that satisfies all of these is meant; of several rules the first counts.
    pub matchers: Vec<Matcher>,
    /// How long, ms; 0: no limit.
    pub time_ms: i64,
}

/// How summaries are made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downsampling {
    /// Whether summaries are made.
    pub enabled: bool,
    /// Whether they may be read in place of samples that are there.
    pub queries: bool,
    /// A day gets summaries only where their spans have this many samples on average: others would take more room than
    /// the samples.
    pub least_samples: u64,
    /// How long those of five minutes are kept, ms; 0: no limit; `None`: as long as samples.
    pub keep_5m_ms: Option<i64>,
    /// How long those of an hour are kept, likewise.
    pub keep_1h_ms: Option<i64>,
}

impl Default for Downsampling {
    fn default() -> Self {
        Self { enabled: true, queries: true, least_samples: 10, keep_5m_ms: None, keep_1h_ms: None }
    }
}

/// What is kept of a store. A change takes effect at the next maintenance.
#[derive(Debug, Clone)]
pub struct Retention {
    /// How long samples are kept, ms; 0: no limit by time.
    pub time_ms: i64,
    /// What the store may take on disk, in bytes; `u64::MAX`: no limit.
    pub bytes: u64,
    /// Series with a time of their own.
    pub series: Vec<SeriesRetention>,
    /// Summaries.
    pub downsampling: Downsampling,
}

/// What there is of one length of summaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierInfo {
    /// Length of the spans, ms.
    pub resolution: i64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What they tell about.
    pub range: Option<model::TimeRange>,
}

impl Retention {
    /// How long summaries of this length are kept, ms; 0: no limit.
    pub fn tier_ms(&self, resolution: i64) -> i64 {
        let said = match resolution {
            300_000 => self.downsampling.keep_5m_ms,
            _ => self.downsampling.keep_1h_ms,
        };
        said.unwrap_or(self.time_ms)
    }

    /// The shortest time that some samples are kept, ms; 0: all without limit.
    pub(crate) fn shortest_ms(&self) -> i64 {
        let all = self.series.iter().map(|rule| rule.time_ms).chain([self.time_ms]);
        all.filter(|ms| *ms > 0).min().unwrap_or(0)
    }

    /// The longest time that some samples are kept, ms; 0: some without limit.
    pub(crate) fn longest_ms(&self) -> i64 {
        let mut all = self.series.iter().map(|rule| rule.time_ms).chain([self.time_ms]);
        let longest = all.clone().max().unwrap_or(0);
        if all.any(|ms| ms == 0) { 0 } else { longest }
    }
}
