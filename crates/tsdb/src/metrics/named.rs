//! Figures under the names that dashboards and alerts of Prometheus users ask for. Only those that mean here what they
//! mean there.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Metrics;

/// `float` or `histogram`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    /// What kind of samples.
    pub(crate) r#type: &'static str,
}

type ByKind = Family<Kind, Counter>;
type Seconds = Gauge<f64, AtomicU64>;

/// What has no name of our own.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Samples taken by kind.
    pub(crate) appended: ByKind,
    /// Samples behind the out-of-order window, by kind.
    pub(crate) out_of_order: ByKind,
    /// Samples older than the retention, or too far in the future, by kind.
    pub(crate) out_of_bound: ByKind,
    /// Chunks in memory.
    pub(crate) head_chunks: Gauge,
    /// Oldest and newest sample in memory, ms.
    pub(crate) head_min: Gauge,
    pub(crate) head_max: Gauge,
    pub(crate) lowest: Gauge,
    /// Bytes of the log, and its newest segment.
    pub(crate) log_bytes: Gauge,
    pub(crate) log_segment: Gauge,
    pub(crate) log_cuts: Counter,
    pub(crate) compactions_failed: Counter,
    pub(crate) block_bytes: Gauge,
    pub(crate) block_reloads: Counter,
    pub(crate) block_failures: Counter,
    pub(crate) by_time: Counter,
    pub(crate) by_size: Counter,
    pub(crate) retention_bytes: Gauge,
    pub(crate) retention_seconds: Seconds,
    pub(crate) replay_seconds: Seconds,
    pub(crate) max_exemplars: Gauge,
    /// Exemplars refused because they came too late.
    pub(crate) late_exemplars: Counter,
    pub(crate) head_min_seconds: Seconds,
    pub(crate) head_max_seconds: Seconds,
    pub(crate) lowest_seconds: Seconds,
    /// Bytes and samples of what a compaction wrote for one series at one time.
    pub(crate) page_bytes: Histogram,
    pub(crate) page_samples: Histogram,
}

impl Default for Named {
    fn default() -> Self {
        Self {
            appended: Family::default(),
            out_of_order: Family::default(),
            out_of_bound: Family::default(),
            head_chunks: Gauge::default(),
            head_min: Gauge::default(),
            head_max: Gauge::default(),
            lowest: Gauge::default(),
            log_bytes: Gauge::default(),
            log_segment: Gauge::default(),
            log_cuts: Counter::default(),
            compactions_failed: Counter::default(),
            block_bytes: Gauge::default(),
            block_reloads: Counter::default(),
            block_failures: Counter::default(),
            by_time: Counter::default(),
            by_size: Counter::default(),
            retention_bytes: Gauge::default(),
            retention_seconds: Gauge::default(),
            replay_seconds: Gauge::default(),
            max_exemplars: Gauge::default(),
            late_exemplars: Counter::default(),
            head_min_seconds: Gauge::default(),
            head_max_seconds: Gauge::default(),
            lowest_seconds: Gauge::default(),
            // The buckets of Prometheus, so that its dashboards fit.
            page_bytes: Histogram::new(exponential_buckets(32.0, 1.5, 12)),
            page_samples: Histogram::new(exponential_buckets(4.0, 1.5, 12)),
        }
    }
}

