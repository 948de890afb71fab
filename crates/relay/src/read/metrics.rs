//! What remote reads count, under Prometheus' names.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// One remote.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RemoteLabels {
    /// Its name.
    pub remote_name: String,
    /// Where it is.
    pub url: String,
}

/// One remote and what it answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AnswerLabels {
    /// The remote's name.
    pub remote_name: String,
    /// Where it is.
    pub url: String,
    /// Status of the answer; empty: there was none.
    pub code: String,
}

/// Metrics of all remotes.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Requests under way.
    pub(super) running: Family<RemoteLabels, Gauge>,
    /// Requests by status.
    pub(super) queries: Family<AnswerLabels, Counter>,
    /// How long they took.
    pub(super) seconds: Family<RemoteLabels, Histogram, fn() -> Histogram>,
}

fn durations() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0])
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            running: Family::default(),
            queries: Family::default(),
            seconds: Family::new_with_constructor(durations as fn() -> Histogram),
        }
    }
}

impl Metrics {
    /// Puts them into a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "prometheus_remote_storage_remote_read_queries",
            "Remote reads under way",
            self.running.clone(),
        );
        registry.register(
            "prometheus_remote_storage_read_queries",
            "Remote reads by the status of their answer",
            self.queries.clone(),
        );
        registry.register(
            "prometheus_remote_storage_read_request_duration_seconds",
            "How long remote reads took",
            self.seconds.clone(),
        );
    }
}
