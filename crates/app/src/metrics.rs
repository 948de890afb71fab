//! What the process counts of itself.

mod own;

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Metrics of the process as a whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    /// 1 where the last reload was taken.
    pub(crate) reload_ok: Gauge,
    /// When the running configuration was read, seconds.
    pub(crate) reload_seconds: Gauge<f64, AtomicU64>,
    /// What the allocator holds.
    pub(crate) resident: Gauge,
    /// The memory limit.
    pub(crate) memory_limit: Gauge,
    /// What is reserved.
    pub(crate) reserved: Gauge,
    /// Reservations that were refused.
    pub(crate) refused: Gauge,
    /// Lines of our own log that were over its rate.
    pub(crate) log_suppressed: Gauge,
    /// Failures of the stores' upkeep.
    pub(crate) maintenance_failures: Counter,
    /// When the process started, seconds.
    pub(crate) start_seconds: Gauge<f64, AtomicU64>,
    /// Constant 1 with version and revision.
    pub(crate) build: Family<Vec<(String, String)>, Gauge>,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(own::Own));
        let help = "Whether the last configuration reload was taken";
        registry.register("bonghwa_config_last_reload_successful", help, self.reload_ok.clone());
        registry.register("prometheus_config_last_reload_successful", help, self.reload_ok.clone());
        let help = "When the running configuration was read";
        registry.register(
            "bonghwa_config_last_reload_success_timestamp_seconds",
            help,
            self.reload_seconds.clone(),
        );
        registry.register(
            "prometheus_config_last_reload_success_timestamp_seconds",
            help,
            self.reload_seconds.clone(),
        );
        registry.register("bonghwa_memory_resident_bytes", "What the allocator holds", self.resident.clone());
        registry.register("bonghwa_memory_limit_bytes", "The memory limit", self.memory_limit.clone());
        registry.register(
            "bonghwa_memory_reserved_bytes",
            "Memory reserved by engines",
            self.reserved.clone(),
        );
        registry.register(
            "bonghwa_memory_refused_reservations",
            "Reservations refused",
            self.refused.clone(),
        );
        registry.register(
            "bonghwa_maintenance_failures",
            "Failed upkeep of stores",
            self.maintenance_failures.clone(),
        );
        registry.register(
            "process_start_time_seconds",
            "When the process started",
            self.start_seconds.clone(),
        );
        registry.register("bonghwa_build_info", "Version and revision", self.build.clone());
    }
}
