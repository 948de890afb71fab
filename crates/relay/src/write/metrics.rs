//! What the queues count, under Prometheus' names: dashboards and alerts for remote write find what they look for.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct QueueLabels {
    /// Its name.
    pub remote_name: String,
    /// Where it sends.
    pub url: String,
}

/// One queue and a reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DropLabels {
    /// The queue's name.
    pub remote_name: String,
    /// Where it sends.
    pub url: String,
    /// Why something was dropped before it was sent.
    pub reason: &'static str,
}

/// Why something is dropped before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Relabelling.
    Series,
    /// `sample_age_limit`.
    TooOld,
    /// Version 1.0 knows no custom buckets.
    CustomBuckets,
    /// After a restart: the receiver has something newer of the series already.
    Repeated,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Series => "dropped_series",
            Self::TooOld => "too_old",
            Self::CustomBuckets => "nhcb_in_rw1_not_supported",
            Self::Repeated => "sent_before_restart",
        }
    }
}

/// What is sent, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) samples: u64,
    pub(super) histograms: u64,
    pub(super) exemplars: u64,
}

impl Counts {
    pub(super) const fn all(self) -> u64 {
        self.samples + self.histograms + self.exemplars
    }

    pub(super) fn add(&mut self, value: &model::FeedValue) {
        match value {
            model::FeedValue::Float(_) => self.samples += 1,
            model::FeedValue::Histogram(_) => self.histograms += 1,
            model::FeedValue::Exemplar(_) => self.exemplars += 1,
        }
    }
}

type Counters = Family<QueueLabels, Counter>;
type Gauges = Family<QueueLabels, Gauge>;
type Seconds = Family<QueueLabels, Gauge<f64, AtomicU64>>;

/// The same counter for samples, histograms and exemplars.
#[derive(Debug, Clone)]
struct Kinds<L> {
    samples: Family<L, Counter>,
    histograms: Family<L, Counter>,
    exemplars: Family<L, Counter>,
}

impl<L: Clone + std::hash::Hash + Eq> Default for Kinds<L> {
    fn default() -> Self {
        Self { samples: Family::default(), histograms: Family::default(), exemplars: Family::default() }
    }
}

impl<L: Clone + std::hash::Hash + Eq> Kinds<L> {
    fn of(&self, labels: &L) -> [Counter; 3] {
        [&self.samples, &self.histograms, &self.exemplars].map(|f| f.get_or_create_owned(labels))
    }

    fn remove(&self, labels: &L) {
        let _ = [&self.samples, &self.histograms, &self.exemplars].map(|f| f.remove(labels));
    }
}

impl<L: Clone + std::hash::Hash + Eq + EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static> Kinds<L> {
    fn register(&self, registry: &mut Registry, suffix: &str, help: &str) {
        for (kind, family) in
            [("samples", &self.samples), ("histograms", &self.histograms), ("exemplars", &self.exemplars)]
        {
            let name = format!("prometheus_remote_storage_{kind}{suffix}");
            registry.register(name, format!("{} {help}", capitalized(kind)), family.clone());
        }
    }
}

fn capitalized(kind: &str) -> String {
    let mut text = kind.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn durations() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0])
}

/// Metrics of all queues.
#[derive(Debug, Clone)]
pub struct Metrics {
    sent: Kinds<QueueLabels>,
    failed: Kinds<QueueLabels>,
    retried: Kinds<QueueLabels>,
    dropped: Kinds<DropLabels>,
    metadata: Counters,
    metadata_failed: Counters,
    metadata_retried: Counters,
    metadata_bytes: Counters,
    bytes: Counters,
    enqueue_retries: Counters,
    batch_seconds: Family<QueueLabels, Histogram, fn() -> Histogram>,
    highest_sent: Seconds,
    highest_read: Seconds,
    highest_stored: Gauge<f64, AtomicU64>,
    pending: Gauges,
    capacity: Gauges,
    shards: Gauges,
    shards_max: Gauges,
    shards_min: Gauges,
    shards_desired: Seconds,
    max_per_send: Gauges,
    log_bytes: Gauges,
    lost_bytes: Counters,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            sent: Kinds::default(),
            failed: Kinds::default(),
            retried: Kinds::default(),
            dropped: Kinds::default(),
            metadata: Family::default(),
            metadata_failed: Family::default(),
            metadata_retried: Family::default(),
            metadata_bytes: Family::default(),
            bytes: Family::default(),
            enqueue_retries: Family::default(),
            batch_seconds: Family::new_with_constructor(durations as fn() -> Histogram),
            highest_sent: Family::default(),
            highest_read: Family::default(),
            highest_stored: Gauge::default(),
            pending: Family::default(),
            capacity: Family::default(),
            shards: Family::default(),
            shards_max: Family::default(),
            shards_min: Family::default(),
            shards_desired: Family::default(),
            max_per_send: Family::default(),
            log_bytes: Family::default(),
            lost_bytes: Family::default(),
        }
    }
}

