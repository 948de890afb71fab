//! A decision: series of this metric, of all targets or of one, fold these labels.

use std::collections::BTreeMap;

use model::{Labels, LabelsBuilder};

use super::counts::Target;
use super::last_hour::LastHour;

/// The value that stands for all values of a folded label.
pub const FOLDED_VALUE: &str = "__folded__";
/// Sources named a rule; what others bring is counted without a name.
const MOST_SOURCES: usize = 64;

/// What was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The budget of the metric.
    Metric,
    /// The budget of the target.
    Target,
    /// The budget of everything together.
    Total,
    /// The share of the memory limit.
    Memory,
}

impl Why {
    /// As configuration and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Target => "target",
            Self::Total => "total",
            Self::Memory => "memory",
        }
    }
}

/// Why a series or sample was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refused {
    /// Gauges, quantiles, native histograms.
    NotAdditive,
    /// Nobody said what it is.
    UnknownType,
    /// No label may fold.
    NoLabel,
    /// No room for another member.
    Members,
    /// No room for another folded series.
    Groups,
    /// A value that no counter has.
    BadValue,
    /// Lower than a value of later.
    OutOfOrder,
}

impl Refused {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAdditive => "not_additive",
            Self::UnknownType => "unknown_type",
            Self::NoLabel => "no_label_may_fold",
            Self::Members => "member_limit",
            Self::Groups => "folded_series_limit",
            Self::BadValue => "no_counter_value",
            Self::OutOfOrder => "out_of_order",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) metric: String,
    /// Whose series; `None`: everybody's.
    pub(super) target: Option<Target>,
    /// Labels that fold. Empty: none may, and what is too much is refused.
    pub(super) labels: Vec<String>,
    pub(super) why: Why,
    /// The budget that was exceeded.
    pub(super) budget: u64,
    pub(super) since_ms: i64,
    /// Whether it was made before this process started.
    pub(super) restored: bool,
    /// Members that joined since.
    pub(super) joined: u64,
    pub(super) growth: LastHour,
    pub(super) groups: usize,
    /// Series that were refused, each time they asked, and samples.
    pub(super) refused: BTreeMap<Refused, u64>,
    pub(super) sources: BTreeMap<Target, u64>,
    /// Since when the budget is kept again, ms.
    pub(super) calm_since_ms: Option<i64>,
}

impl Rule {
    /// A decision of this time, ms, with no label yet.
    pub(super) fn new(metric: &str, target: Option<Target>, why: Why, budget: u64, since_ms: i64) -> Self {
        Self {
            metric: metric.to_owned(),
            target,
            labels: Vec::new(),
            why,
            budget,
            since_ms,
            restored: false,
            joined: 0,
            growth: LastHour::default(),
            groups: 0,
            refused: BTreeMap::new(),
            sources: BTreeMap::new(),
            calm_since_ms: None,
        }
    }

    /// Whether it is about this series.
    pub(super) fn covers(&self, labels: &Labels) -> bool {
        self.target.as_ref().is_none_or(|target| target.owns(labels))
    }

    /// The folded series of a member; `None` where it has none of the labels.
    pub(super) fn fold(&self, labels: &Labels) -> Option<Labels> {
        let mut folded: Option<LabelsBuilder> = None;
        for label in self.labels.iter().filter(|label| labels.get(label).is_some()) {
            folded.get_or_insert_with(|| labels.to_builder()).set(label.as_str(), FOLDED_VALUE);
        }
        folded.map(|builder| builder.build())
    }

    pub(super) fn refuse(&mut self, why: Refused) {
        *self.refused.entry(why).or_default() += 1;
    }

    /// Notes whose a newcomer is.
    pub(super) fn note_source(&mut self, labels: &Labels) {
        let target = Target::of(labels);
        if self.sources.len() < MOST_SOURCES || self.sources.contains_key(&target) {
            *self.sources.entry(target).or_default() += 1;
        }
    }
}
