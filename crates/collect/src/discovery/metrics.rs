//! What discovery counts, under Prometheus' names.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use model::Summary;
use model::summary::LabelSet;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Mechanisms that ask at the refresh interval.
const REFRESHED: [&str; 4] = ["dns", "docker", "dockerswarm", "http"];

/// Who is found out about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Mechanism {
    /// The kind of discovery, e.g. `http`.
    pub mechanism: &'static str,
    /// Name of the job.
    pub config: String,
}

/// Whose targets are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Purpose {
    /// `scrape`, or `notify` for Alertmanagers.
    pub name: &'static str,
}

/// A job, or a section of Alertmanagers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Owner {
    /// `scrape` or `notify`.
    pub name: &'static str,
    /// Name of the job, or `config-0`.
    pub config: String,
}

/// A file of targets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FileName {
    /// Its path.
    pub filename: String,
}

/// Counters and figures of all sources.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Rounds that failed, by mechanism and job.
    pub refreshes: Family<Mechanism, Counter>,
    /// Rounds of `http_sd` that failed.
    pub http: Counter,
    /// Calls to Consul that failed.
    pub consul: Counter,
    /// Queries of names, and those that failed.
    pub lookups: Counter,
    /// See [`Metrics::lookups`].
    pub lookup_failures: Counter,
    /// Files that could not be read.
    pub file_errors: Counter,
    /// When files were changed last, seconds.
    pub file_times: Family<FileName, Gauge<f64, AtomicU64>>,
    /// Label sets found.
    pub discovered: Family<Owner, Gauge>,
    /// Mechanisms that configurations ask for and that are not there.
    pub failed: Family<Purpose, Gauge>,
    received: Family<Purpose, Counter>,
    taken: Family<Purpose, Counter>,
    refresh_seconds: Summary,
    scan_seconds: Summary,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            refreshes: Family::default(),
            http: Counter::default(),
            consul: Counter::default(),
            lookups: Counter::default(),
            lookup_failures: Counter::default(),
            file_errors: Counter::default(),
            file_times: Family::default(),
            discovered: Family::default(),
            failed: Family::default(),
            received: Family::default(),
            taken: Family::default(),
            refresh_seconds: Summary::new(&[0.5, 0.9, 0.99]),
            scan_seconds: Summary::new(&[0.5, 0.9, 0.99]),
        }
    }
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        for name in ["scrape", "notify"] {
            let purpose = Purpose { name };
            drop(self.received.get_or_create(&purpose));
            drop(self.taken.get_or_create(&purpose));
            drop(self.failed.get_or_create(&purpose));
        }
        self.scan_seconds.show(&[]);
        let r = registry.sub_registry_with_prefix("prometheus_sd");
        r.register("discovered_targets", "Current number of discovered targets", self.discovered.clone());
        r.register("failed_configs", "Mechanisms asked for that are not there", self.failed.clone());
        r.register("received_updates", "Updates that sources gave", self.received.clone());
        r.register("updates", "Updates that were taken", self.taken.clone());
        r.register("refresh_failures", "Refreshes that failed", self.refreshes.clone());
        self.refresh_seconds.register(r, "refresh_duration_seconds", "Durations of refreshes");
        r.register("http_failures", "HTTP service discovery refreshes that failed", self.http.clone());
        r.register("consul_rpc_failures", "Calls to Consul that failed", self.consul.clone());
        r.register("dns_lookups", "DNS lookups", self.lookups.clone());
        r.register("dns_lookup_failures", "DNS lookups that failed", self.lookup_failures.clone());
        r.register("file_read_errors", "Files that could not be read", self.file_errors.clone());
        r.register("file_mtime_seconds", "When a file was changed last", self.file_times.clone());
        self.scan_seconds.register(r, "file_scan_duration_seconds", "Durations of looking at files");
    }

    /// Forgets a job, or a section of Alertmanagers.
    pub(crate) fn forget(&self, owner: &Owner) {
        for mechanism in REFRESHED {
            self.refreshes.remove(&Mechanism { mechanism, config: owner.config.clone() });
            self.refresh_seconds.remove(&refresh_labels(mechanism, &owner.config));
        }
        self.discovered.remove(owner);
    }

    /// All label sets of an owner were taken: how many there are.
    pub(super) fn taken(&self, owner: &Owner, found: usize) {
        self.taken.get_or_create(&Purpose { name: owner.name }).inc();
        self.discovered.get_or_create(owner).set(i64::try_from(found).unwrap_or(i64::MAX));
    }
}

fn refresh_labels(mechanism: &str, config: &str) -> LabelSet {
    vec![("mechanism".to_owned(), mechanism.to_owned()), ("config".to_owned(), config.to_owned())]
}

/// Counts for one source.
#[derive(Clone)]
pub(super) struct Count {
    metrics: Metrics,
    mechanism: &'static str,
    owner: Owner,
}

impl Count {
    /// Begins at 0: a rate over a counter that appears with its first failure would miss it.
    pub(super) fn new(metrics: &Metrics, mechanism: &'static str, owner: &Owner) -> Self {
        let count = Self { metrics: metrics.clone(), mechanism, owner: owner.clone() };
        if REFRESHED.contains(&mechanism) {
            drop(metrics.refreshes.get_or_create(&count.of()));
            metrics.refresh_seconds.show(&refresh_labels(mechanism, &owner.config));
        }
        count
    }

    fn of(&self) -> Mechanism {
        Mechanism { mechanism: self.mechanism, config: self.owner.config.clone() }
    }

    /// A round, a call or a file failed.
    pub(super) fn failed(&self) {
        if REFRESHED.contains(&self.mechanism) {
            self.metrics.refreshes.get_or_create(&self.of()).inc();
        }
        match self.mechanism {
            "http" => self.metrics.http.inc(),
            "consul" => self.metrics.consul.inc(),
            _ => 0,
        };
    }

    /// The source gave a list.
    pub(super) fn received(&self) {
        self.metrics.received.get_or_create(&Purpose { name: self.owner.name }).inc();
    }

    /// A round took so long, whether it failed or not.
    pub(super) fn took(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        match self.mechanism {
            "file" => self.metrics.scan_seconds.observe(&[], seconds),
            of => self.metrics.refresh_seconds.observe(&refresh_labels(of, &self.owner.config), seconds),
        }
    }

    /// A name was asked for.
    pub(super) fn lookup(&self, failed: bool) {
        self.metrics.lookups.inc();
        self.metrics.lookup_failures.inc_by(u64::from(failed));
    }

    /// A file was read, or could not be; `None`: it is gone.
    pub(super) fn file(&self, path: &str, read: Option<(Option<f64>, bool)>) {
        let name = FileName { filename: path.to_owned() };
        let Some((changed, failed)) = read else {
            self.metrics.file_times.remove(&name);
            return;
        };
        if let Some(seconds) = changed {
            self.metrics.file_times.get_or_create(&name).set(seconds);
        }
        self.metrics.file_errors.inc_by(u64::from(failed));
    }
}