impl Metrics {
    /// Floats taken.
    pub fn floats_appended(&self) -> Counter {
        self.named.appended.get_or_create_owned(&Kind { r#type: "float" })
    }

    /// Histograms taken.
    pub fn histograms_appended(&self) -> Counter {
        self.named.appended.get_or_create_owned(&Kind { r#type: "histogram" })
    }

    pub(super) fn register_named(&self, registry: &mut Registry) {
        // Rates over counters that appear with their first refusal would miss it.
        for counter in [&self.named.appended, &self.named.out_of_order, &self.named.out_of_bound] {
            for kind in ["float", "histogram"] {
                drop(counter.get_or_create(&Kind { r#type: kind }));
            }
        }
        let tsdb = registry.sub_registry_with_prefix("prometheus_tsdb");
        self.register_head(tsdb);
        self.register_log_and_blocks(tsdb);
        let e = tsdb.sub_registry_with_prefix("exemplar");
        e.register("exemplars_appended", "Exemplars taken", self.exemplars_appended.clone());
        e.register(
            "out_of_order_exemplars",
            "Exemplars that came too late",
            self.named.late_exemplars.clone(),
        );
        e.register("exemplars_in_storage", "Exemplars in memory", self.exemplars.clone());
        e.register(
            "series_with_exemplars_in_storage",
            "Series with an exemplar",
            self.exemplar_series.clone(),
        );
        e.register(
            "last_exemplars_timestamp_seconds",
            "Time of the oldest exemplar",
            self.oldest_exemplar.clone(),
        );
        e.register("max_exemplars", "Most exemplars kept", self.named.max_exemplars.clone());
    }

    fn register_head(&self, tsdb: &mut Registry) {
        let (r, n) = (tsdb, &self.named);
        r.register("head_series", "Series in memory", self.series.clone());
        r.register("head_series_created", "Series created in memory", self.series_created.clone());
        r.register("head_series_removed", "Series that left memory", self.series_removed.clone());
        r.register("head_chunks", "Chunks in memory", n.head_chunks.clone());
        r.register("head_samples_appended", "Samples taken, by kind", n.appended.clone());
        r.register("head_min_time", "Time of the oldest sample in memory, ms", n.head_min.clone());
        r.register("head_max_time", "Time of the newest sample in memory, ms", n.head_max.clone());
        r.register(
            "head_min_time_seconds",
            "Time of the oldest sample in memory",
            n.head_min_seconds.clone(),
        );
        r.register(
            "head_max_time_seconds",
            "Time of the newest sample in memory",
            n.head_max_seconds.clone(),
        );
        r.register("lowest_timestamp_seconds", "Time of the oldest sample", n.lowest_seconds.clone());
        r.register("lowest_timestamp", "Time of the oldest sample, ms", n.lowest.clone());
        r.register(
            "out_of_order_samples",
            "Samples refused because they came too late, by kind",
            n.out_of_order.clone(),
        );
        r.register(
            "out_of_bound_samples",
            "Samples refused because they are too old or too far in the future, by kind",
            n.out_of_bound.clone(),
        );
    }

    fn register_log_and_blocks(&self, tsdb: &mut Registry) {
        let (r, n) = (tsdb, &self.named);
        r.register("wal_storage_size_bytes", "Bytes of the log", n.log_bytes.clone());
        r.register("wal_segment_current", "Number of the newest log segment", n.log_segment.clone());
        r.register("wal_truncations", "How often the log was cut", n.log_cuts.clone());
        r.register("wal_corruptions", "Corrupt places in the log", self.log_corruptions.clone());
        r.register("data_replay_duration_seconds", "How long opening took", n.replay_seconds.clone());
        r.register("blocks_loaded", "Blocks on disk", self.blocks.clone());
        r.register("storage_blocks_bytes", "Bytes of all blocks", n.block_bytes.clone());
        r.register("reloads", "How often the set of blocks changed", n.block_reloads.clone());
        r.register("reloads_failures", "Blocks that could not be opened", n.block_failures.clone());
        r.register("compactions", "Compactions of blocks", self.compactions.clone());
        r.register("compactions_failed", "Flushes and compactions that failed", n.compactions_failed.clone());
        r.register(
            "compaction_chunk_size_bytes",
            "Bytes of the pages that compactions wrote",
            n.page_bytes.clone(),
        );
        r.register(
            "compaction_chunk_samples",
            "Samples of the pages that compactions wrote",
            n.page_samples.clone(),
        );
        r.register("time_retentions", "How often blocks were removed for their age", n.by_time.clone());
        r.register("size_retentions", "How often blocks were removed for their size", n.by_size.clone());
        r.register(
            "retention_limit_bytes",
            "What the store may take on disk, 0: no limit",
            n.retention_bytes.clone(),
        );
        r.register(
            "retention_limit_seconds",
            "How long samples are kept, 0: no limit",
            n.retention_seconds.clone(),
        );
    }
}
