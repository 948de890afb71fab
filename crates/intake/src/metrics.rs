//! What was taken and what was not, and why.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The `reason` label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    /// Why, in one word.
    pub reason: &'static str,
}

/// Counters by reason.
pub type ByReason = Family<Reason, Counter>;

/// The door's own metrics.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Samples taken.
    pub samples_accepted: Counter,
    /// Samples not taken.
    pub samples_rejected: ByReason,
    /// Label sets that got no series. The samples that were meant for them never reach the door.
    pub series_refused: ByReason,
    /// Exemplars taken.
    pub exemplars_accepted: Counter,
    /// Exemplars not taken: over a limit, or repeats, and those older than the newest of their series.
    pub exemplars_rejected: ByReason,
    /// Events taken.
    pub events_accepted: Counter,
    /// Events not taken.
    pub events_rejected: ByReason,
}

impl Metrics {
    /// The counter of label sets that a budget of series refused.
    pub fn refused_by_budgets(&self) -> Counter {
        Counter::clone(&self.series_refused.get_or_create(&Reason { reason: "cardinality" }))
    }

    /// Makes the counters visible under `bonghwa_intake_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("bonghwa_intake");
        registry.register("samples_accepted", "Samples stored", self.samples_accepted.clone());
        registry.register(
            "samples_rejected",
            "Samples that were not stored, by reason",
            self.samples_rejected.clone(),
        );
        registry.register(
            "series_refused",
            "Label sets that were given no series, by reason",
            self.series_refused.clone(),
        );
        registry.register("exemplars_accepted", "Exemplars stored", self.exemplars_accepted.clone());
        registry.register(
            "exemplars_rejected",
            "Exemplars that were not stored, by reason",
            self.exemplars_rejected.clone(),
        );
        registry.register("events_accepted", "Events stored", self.events_accepted.clone());
        registry.register(
            "events_rejected",
            "Events that were not stored, by reason",
            self.events_rejected.clone(),
        );
    }
}

/// Adds one to the counter of `reason`.
pub(crate) fn count(family: &ByReason, reason: &'static str) {
    family.get_or_create(&Reason { reason }).inc();
}
