//! The store's own metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges of an event store.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Events taken.
    pub appended: Counter,
    /// Events refused.
    pub rejected: Counter,
    /// Parts on disk.
    pub parts: Gauge,
    /// Flushes of memory to a part.
    pub flushes: Counter,
    /// Merges of parts.
    pub merges: Counter,
    /// Parts set aside because they are corrupt.
    pub quarantined: Counter,
    /// Maintenance steps that failed.
    pub failures: Counter,
}

impl Metrics {
    /// Puts them into a registry.
    pub fn register(&self, registry: &mut Registry) {
        let r = registry;
        r.register("bonghwa_events_appended", "Events taken", self.appended.clone());
        r.register("bonghwa_events_rejected", "Events refused", self.rejected.clone());
        r.register("bonghwa_events_parts", "Parts on disk", self.parts.clone());
        r.register("bonghwa_events_flushes", "Flushes of memory to a part", self.flushes.clone());
        r.register("bonghwa_events_merges", "Merges of parts", self.merges.clone());
        r.register("bonghwa_events_parts_quarantined", "Corrupt parts set aside", self.quarantined.clone());
        r.register("bonghwa_events_maintenance_failures", "Failed maintenance steps", self.failures.clone());
    }
}
