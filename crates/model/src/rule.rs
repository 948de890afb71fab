//! What the rules pages and `/api/v1/rules` show. Implemented by `alert`, asked by `server`.

use std::collections::BTreeMap;

use crate::labels::Labels;

/// Names with texts as written: other than in a label set, a text may be empty.
pub type Texts = BTreeMap<String, String>;

/// Who can say what rules there are and what they found.
pub trait Rules: Send + Sync {
    /// All groups, sorted by file and name.
    fn groups(&self) -> Vec<GroupStatus>;
    /// Where alerts are sent.
    fn alertmanagers(&self) -> AlertmanagersStatus;
}

/// The language of the expressions of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleLanguage {
    /// Over metrics.
    #[default]
    Promql,
    /// Over logs.
    Logql,
}

/// A rule group with its last evaluation.
#[derive(Debug, Clone, Default)]
pub struct GroupStatus {
    /// Name, unique within the file.
    pub name: String,
    /// The file that holds it.
    pub file: String,
    /// The language of its expressions.
    pub language: RuleLanguage,
    /// Evaluation interval, ms.
    pub interval_ms: i64,
    /// Most series or alerts that one rule may produce, 0: no limit.
    pub limit: usize,
    /// When it was last evaluated, ms; 0: never.
    pub last_evaluation_ms: i64,
    /// How long that took, seconds.
    pub duration_s: f64,
    /// Rules in the order of evaluation.
    pub rules: Vec<RuleStatus>,
}

/// Whether a rule can be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleHealth {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// The last evaluation worked.
    Ok,
    /// The last evaluation failed.
    Err,
}

/// A rule with its last evaluation.
#[derive(Debug, Clone, Default)]
pub struct RuleStatus {
    /// Name of the recorded series, or of the alert.
    pub name: String,
    /// The expression, formatted.
    pub query: String,
    /// Labels that are added; an empty one removes.
    pub labels: Texts,
    /// Whether it can be evaluated.
    pub health: RuleHealth,
    /// The last error, or empty.
    pub last_error: String,
    /// When it was last evaluated, ms; 0: never.
    pub last_evaluation_ms: i64,
    /// How long that took, seconds.
    pub duration_s: f64,
    /// `Some` for an alerting rule.
    pub alerting: Option<AlertingStatus>,
}

/// What only alerting rules have.
#[derive(Debug, Clone, Default)]
pub struct AlertingStatus {
    /// How long the expression must hold before the alert fires, ms.
    pub for_ms: i64,
    /// How long the alert goes on firing after the expression holds no more, ms.
    pub keep_firing_for_ms: i64,
    /// Annotations as written.
    pub annotations: Texts,
    /// The most urgent state of its alerts.
    pub state: AlertState,
    /// Pending and firing alerts.
    pub alerts: Vec<AlertStatus>,
}

/// State of an alert; later is more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Nothing wrong.
    #[default]
    Inactive,
    /// The rule was not evaluated yet.
    Unknown,
    /// The expression holds, not long enough yet.
    Pending,
    /// It fires.
    Firing,
}

/// One alert.
#[derive(Debug, Clone, Default)]
pub struct AlertStatus {
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Annotations, expanded.
    pub annotations: Texts,
    /// Pending or firing.
    pub state: AlertState,
    /// Since when the expression holds, ms.
    pub active_at_ms: i64,
    /// Since when the expression holds no more although the alert still fires, ms; 0: it holds.
    pub keep_firing_since_ms: i64,
    /// The value of the expression.
    pub value: f64,
}

/// Where alerts are sent.
#[derive(Debug, Clone, Default)]
pub struct AlertmanagersStatus {
    /// URLs alerts are sent to.
    pub active: Vec<String>,
    /// URLs that relabelling dropped.
    pub dropped: Vec<String>,
}
