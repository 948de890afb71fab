//! The scraper's own metrics.

use model::Summary;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::config::ScrapeConfig;
use crate::discovery;

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

/// The labels of a job that asks for discovery that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Unsupported {
    /// Name of the job.
    pub scrape_job: String,
    /// The mechanism, e.g. `gce_sd_configs`.
    pub mechanism: &'static str,
}

/// The label of Prometheus' own series about jobs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PoolName {
    /// Name of the job.
    pub scrape_job: String,
}

/// Counters of scrapes and of what they did not store.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Targets a job has.
    pub targets: Family<Job, Gauge>,
    /// Scrapes that worked.
    pub succeeded: Counter,
    /// Scrapes that did not.
    pub failed: Counter,
    /// Samples of scrapes that were not stored.
    pub dropped: Family<Reason, Counter>,
    /// Exemplars that were not stored: repeated by the target, or too old.
    pub exemplars: Counter,
    /// 1 for every mechanism of discovery that a job asks for and that is not there.
    pub unsupported: Family<Unsupported, Gauge>,
    /// Targets that a job may have.
    pub target_limit: Family<PoolName, Gauge>,
    /// How often the targets of a job were exchanged.
    pub syncs: Family<PoolName, Counter>,
    /// Scrapes that failed for a limit or for what they held, by Prometheus' names.
    pub causes: Causes,
    /// Label sets of a job that could not become targets.
    pub sync_failures: Family<PoolName, Counter>,
    /// Pools that were started, and those that could not be.
    pub pools: Counter,
    /// Pools that took another configuration.
    pub reloads: Counter,
    /// Seconds from one scrape of a target to the next, by interval.
    pub(crate) intervals: Summary,
    /// Seconds that an exchange of targets took, by job.
    pub(crate) sync_seconds: Summary,
    /// What discovery does.
    pub discovery: discovery::Metrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            targets: Family::default(),
            succeeded: Counter::default(),
            failed: Counter::default(),
            dropped: Family::default(),
            exemplars: Counter::default(),
            unsupported: Family::default(),
            target_limit: Family::default(),
            syncs: Family::default(),
            causes: Causes::default(),
            sync_failures: Family::default(),
            pools: Counter::default(),
            reloads: Counter::default(),
            intervals: Summary::new(&[0.01, 0.05, 0.5, 0.9, 0.99]),
            sync_seconds: Summary::new(&[0.01, 0.05, 0.5, 0.9, 0.99]),
            discovery: discovery::Metrics::default(),
        }
    }
}

/// Counters that rules of Prometheus' users look at.
#[derive(Debug, Clone, Default)]
pub struct Causes {
    /// A body over its limit.
    pub body_size: Counter,
    /// More samples than the job may have.
    pub sample_limit: Counter,
    /// Two samples of one series and time with different values.
    pub duplicate: Counter,
    /// Samples older than the newest.
    pub out_of_order: Counter,
    /// Samples too old, or too far in the future.
    pub out_of_bounds: Counter,
    /// Scrapes of jobs with more targets than they may have.
    pub target_limit: Counter,
    /// More labels, or longer ones, than the job may have.
    pub label_limits: Counter,
    /// Exemplars older than the newest of their series.
    pub exemplar_out_of_order: Counter,
}

impl Metrics {
    /// Makes them visible under `bonghwa_scrape_*`, and under Prometheus' names where it has one.
    pub fn register(&self, registry: &mut Registry) {
        self.register_prometheus(registry);
        self.discovery.register(registry);
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
        registry.register(
            "unsupported_discovery",
            "1 for every mechanism of discovery that a job asks for and that is not there",
            self.unsupported.clone(),
        );
    }

    /// Says which mechanisms of discovery jobs ask for that are not there.
    pub(crate) fn note_unsupported(&self, jobs: &[ScrapeConfig]) {
        self.unsupported.clear();
        let all: usize = jobs.iter().map(|job| job.discovery.unsupported().len()).sum();
        let purpose = discovery::Purpose { name: "scrape" };
        self.discovery.failed.get_or_create(&purpose).set(all as i64);
        for job in jobs {
            for mechanism in job.discovery.unsupported() {
                let labels = Unsupported { scrape_job: job.job_name.clone(), mechanism };
                self.unsupported.get_or_create(&labels).set(1);
            }
        }
    }

    fn register_prometheus(&self, registry: &mut Registry) {
        let causes = &self.causes;
        let registry = registry.sub_registry_with_prefix("prometheus_target");
        for (name, help, counter) in [
            ("scrapes_exceeded_body_size_limit", "Scrapes that hit the body size limit", &causes.body_size),
            ("scrapes_exceeded_sample_limit", "Scrapes that hit the sample limit", &causes.sample_limit),
            (
                "scrapes_sample_duplicate_timestamp",
                "Samples rejected for a duplicate timestamp with another value",
                &causes.duplicate,
            ),
            ("scrapes_sample_out_of_order", "Samples rejected for being out of order", &causes.out_of_order),
            (
                "scrapes_sample_out_of_bounds",
                "Samples rejected for being outside the time bounds",
                &causes.out_of_bounds,
            ),
            (
                "scrape_pool_exceeded_target_limit",
                "Scrapes that failed for the target limit",
                &causes.target_limit,
            ),
            (
                "scrape_pool_exceeded_label_limits",
                "Scrapes that failed for the label limits",
                &causes.label_limits,
            ),
            (
                "scrapes_exemplar_out_of_order",
                "Exemplars rejected for being out of order",
                &causes.exemplar_out_of_order,
            ),
            ("scrape_pools", "Scrape pools started", &self.pools),
            ("scrape_pool_reloads", "Scrape pools that took another configuration", &self.reloads),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register("scrape_pool_targets", "Current number of targets", self.targets.clone());
        registry.register(
            "scrape_pool_target_limit",
            "Most targets of this scrape pool",
            self.target_limit.clone(),
        );
        registry.register("scrape_pool_sync", "Syncs of this scrape pool", self.syncs.clone());
        registry.register(
            "sync_failed",
            "Label sets that could not become targets",
            self.sync_failures.clone(),
        );
        self.intervals.register(registry, "interval_length_seconds", "Actual intervals between scrapes");
        self.sync_seconds.register(registry, "sync_length_seconds", "Durations of exchanging targets");
    }

    /// Counts a scrape that failed under the name that Prometheus has for the cause.
    pub(crate) fn failure(&self, error: &str) {
        for (start, counter) in [
            ("body size limit exceeded", &self.causes.body_size),
            ("sample_limit exceeded", &self.causes.sample_limit),
            ("target_limit exceeded", &self.causes.target_limit),
            ("label_limit exceeded", &self.causes.label_limits),
            ("label_name_length_limit exceeded", &self.causes.label_limits),
            ("label_value_length_limit exceeded", &self.causes.label_limits),
        ] {
            if error.starts_with(start) {
                counter.inc();
            }
        }
    }

    pub(crate) fn drop(&self, reason: &'static str, samples: u64) {
        self.dropped.get_or_create(&Reason { reason }).inc_by(samples);
        match reason {
            "duplicate" => self.causes.duplicate.inc_by(samples),
            "out_of_order" => self.causes.out_of_order.inc_by(samples),
            "too_old" | "too_far_in_future" => self.causes.out_of_bounds.inc_by(samples),
            _ => 0,
        };
    }
}
