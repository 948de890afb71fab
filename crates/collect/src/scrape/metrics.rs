//! The scraper's own metrics.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The `job` label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Job {
    /// Name of the job.
    pub scrape_job: String,
}

/// The `reason` label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Why, in one word.
    pub reason: &'static str,
}

/// Counters of scrapes and of what they did not store.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Targets a job has.
    pub targets: Family<Job, Gauge>,
    /// Scrapes that worked.
    pub succeeded: Counter,
    /// Scrapes that did not.
    pub failed: Counter,
    /// Samples of scrapes that were not stored.
    pub dropped: Family<Reason, Counter>,
    /// Exemplars, which are not stored yet.
    pub exemplars: Counter,
}

impl Metrics {
    /// Makes them visible under `bonghwa_scrape_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("bonghwa_scrape");
        registry.register("targets", "Targets of a job", self.targets.clone());
        registry.register("succeeded", "Scrapes that worked", self.succeeded.clone());
        registry.register("failed", "Scrapes that did not work", self.failed.clone());
        registry.register("samples_dropped", "Scraped samples that were not stored", self.dropped.clone());
        registry.register(
            "exemplars_dropped",
            "Scraped exemplars that were not stored",
            self.exemplars.clone(),
        );
    }

    pub(crate) fn drop(&self, reason: &'static str, samples: u64) {
        self.dropped.get_or_create(&Reason { reason }).inc_by(samples);
    }
}