impl Metrics {
    /// Puts them into a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.sent.register(registry, "", "sent");
        self.failed.register(registry, "_failed", "that the receiver refused");
        self.retried.register(registry, "_retried", "that were sent again after an error that may pass");
        self.dropped.register(registry, "_dropped", "that were dropped before they were sent");
        let counters = [
            ("metadata", "Metadata entries sent", &self.metadata),
            ("metadata_failed", "Metadata entries that the receiver refused", &self.metadata_failed),
            ("metadata_retried", "Metadata entries sent again", &self.metadata_retried),
            ("metadata_bytes", "Bytes of metadata sent, compressed", &self.metadata_bytes),
            ("bytes", "Bytes of samples sent, compressed", &self.bytes),
            ("enqueue_retries", "Times that a shard's queue was full", &self.enqueue_retries),
        ];
        for (name, help, family) in counters {
            registry.register(format!("prometheus_remote_storage_{name}"), help, family.clone());
        }
        let gauges = [
            ("samples_pending", "Samples read from the log and not delivered", &self.pending),
            ("shard_capacity", "Samples that may wait in a shard", &self.capacity),
            ("shards", "Requests under way at once", &self.shards),
            ("shards_max", "The most requests under way at once", &self.shards_max),
            ("shards_min", "The fewest requests under way at once", &self.shards_min),
            ("max_samples_per_send", "The most samples in a request", &self.max_per_send),
        ];
        for (name, help, family) in gauges {
            registry.register(format!("prometheus_remote_storage_{name}"), help, family.clone());
        }
        self.register_times(registry);
        registry.register(
            "bonghwa_relay_log_bytes",
            "Bytes of the log that are not delivered",
            self.log_bytes.clone(),
        );
        registry.register(
            "bonghwa_relay_lost_bytes",
            "Bytes of the log given up because more was waiting than may",
            self.lost_bytes.clone(),
        );
    }

    fn register_times(&self, registry: &mut Registry) {
        let seconds = [
            (
                "queue_highest_sent_timestamp_seconds",
                "Time of the newest sample delivered",
                &self.highest_sent,
            ),
            (
                "queue_highest_timestamp_seconds",
                "Time of the newest sample read from the log",
                &self.highest_read,
            ),
            ("shards_desired", "Shards that would keep up with what is stored", &self.shards_desired),
        ];
        for (name, help, family) in seconds {
            registry.register(format!("prometheus_remote_storage_{name}"), help, family.clone());
        }
        registry.register(
            "prometheus_remote_storage_highest_timestamp_in_seconds",
            "Time of the newest sample stored",
            self.highest_stored.clone(),
        );
        registry.register(
            "prometheus_remote_storage_sent_batch_duration_seconds",
            "How long requests took",
            self.batch_seconds.clone(),
        );
    }

    pub(super) fn queue(&self, name: &str, url: &str) -> QueueMetrics {
        let labels = QueueLabels { remote_name: name.to_owned(), url: url.to_owned() };
        let drop = |reason: Reason| {
            self.dropped.of(&DropLabels {
                remote_name: name.to_owned(),
                url: url.to_owned(),
                reason: reason.as_str(),
            })
        };
        QueueMetrics {
            sent: self.sent.of(&labels),
            failed: self.failed.of(&labels),
            retried: self.retried.of(&labels),
            dropped_series: drop(Reason::Series),
            dropped_old: drop(Reason::TooOld),
            dropped_custom: drop(Reason::CustomBuckets),
            dropped_repeated: drop(Reason::Repeated),
            metadata: self.metadata.get_or_create_owned(&labels),
            metadata_failed: self.metadata_failed.get_or_create_owned(&labels),
            metadata_retried: self.metadata_retried.get_or_create_owned(&labels),
            metadata_bytes: self.metadata_bytes.get_or_create_owned(&labels),
            bytes: self.bytes.get_or_create_owned(&labels),
            enqueue_retries: self.enqueue_retries.get_or_create_owned(&labels),
            batch_seconds: self.batch_seconds.get_or_create_owned(&labels),
            highest_sent: self.highest_sent.get_or_create_owned(&labels),
            highest_read: self.highest_read.get_or_create_owned(&labels),
            highest_stored: self.highest_stored.clone(),
            pending: self.pending.get_or_create_owned(&labels),
            capacity: self.capacity.get_or_create_owned(&labels),
            shards: self.shards.get_or_create_owned(&labels),
            shards_max: self.shards_max.get_or_create_owned(&labels),
            shards_min: self.shards_min.get_or_create_owned(&labels),
            shards_desired: self.shards_desired.get_or_create_owned(&labels),
            max_per_send: self.max_per_send.get_or_create_owned(&labels),
            log_bytes: self.log_bytes.get_or_create_owned(&labels),
            lost_bytes: self.lost_bytes.get_or_create_owned(&labels),
        }
    }

    /// Forgets a queue that is gone, so that nobody is alarmed for it.
    pub(super) fn remove(&self, name: &str, url: &str) {
        let labels = QueueLabels { remote_name: name.to_owned(), url: url.to_owned() };
        let _ = [&self.sent, &self.failed, &self.retried].map(|kinds| kinds.remove(&labels));
        for reason in [Reason::Series, Reason::TooOld, Reason::CustomBuckets, Reason::Repeated] {
            let reason = reason.as_str();
            self.dropped.remove(&DropLabels { remote_name: name.to_owned(), url: url.to_owned(), reason });
        }
        for family in [
            &self.metadata,
            &self.metadata_failed,
            &self.metadata_retried,
            &self.metadata_bytes,
            &self.bytes,
            &self.enqueue_retries,
            &self.lost_bytes,
        ] {
            family.remove(&labels);
        }
        for family in [
            &self.pending,
            &self.capacity,
            &self.shards,
            &self.shards_max,
            &self.shards_min,
            &self.max_per_send,
            &self.log_bytes,
        ] {
            family.remove(&labels);
        }
        let _ = [&self.highest_sent, &self.highest_read, &self.shards_desired]
            .map(|family| family.remove(&labels));
        self.batch_seconds.remove(&labels);
    }
}

