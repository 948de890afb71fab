//! What is counted of notifications, under Alertmanager's names.

use std::sync::atomic::AtomicU64;

use model::summary::LabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

type Counters = Family<LabelSet, Counter>;
type Gauges = Family<LabelSet, Gauge<f64, AtomicU64>>;
type Histograms = Family<LabelSet, Histogram, fn() -> Histogram>;

/// Counters and figures of the pipeline.
#[derive(Debug, Clone)]
pub struct Metrics {
    alerts: Gauges,
    silences: Gauges,
    groups: Gauge<f64, AtomicU64>,
    told: Gauge<f64, AtomicU64>,
    notifications: Counters,
    failed: Counters,
    requests: Counters,
    requests_failed: Counters,
    suppressed: Counters,
    latency: Histograms,
    pub(super) group_limit_reached: Counter,
    pub(super) refused: Counter,
    pub(super) write_errors: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            alerts: Family::default(),
            silences: Family::default(),
            groups: Gauge::default(),
            told: Gauge::default(),
            notifications: Family::default(),
            failed: Family::default(),
            requests: Family::default(),
            requests_failed: Family::default(),
            suppressed: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new([1.0, 5.0, 10.0, 15.0, 20.0])),
            group_limit_reached: Counter::default(),
            refused: Counter::default(),
            write_errors: Counter::default(),
        }
    }
}

fn label(name: &str, value: &str) -> LabelSet {
    vec![(name.to_owned(), value.to_owned())]
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        let refused = "Alerts that were not taken because there are too many";
        registry.register("bonghwa_alerts_refused", refused, self.refused.clone());
        let write = "Times that what was told or what happened to alerts could not be written";
        registry.register("bonghwa_alert_ledger_write_errors", write, self.write_errors.clone());
        let registry = registry.sub_registry_with_prefix("alertmanager");
        registry.register("alerts", "Alerts that fire, by state", self.alerts.clone());
        registry.register("silences", "Silences, by state", self.silences.clone());
        registry.register("dispatcher_aggregation_groups", "Groups of alerts", self.groups.clone());
        registry.register("nflog_entries", "Notifications that are remembered", self.told.clone());
        registry.register(
            "dispatcher_aggregation_group_limit_reached",
            "Alerts that found no group because there are too many",
            self.group_limit_reached.clone(),
        );
        registry.register(
            "notification_latency_seconds",
            "How long attempts to notify took",
            self.latency.clone(),
        );
        for (name, help, counter) in [
            ("notifications", "Notifications", &self.notifications),
            ("notifications_failed", "Notifications that were not delivered", &self.failed),
            ("notification_requests", "Attempts to notify", &self.requests),
            ("notification_requests_failed", "Attempts to notify that failed", &self.requests_failed),
            ("notifications_suppressed", "Alerts that were kept quiet", &self.suppressed),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    pub(super) fn alerts(&self, state: &str, count: usize) {
        self.alerts.get_or_create(&label("state", state)).set(count as f64);
    }

    pub(super) fn silences(&self, state: &str, count: usize) {
        self.silences.get_or_create(&label("state", state)).set(count as f64);
    }

    pub(super) fn groups(&self, count: usize) {
        self.groups.set(count as f64);
    }

    pub(super) fn told(&self, count: usize) {
        self.told.set(count as f64);
    }

    pub(super) fn notification(&self, kind: &str) {
        self.notifications.get_or_create(&label("integration", kind)).inc();
    }

    pub(super) fn failed(&self, kind: &str, reason: &str) {
        let mut labels = label("integration", kind);
        labels.push(("reason".to_owned(), reason.to_owned()));
        self.failed.get_or_create(&labels).inc();
    }

    pub(super) fn request(&self, kind: &str) {
        self.requests.get_or_create(&label("integration", kind)).inc();
    }

    pub(super) fn request_failed(&self, kind: &str) {
        self.requests_failed.get_or_create(&label("integration", kind)).inc();
    }

    pub(super) fn suppressed(&self, reason: &str, alerts: usize) {
        self.suppressed.get_or_create(&label("reason", reason)).inc_by(alerts as u64);
    }

    pub(super) fn latency(&self, kind: &str, ms: i64) {
        self.latency.get_or_create(&label("integration", kind)).observe(ms as f64 / 1_000.0);
    }
}
