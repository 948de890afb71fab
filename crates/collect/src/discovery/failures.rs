//! Failures of discovery, counted under Prometheus' names.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Mechanisms that ask at the refresh interval.
const REFRESHED: [&str; 4] = ["dns", "docker", "dockerswarm", "http"];

/// Who failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Mechanism {
    /// The kind of discovery, e.g. `http`.
    pub mechanism: &'static str,
    /// Name of the job.
    pub config: String,
}

/// Counters of what did not work.
#[derive(Debug, Clone, Default)]
pub struct Failures {
    /// Rounds that failed, by mechanism and job.
    pub refreshes: Family<Mechanism, Counter>,
    /// Rounds of `http_sd` that failed.
    pub http: Counter,
    /// Calls to Consul that failed.
    pub consul: Counter,
}

impl Failures {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("prometheus_sd");
        registry.register("refresh_failures", "Refreshes that failed", self.refreshes.clone());
        registry.register("http_failures", "HTTP service discovery refreshes that failed", self.http.clone());
        registry.register("consul_rpc_failures", "Calls to Consul that failed", self.consul.clone());
    }

    /// Forgets a job.
    pub(crate) fn forget(&self, config: &str) {
        for mechanism in REFRESHED {
            self.refreshes.remove(&Mechanism { mechanism, config: config.to_owned() });
        }
    }
}

/// Counts for one source.
pub(super) struct Count {
    failures: Failures,
    of: Mechanism,
}

impl Count {
    /// Begins at 0: a rate over a counter that appears with its first failure would miss it.
    pub(super) fn new(failures: &Failures, mechanism: &'static str, config: &str) -> Self {
        let of = Mechanism { mechanism, config: config.to_owned() };
        if REFRESHED.contains(&mechanism) {
            let _ = failures.refreshes.get_or_create(&of);
        }
        Self { failures: failures.clone(), of }
    }

    pub(super) fn inc(&self) {
        if REFRESHED.contains(&self.of.mechanism) {
            self.failures.refreshes.get_or_create(&self.of).inc();
        }
        match self.of.mechanism {
            "http" => self.failures.http.inc(),
            "consul" => self.failures.consul.inc(),
            _ => 0,
        };
    }
}
