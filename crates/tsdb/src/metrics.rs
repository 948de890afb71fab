//! The store's own metrics.

mod named;

use model::RejectReason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use named::Kind;
pub(crate) use named::Named;

/// Why samples were refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// See [`RejectReason::as_str`].
    pub reason: &'static str,
}

/// Counters and gauges of a store.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Samples taken.
    pub appended: Counter,
    /// Samples refused.
    pub rejected: Family<Reason, Counter>,
    /// Series in memory.
    pub series: Gauge,
    /// Series ever created in memory.
    pub series_created: Counter,
    /// Series that left memory.
    pub series_removed: Counter,
    /// Series that were refused: limits, or no memory.
    pub series_refused: Counter,
    /// Blocks on disk.
    pub blocks: Gauge,
    /// Flushes.
    pub flushes: Counter,
    /// Compactions.
    pub compactions: Counter,
    /// Maintenance steps that failed.
    pub failures: Counter,
    /// Blocks set aside because they are corrupt.
    pub quarantined: Counter,
    /// Corrupt places found in the log.
    pub log_corruptions: Counter,
    /// Bytes of log kept for followers beyond what the store needs.
    pub feed_kept_bytes: Gauge,
    /// Bytes of log given up over the caps of followers, unread.
    pub feed_lost_bytes: Counter,
    /// Corrupt places that followers passed over.
    pub feed_corruptions: Counter,
    /// Samples that followers passed over because the labels of their series were lost.
    pub feed_orphans: Counter,
    /// Exemplars taken.
    pub exemplars_appended: Counter,
    /// Exemplars in memory.
    pub exemplars: Gauge,
    /// Series with an exemplar.
    pub exemplar_series: Gauge,
    /// Time of the oldest exemplar in seconds.
    pub oldest_exemplar: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// Under the names of Prometheus.
    pub(crate) named: Named,
}

/// Every reason, for iteration.
pub(crate) const REASONS: [RejectReason; 8] = [
    RejectReason::UnknownSeries,
    RejectReason::Duplicate,
    RejectReason::OutOfOrder,
    RejectReason::TooOld,
    RejectReason::TooFarInFuture,
    RejectReason::Limit,
    RejectReason::Memory,
    RejectReason::Invalid,
];

impl Metrics {
    /// Puts them into a registry.
    pub fn register(&self, registry: &mut Registry) {
        let r = registry;
        r.register("bonghwa_tsdb_samples_appended", "Samples taken", self.appended.clone());
        r.register("bonghwa_tsdb_samples_rejected", "Samples refused, by reason", self.rejected.clone());
        r.register("bonghwa_tsdb_head_series", "Series in memory", self.series.clone());
        r.register(
            "bonghwa_tsdb_head_series_created",
            "Series created in memory",
            self.series_created.clone(),
        );
        r.register(
            "bonghwa_tsdb_head_series_removed",
            "Series that left memory",
            self.series_removed.clone(),
        );
        r.register(
            "bonghwa_tsdb_head_series_refused",
            "New series refused for want of memory, or over a limit",
            self.series_refused.clone(),
        );
        r.register("bonghwa_tsdb_blocks", "Blocks on disk", self.blocks.clone());
        r.register("bonghwa_tsdb_flushes", "Flushes of memory to blocks", self.flushes.clone());
        r.register("bonghwa_tsdb_compactions", "Compactions of blocks", self.compactions.clone());
        r.register("bonghwa_tsdb_maintenance_failures", "Failed maintenance steps", self.failures.clone());
        r.register("bonghwa_tsdb_blocks_quarantined", "Corrupt blocks set aside", self.quarantined.clone());
        r.register("bonghwa_tsdb_exemplars_appended", "Exemplars taken", self.exemplars_appended.clone());
        r.register("bonghwa_tsdb_exemplars", "Exemplars in memory", self.exemplars.clone());
        r.register("bonghwa_tsdb_exemplar_series", "Series with an exemplar", self.exemplar_series.clone());
        r.register(
            "bonghwa_tsdb_oldest_exemplar_seconds",
            "Time of the oldest exemplar",
            self.oldest_exemplar.clone(),
        );
        r.register("bonghwa_tsdb_log_corruptions", "Corrupt places in the log", self.log_corruptions.clone());
        self.register_feed(r);
        self.register_named(r);
    }

    /// What followers of the log keep and lose.
    fn register_feed(&self, registry: &mut Registry) {
        let r = registry;
        r.register(
            "bonghwa_tsdb_feed_kept_bytes",
            "Bytes of the log kept for receivers beyond what the store itself needs",
            self.feed_kept_bytes.clone(),
        );
        r.register(
            "bonghwa_tsdb_feed_lost_bytes",
            "Bytes of the log that were given up unread because a receiver was over its cap",
            self.feed_lost_bytes.clone(),
        );
        r.register(
            "bonghwa_tsdb_feed_corruptions",
            "Corrupt places of the log that were passed over while reading it for receivers",
            self.feed_corruptions.clone(),
        );
        r.register(
            "bonghwa_tsdb_feed_orphans",
            "Samples not passed on because the labels of their series were lost",
            self.feed_orphans.clone(),
        );
    }

    pub(crate) fn show_exemplars(&self, ring: &crate::exemplars::Exemplars) {
        self.exemplars.set(ring.len() as i64);
        self.exemplar_series.set(ring.series() as i64);
        self.oldest_exemplar.set(ring.oldest().map_or(0.0, |ms| ms as f64 / 1_000.0));
    }

    /// Samples refused for this reason so far.
    pub fn rejected_so_far(&self, reason: RejectReason) -> u64 {
        self.rejected.get_or_create(&Reason { reason: reason.as_str() }).get()
    }

    pub(crate) fn take(&self, kind: &'static str, count: u64) {
        if count > 0 {
            self.appended.inc_by(count);
            self.named.appended.get_or_create(&Kind { r#type: kind }).inc_by(count);
        }
    }

    pub(crate) fn reject(&self, kind: &'static str, reason: RejectReason) {
        self.rejected.get_or_create(&Reason { reason: reason.as_str() }).inc();
        let named = match reason {
            RejectReason::OutOfOrder => &self.named.out_of_order,
            RejectReason::TooOld | RejectReason::TooFarInFuture => &self.named.out_of_bound,
            _ => return,
        };
        named.get_or_create(&Kind { r#type: kind }).inc();
    }
}
