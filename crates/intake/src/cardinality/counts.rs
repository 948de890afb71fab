//! How many series there are of each metric and target, and how many came and went.
//!
//! The store is asked every few seconds; while a budget is at stake, what the door creates in between is added.

use std::collections::HashMap;

use model::Labels;
use model::metrics::SeriesCensus;

use super::last_hour::LastHour;

/// Metric names whose coming and going is remembered; of more only the series are counted.
const MOST_METRICS: usize = 50_000;
/// Targets that are new since they were counted last are noted up to this number.
const MOST_TARGETS: usize = 100_000;
/// How often targets are counted, which looks at every series, ms.
const TARGETS_EVERY_MS: i64 = 10_000;

/// `job` and `instance` of a series: whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Target {
    /// Label `job`, or "".
    pub job: String,
    /// Label `instance`, or "".
    pub instance: String,
}

impl Target {
    /// Whose a series is.
    pub fn of(labels: &Labels) -> Self {
        Self {
            job: labels.get_or_empty("job").to_owned(),
            instance: labels.get_or_empty("instance").to_owned(),
        }
    }

    /// Whether a series is this one's.
    pub(super) fn owns(&self, labels: &Labels) -> bool {
        labels.get_or_empty("job") == self.job && labels.get_or_empty("instance") == self.instance
    }
}

/// Figures of a metric.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfMetric {
    pub(super) series: u64,
    pub(super) created: LastHour,
    pub(super) removed: LastHour,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) total: u64,
    pub(super) metrics: HashMap<String, OfMetric>,
    pub(super) targets: HashMap<Target, u64>,
    asked: bool,
    targets_asked_ms: i64,
}

impl Counts {
    /// Notes a series that the door lets the store create; `targets`: whether any has a budget.
    pub(super) fn created(&mut self, labels: &Labels, targets: bool, now_ms: i64) {
        self.total += 1;
        let name = labels.metric_name();
        if !self.metrics.contains_key(name) && self.metrics.len() < MOST_METRICS {
            self.metrics.insert(name.to_owned(), OfMetric::default());
        }
        if let Some(metric) = self.metrics.get_mut(name) {
            metric.series += 1;
            metric.created.add(now_ms, 1);
        }
        if targets {
            let target = Target::of(labels);
            if self.targets.len() < MOST_TARGETS || self.targets.contains_key(&target) {
                *self.targets.entry(target).or_default() += 1;
            }
        }
    }

    /// Asks the store.
    pub(super) fn refresh(&mut self, census: &dyn SeriesCensus, targets: bool, now_ms: i64) {
        self.total = census.total();
        let first = !std::mem::replace(&mut self.asked, true);
        let mut now: HashMap<String, u64> = census.by_metric().into_iter().collect();
        self.metrics.retain(|name, metric| {
            let series = now.remove(name).unwrap_or(0);
            let expected = metric.series;
            metric.removed.add(now_ms, expected.saturating_sub(series));
            // Not counted at the door while no budget was at stake.
            metric.created.add(now_ms, series.saturating_sub(expected));
            metric.series = series;
            series > 0 || metric.created.sum(now_ms) + metric.removed.sum(now_ms) > 0
        });
        for (name, series) in now {
            if self.metrics.len() >= MOST_METRICS {
                break;
            }
            let mut metric = OfMetric { series, ..OfMetric::default() };
            if !first {
                metric.created.add(now_ms, series);
            }
            self.metrics.insert(name, metric);
        }
        if targets && now_ms.saturating_sub(self.targets_asked_ms) >= TARGETS_EVERY_MS {
            self.targets_asked_ms = now_ms;
            let found = census.by_target().into_iter();
            self.targets =
                found.map(|((job, instance), series)| (Target { job, instance }, series)).collect();
        } else if !targets {
            self.targets = HashMap::new();
        }
    }

    pub(super) fn of_metric(&self, name: &str) -> u64 {
        self.metrics.get(name).map_or(0, |metric| metric.series)
    }
}
