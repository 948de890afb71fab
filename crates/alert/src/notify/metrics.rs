//! What is counted of sending, under Prometheus' names.

use std::sync::atomic::AtomicU64;

use model::Summary;
use model::summary::LabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A gauge that holds a float.
type Float = Gauge<f64, AtomicU64>;

/// Counters and figures, by the address of the Alertmanager.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) sent: Family<LabelSet, Counter>,
    pub(super) errors: Family<LabelSet, Counter>,
    pub(super) dropped: Family<LabelSet, Counter>,
    pub(super) queue_length: Family<LabelSet, Float>,
    pub(super) queue_capacity: Float,
    pub(super) discovered: Float,
    pub(super) latency: Summary,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            sent: Family::default(),
            errors: Family::default(),
            dropped: Family::default(),
            queue_length: Family::default(),
            queue_capacity: Float::default(),
            discovered: Float::default(),
            latency: Summary::new(&[0.5, 0.9, 0.99]),
        }
    }
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("prometheus_notifications");
        registry.register("sent", "Alerts sent", self.sent.clone());
        registry.register("errors", "Alerts in requests that failed", self.errors.clone());
        registry.register("dropped", "Alerts that were given up", self.dropped.clone());
        registry.register("queue_length", "Alerts that wait", self.queue_length.clone());
        registry.register("queue_capacity", "Alerts that may wait", self.queue_capacity.clone());
        registry.register("alertmanagers_discovered", "Alertmanagers in use", self.discovered.clone());
        self.latency.register(registry, "latency_seconds", "Durations of requests");
    }

    /// Shows an Alertmanager from its start on, with zeros.
    pub(super) fn add(&self, labels: &LabelSet) {
        for counter in [&self.sent, &self.errors, &self.dropped] {
            drop(counter.get_or_create(labels));
        }
        drop(self.queue_length.get_or_create(labels));
        self.latency.show(labels);
        self.discovered.inc();
    }

    /// Forgets one that is gone.
    pub(super) fn remove(&self, labels: &LabelSet) {
        for counter in [&self.sent, &self.errors, &self.dropped] {
            counter.remove(labels);
        }
        self.queue_length.remove(labels);
        self.latency.remove(labels);
        self.discovered.dec();
    }
}