/// Metrics of one queue.
#[derive(Debug, Clone)]
pub(super) struct QueueMetrics {
    sent: [Counter; 3],
    failed: [Counter; 3],
    retried: [Counter; 3],
    dropped_series: [Counter; 3],
    dropped_old: [Counter; 3],
    dropped_custom: [Counter; 3],
    dropped_repeated: [Counter; 3],
    pub(super) metadata: Counter,
    pub(super) metadata_failed: Counter,
    pub(super) metadata_retried: Counter,
    pub(super) metadata_bytes: Counter,
    pub(super) bytes: Counter,
    pub(super) enqueue_retries: Counter,
    pub(super) batch_seconds: Histogram,
    pub(super) highest_sent: Gauge<f64, AtomicU64>,
    pub(super) highest_read: Gauge<f64, AtomicU64>,
    pub(super) highest_stored: Gauge<f64, AtomicU64>,
    pub(super) pending: Gauge,
    pub(super) capacity: Gauge,
    pub(super) shards: Gauge,
    pub(super) shards_max: Gauge,
    pub(super) shards_min: Gauge,
    pub(super) shards_desired: Gauge<f64, AtomicU64>,
    pub(super) max_per_send: Gauge,
    pub(super) log_bytes: Gauge,
    pub(super) lost_bytes: Counter,
}

fn count(counters: &[Counter; 3], counts: Counts) {
    let [samples, histograms, exemplars] = counters;
    samples.inc_by(counts.samples);
    histograms.inc_by(counts.histograms);
    exemplars.inc_by(counts.exemplars);
}

fn total(counters: &[Counter; 3]) -> u64 {
    counters.iter().map(Counter::get).sum()
}

impl QueueMetrics {
    pub(super) fn sent(&self, counts: Counts) {
        count(&self.sent, counts);
    }

    pub(super) fn failed(&self, counts: Counts) {
        count(&self.failed, counts);
    }

    pub(super) fn retried(&self, counts: Counts) {
        count(&self.retried, counts);
    }

    pub(super) fn dropped(&self, reason: Reason, counts: Counts) {
        let counters = match reason {
            Reason::Series => &self.dropped_series,
            Reason::TooOld => &self.dropped_old,
            Reason::CustomBuckets => &self.dropped_custom,
            Reason::Repeated => &self.dropped_repeated,
        };
        count(counters, counts);
    }

    pub(super) fn total_sent(&self) -> u64 {
        total(&self.sent)
    }

    pub(super) fn total_failed(&self) -> u64 {
        total(&self.failed)
    }

    pub(super) fn total_retried(&self) -> u64 {
        total(&self.retried)
    }

    pub(super) fn total_dropped(&self) -> u64 {
        [&self.dropped_series, &self.dropped_old, &self.dropped_custom, &self.dropped_repeated]
            .map(total)
            .iter()
            .sum()
    }
}
