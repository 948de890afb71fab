//! What was folded and refused, counted.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::rule::Refused;
use crate::metrics::{ByReason, count};

/// Metrics of the budgets.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Labels of metrics that fold now.
    pub rules: Gauge,
    /// Folded series.
    pub groups: Gauge,
    /// Members that are remembered.
    pub members: Gauge,
    /// 1 while memory is short.
    pub pressed: Gauge,
    /// How often folding began.
    pub folds: Counter,
    /// Samples of members that were added to a folded series.
    pub samples: Counter,
    /// Series and samples over a budget that were not taken.
    pub refused: ByReason,
}

impl Metrics {
    /// Makes them visible under `bonghwa_cardinality_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("bonghwa_cardinality");
        registry.register("folds_active", "Metrics whose labels fold now", self.rules.clone());
        registry.register("folded_series", "Series that stand for many", self.groups.clone());
        registry.register("folded_members", "Members of folded series, remembered", self.members.clone());
        registry.register("memory_short", "Whether memory is short", self.pressed.clone());
        registry.register("folds", "How often labels of a metric began to fold", self.folds.clone());
        registry.register(
            "folded_samples",
            "Samples that were added to a folded series",
            self.samples.clone(),
        );
        registry.register(
            "refused",
            "Series and samples over a budget that could not be folded exactly, by reason",
            self.refused.clone(),
        );
    }

    pub(super) fn refuse(&self, why: Refused) {
        count(&self.refused, why.as_str());
    }
}
