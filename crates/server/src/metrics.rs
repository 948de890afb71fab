//! What the server counts of itself.

pub(crate) mod named;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a request counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The route, not the path: its values are few.
    pub handler: String,
    /// Status code.
    pub code: u16,
}

/// Labels of a refusal counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabels {
    /// Why.
    pub reason: &'static str,
}

/// Labels of a counter of received samples.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ProtocolLabels {
    /// `influx`, `otlp` or `pushgateway`.
    pub protocol: &'static str,
}

/// Counters of the server.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Requests by route and status.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds until the response's head was ready.
    pub seconds: Histogram,
    /// Open connections.
    pub connections: Gauge,
    /// Connections turned away, and requests refused before they reached a handler.
    pub refused: Family<ReasonLabels, Counter>,
    /// Queries under way.
    pub queries: Gauge,
    /// Seconds of queries, waiting included.
    pub query_seconds: Histogram,
    /// Queries whose client went away.
    pub query_cancelled: Counter,
    /// Samples received by remote write and stored.
    pub remote_write_samples: Counter,
    /// Samples received by remote write and not stored, by reason.
    pub remote_write_rejected: Family<ReasonLabels, Counter>,
    /// Samples received in other protocols and stored.
    pub received: Family<ProtocolLabels, Counter>,
    /// Samples received in those protocols and not stored, by reason.
    pub received_rejected: Family<ReasonLabels, Counter>,
    /// Open event streams.
    pub streams: Gauge,
    /// Log lines that slow readers did not get.
    pub log_lines_dropped: Counter,
    /// Logs on their way in.
    pub(crate) logs: crate::logs::Metrics,
    /// Under Prometheus' names.
    pub(crate) named: named::Named,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 4.0, 9)),
            connections: Gauge::default(),
            refused: Family::default(),
            queries: Gauge::default(),
            query_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 9)),
            query_cancelled: Counter::default(),
            remote_write_samples: Counter::default(),
            remote_write_rejected: Family::default(),
            received: Family::default(),
            received_rejected: Family::default(),
            streams: Gauge::default(),
            log_lines_dropped: Counter::default(),
            logs: crate::logs::Metrics::default(),
            named: named::Named::default(),
        }
    }
}

impl Metrics {
    /// Counts what came by `protocol` and was stored.
    pub(crate) fn received(&self, protocol: &'static str, samples: usize) {
        self.received.get_or_create(&ProtocolLabels { protocol }).inc_by(samples as u64);
    }

    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        self.named.register(registry);
        self.logs.register(registry);
        registry.register(
            "bonghwa_http_requests",
            "HTTP requests by route and status",
            self.requests.clone(),
        );
        registry.register(
            "bonghwa_http_request_duration_seconds",
            "Time until the head of a response was ready",
            self.seconds.clone(),
        );
        registry.register("bonghwa_http_connections", "Open connections", self.connections.clone());
        registry.register(
            "bonghwa_http_refused",
            "Connections and requests refused before they reached a handler",
            self.refused.clone(),
        );
        registry.register("bonghwa_queries", "Queries under way", self.queries.clone());
        registry.register("bonghwa_query_duration_seconds", "Time of queries", self.query_seconds.clone());
        registry.register(
            "bonghwa_queries_cancelled",
            "Queries whose client went away",
            self.query_cancelled.clone(),
        );
        registry.register(
            "bonghwa_remote_write_samples",
            "Samples received by remote write and stored",
            self.remote_write_samples.clone(),
        );
        registry.register(
            "bonghwa_remote_write_rejected_samples",
            "Samples received by remote write and not stored",
            self.remote_write_rejected.clone(),
        );
        registry.register(
            "bonghwa_received_samples",
            "Samples received in other protocols than remote write and stored",
            self.received.clone(),
        );
        registry.register(
            "bonghwa_received_rejected_samples",
            "Samples received in other protocols than remote write and not stored",
            self.received_rejected.clone(),
        );
        registry.register("bonghwa_http_streams", "Open event streams", self.streams.clone());
        registry.register(
            "bonghwa_log_tail_dropped_lines",
            "Log lines that slow readers did not get",
            self.log_lines_dropped.clone(),
        );
    }
}
