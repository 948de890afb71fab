//! The section `cardinality` of the configuration.

use std::collections::BTreeMap;

use model::config::Duration;

/// How many series there may be, and what is done with more. 0 is always "no limit".
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Series in memory, all together.
    pub series: u64,
    /// Series in memory of one target, which is one pair of `job` and `instance`.
    pub series_per_target: u64,
    /// Series in memory of one metric name.
    pub series_per_metric: u64,
    /// Instead of `series_per_target`, by `job`.
    pub jobs: BTreeMap<String, u64>,
    /// Instead of `series_per_metric`, by metric name.
    pub metrics: BTreeMap<String, u64>,
    /// Percent of the memory limit above which metrics that grow fast are folded without any budget.
    pub memory_percent: u64,
    /// Members of folded series that are remembered, 16 bytes each; more are refused.
    pub folded_members: usize,
    /// Folded series of one metric; above it the next label folds, too.
    pub folded_series: usize,
    /// Labels that never fold, beside `le`, `quantile`, `job`, `instance` and those of the identity.
    pub keep_labels: Vec<String>,
    /// How long a metric must be below 80 % of its budget before its series are stored one by one again.
    pub cool_off: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            series: 0,
            series_per_target: 0,
            series_per_metric: 0,
            jobs: BTreeMap::new(),
            metrics: BTreeMap::new(),
            memory_percent: 80,
            folded_members: 1_000_000,
            folded_series: 1_000,
            keep_labels: Vec::new(),
            cool_off: Duration::from_ms(3_600_000),
        }
    }
}

impl Config {
    /// Budget of a metric, 0: none.
    pub(super) fn of_metric(&self, name: &str) -> u64 {
        self.metrics.get(name).copied().unwrap_or(self.series_per_metric)
    }

    /// Budget of a target, 0: none.
    pub(super) fn of_target(&self, job: &str) -> u64 {
        self.jobs.get(job).copied().unwrap_or(self.series_per_target)
    }

    /// Whether there is any budget.
    pub(super) fn has_budgets(&self) -> bool {
        self.series > 0
            || self.series_per_metric > 0
            || self.metrics.values().any(|budget| *budget > 0)
            || self.has_targets()
    }

    /// Whether any target has a budget.
    pub(super) fn has_targets(&self) -> bool {
        self.series_per_target > 0 || self.jobs.values().any(|budget| *budget > 0)
    }
}

/// Labels that say whose a series is, or without which its value means something else.
const KEPT: [&str; 33] = [
    "__name__",
    "__type__",
    "__unit__",
    "le",
    "quantile",
    "job",
    "instance",
    "id",
    "name",
    "image",
    "container",
    "container_id",
    "container_name",
    "container_label_com_docker_compose_project",
    "container_label_com_docker_compose_service",
    "namespace",
    "pod",
    "node",
    "host",
    "host_name",
    "service",
    "service_name",
    "service_namespace",
    "service_instance_id",
    "k8s_namespace_name",
    "k8s_pod_name",
    "k8s_node_name",
    "cluster",
    "region",
    "zone",
    "tenant",
    "prometheus",
    "prometheus_replica",
];

impl Config {
    /// Whether a label never folds.
    pub(super) fn keeps(&self, label: &str) -> bool {
        KEPT.contains(&label) || self.keep_labels.iter().any(|kept| kept == label)
    }
}
