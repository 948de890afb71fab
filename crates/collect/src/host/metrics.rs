//! What the host collector says of itself.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Why a sample was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) reason: &'static str,
}

/// Counters of the host collector.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) rounds: Counter,
    pub(crate) samples: Counter,
    pub(crate) rejected: Family<Reason, Counter>,
    pub(crate) failed: Counter,
    pub(crate) cpu_seconds: Counter<f64, AtomicU64>,
    pub(crate) failing: Gauge,
}

impl Metrics {
    /// Adds them to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("bonghwa_host_rounds", "Rounds of the host collector", self.rounds.clone());
        registry.register(
            "bonghwa_host_samples",
            "Samples of the host that were stored",
            self.samples.clone(),
        );
        registry.register(
            "bonghwa_host_rejected_samples",
            "Samples of the host that the store did not take, by reason",
            self.rejected.clone(),
        );
        registry.register(
            "bonghwa_host_failed_rounds",
            "Rounds of which nothing was stored because the store refused",
            self.failed.clone(),
        );
        registry.register(
            "bonghwa_host_cpu_seconds",
            "Processor seconds spent reading the host",
            self.cpu_seconds.clone(),
        );
        registry.register(
            "bonghwa_host_failing_collectors",
            "Collectors that gave no data in the last round",
            self.failing.clone(),
        );
    }
}
