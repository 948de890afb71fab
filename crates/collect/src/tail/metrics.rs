//! Figures of the tail.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Figures of the tail.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Logs that are followed.
    pub logs: Gauge,
    /// Events handed on and stored.
    pub events: Counter,
    /// Bytes read from files, uncompressed.
    pub bytes: Counter,
    /// Times a file was rotated away, or emptied, before all of it was known to be read.
    pub gaps: Counter,
    /// Bytes of the past of new logs that were passed over.
    pub skipped: Counter,
    /// Lines that are not of their file's format.
    pub malformed: Counter,
    /// Events of which the end was cut off.
    pub cut: Counter,
    /// Batches that the store did not take at once.
    pub refused: Counter,
    /// Events of this program's own log that were left out, because it wrote too much.
    pub own_dropped: Counter,
    /// Logs that cannot be read.
    pub unreadable: Gauge,
}

impl Metrics {
    /// Makes them visible under `bonghwa_tail_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("bonghwa_tail");
        registry.register("logs", "Logs that are followed", self.logs.clone());
        registry.register("unreadable_logs", "Logs that cannot be read", self.unreadable.clone());
        let mut counter = |name: &str, help: &str, c: &Counter| registry.register(name, help, c.clone());
        counter("events", "Events of logs that were handed on", &self.events);
        counter("read_bytes", "Bytes read from logs, uncompressed", &self.bytes);
        counter("gaps", "Times a file was gone or emptied before all of it was known to be read", &self.gaps);
        counter("skipped_bytes", "Bytes of the past of new logs that were passed over", &self.skipped);
        counter("malformed_lines", "Lines that are not of their file's format", &self.malformed);
        counter("cut_events", "Events of which the end was cut off", &self.cut);
        counter("own_dropped_events", "Events of our own log beyond what it may write", &self.own_dropped);
        counter("retried_batches", "Batches that the store did not take at once", &self.refused);
    }
}
