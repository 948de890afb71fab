//! The store's own metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges of a store of records.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Records taken.
    pub appended: Counter,
    /// Bytes of their messages and text fields.
    pub appended_bytes: Counter,
    /// Records refused.
    pub refused: Counter,
    /// Bytes of records in memory.
    pub memory: Gauge,
    /// Streams in memory.
    pub streams: Gauge,
    /// Parts on disk.
    pub parts: Gauge,
    /// Their bytes.
    pub part_bytes: Gauge,
    /// Flushes of memory to a part.
    pub flushes: Counter,
    /// Merges of parts.
    pub merges: Counter,
    /// Records deleted on request.
    pub deleted: Counter,
    /// Parts set aside because they are corrupt.
    pub quarantined: Counter,
    /// Maintenance steps that failed.
    pub failures: Counter,
}

impl Metrics {
    /// Puts them into a registry.
    pub fn register(&self, registry: &mut Registry) {
        let r = registry.sub_registry_with_prefix("bonghwa_records");
        r.register("appended", "Records taken", self.appended.clone());
        r.register("appended_bytes", "Bytes of messages and text fields taken", self.appended_bytes.clone());
        r.register("refused", "Records refused", self.refused.clone());
        r.register("memory_bytes", "Bytes of records in memory", self.memory.clone());
        r.register("memory_streams", "Streams in memory", self.streams.clone());
        r.register("parts", "Parts on disk", self.parts.clone());
        r.register("part_bytes", "Bytes of parts on disk", self.part_bytes.clone());
        r.register("flushes", "Flushes of memory to a part", self.flushes.clone());
        r.register("merges", "Merges of parts", self.merges.clone());
        r.register("deleted", "Records deleted on request", self.deleted.clone());
        r.register("parts_quarantined", "Corrupt parts set aside", self.quarantined.clone());
        r.register("maintenance_failures", "Failed maintenance steps", self.failures.clone());
    }
}
