//! One rule: what its expression gives becomes series, or alerts.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::labels::METRIC_NAME;
use model::rule::{AlertState, AlertingStatus, RuleHealth, RuleStatus, Texts};
use model::{Labels, LabelsBuilder};
use parking_lot::Mutex;
use query::promql::{InstantSample, SampleValue};

use super::alert::{Alert, Fate, Holds};
use super::file::{RuleDefinition, RuleKind};
use crate::template::Expander;

/// The label that carries an alert's name.
pub const ALERT_NAME: &str = "alertname";
/// Series that tell which alerts there are.
pub(super) const ALERTS: &str = "ALERTS";
/// Series that tell since when, to go on after a restart.
pub(super) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
const STATE: &str = "alertstate";

/// A rule with its state.
pub struct Rule {
    pub(super) definition: RuleDefinition,
    pub(super) state: Mutex<RuleState>,
}

/// What evaluations left behind.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleState {
    pub(super) health: RuleHealth,
    pub(super) last_error: String,
    pub(super) last_evaluation_ms: i64,
    pub(super) duration_s: f64,
    /// Alerts by their labels; empty for recording rules.
    pub(super) alerts: BTreeMap<Labels, Alert>,
    /// Whether `ALERTS` may be written: not before the state of the last run was looked for.
    pub(super) restored: bool,
}

/// A sample that a rule writes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) labels: Labels,
    pub(super) value: SampleValue,
}

impl Rule {
    pub(super) fn new(definition: RuleDefinition, restored: bool) -> Self {
        Self { definition, state: Mutex::new(RuleState { restored, ..RuleState::default() }) }
    }

    /// Name and labels: what makes it the same rule after a reload.
    pub(super) fn identity(&self) -> (&str, &Texts) {
        (&self.definition.name, &self.definition.labels)
    }

    /// How long alerts wait, where it is an alerting rule.
    pub(super) fn holds(&self) -> Option<Holds> {
        match self.definition.kind {
            RuleKind::Recording => None,
            RuleKind::Alerting { for_ms, keep_firing_for_ms, .. } => {
                Some(Holds { for_ms, keep_firing_for_ms })
            }
        }
    }

    /// What is to be written for the result of the expression at `now`; alerts move on.
    pub(super) fn take(
        &self,
        result: Vec<InstantSample>,
        now: i64,
        limit: usize,
        expander: &Expander,
    ) -> Result<Vec<Written>, String> {
        match &self.definition.kind {
            RuleKind::Recording => self.record(result, limit),
            RuleKind::Alerting { annotations, .. } => {
                let found = self.expand(&result, annotations, now, expander)?;
                self.advance(found, now, limit)
            }
        }
    }

    fn record(&self, result: Vec<InstantSample>, limit: usize) -> Result<Vec<Written>, String> {
        let mut seen = HashSet::with_capacity(result.len());
        let mut written = Vec::with_capacity(result.len());
        for sample in result {
            let mut labels = sample.labels.to_builder();
            labels.set(METRIC_NAME, self.definition.name.as_str());
            for (name, value) in &self.definition.labels {
                labels.set(name, value);
            }
            let labels = labels.build();
            if !seen.insert(labels.clone()) {
                return Err(
                    "vector contains metrics with the same labelset after applying rule labels".to_owned()
                );
            }
            written.push(Written { labels, value: sample.value });
        }
        if limit > 0 && written.len() > limit {
            return Err(format!("exceeded limit of {limit} with {} series", written.len()));
        }
        Ok(written)
    }

    /// The alerts that the result stands for.
    fn expand(
        &self,
        result: &[InstantSample],
        annotations: &Texts,
        now: i64,
        expander: &Expander,
    ) -> Result<HashMap<Labels, Alert>, String> {
        let name = &self.definition.name;
        let mut found = HashMap::with_capacity(result.len());
        for sample in result {
            let expand = |text: &str| {
                expander.expand(name, text, &sample.labels, &sample.value).unwrap_or_else(|e| {
                    tracing::warn!(alert = name, error = e, "a template of an alert cannot be expanded");
                    format!("<error expanding template: {e}>")
                })
            };
            let mut labels = sample.labels.to_builder();
            labels.remove(METRIC_NAME);
            for (label, text) in &self.definition.labels {
                labels.set(label, expand(text));
            }
            labels.set(ALERT_NAME, name.as_str());
            let annotations = annotations.iter().map(|(name, text)| (name.clone(), expand(text))).collect();
            let value = match sample.value {
                SampleValue::Float(v) => v,
                SampleValue::Histogram(_) => 0.0,
            };
            let labels = labels.build();
            if found.insert(labels.clone(), Alert::new(labels, annotations, value, now)).is_some() {
                return Err(
                    "vector contains metrics with the same labelset after applying alert labels".to_owned()
                );
            }
        }
        Ok(found)
    }

    fn advance(
        &self,
        mut found: HashMap<Labels, Alert>,
        now: i64,
        limit: usize,
    ) -> Result<Vec<Written>, String> {
        let holds = self.holds().unwrap_or_default();
        let mut state = self.state.lock();
        let restored = state.restored;
        let mut there: HashSet<Labels> = HashSet::with_capacity(found.len());
        for (labels, alert) in &mut state.alerts {
            if let Some(new) = found.remove(labels) {
                there.insert(labels.clone());
                if alert.state == AlertState::Inactive {
                    *alert = new;
                } else {
                    alert.value = new.value;
                    alert.annotations = new.annotations;
                }
            }
        }
        there.extend(found.keys().cloned());
        state.alerts.extend(found);
        let (mut active, mut written) = (0, Vec::new());
        state.alerts.retain(|labels, alert| {
            let fate = alert.advance(now, there.contains(labels), holds);
            if fate == Fate::Active {
                active += 1;
                if restored {
                    written.push(self.alert_sample(alert));
                    written.push(self.state_sample(alert));
                }
            }
            fate != Fate::Forgotten
        });
        if limit > 0 && active > limit {
            state.alerts.clear();
            return Err(format!("exceeded limit of {limit} with {active} alerts"));
        }
        Ok(written)
    }

    fn series_labels(&self, alert: &Alert) -> LabelsBuilder {
        let mut labels = LabelsBuilder::new();
        for (name, value) in &self.definition.labels {
            labels.set(name, value);
        }
        for (name, value) in &alert.labels {
            labels.set(name, value);
        }
        labels
    }

    fn alert_sample(&self, alert: &Alert) -> Written {
        let state = if alert.state == AlertState::Firing { "firing" } else { "pending" };
        let mut labels = self.series_labels(alert);
        labels.set(METRIC_NAME, ALERTS).set(STATE, state);
        Written { labels: labels.build(), value: SampleValue::Float(1.0) }
    }

    fn state_sample(&self, alert: &Alert) -> Written {
        let mut labels = self.series_labels(alert);
        labels.set(METRIC_NAME, ALERTS_FOR_STATE);
        let since = alert.active_at_ms.div_euclid(1000) as f64;
        Written { labels: labels.build(), value: SampleValue::Float(since) }
    }

    /// Alerts that receivers must hear of now; they count as sent.
    pub(super) fn due(&self, now: i64, resend_delay_ms: i64, interval_ms: i64) -> Vec<Alert> {
        let mut state = self.state.lock();
        let due = state.alerts.values_mut().filter(|alert| alert.needs_sending(now, resend_delay_ms));
        due.map(|alert| {
            alert.last_sent_ms = Some(now);
            // Two evaluations or two attempts to send may fail before receivers believe that it is over.
            alert.valid_until_ms = now + 4 * interval_ms.max(resend_delay_ms);
            alert.clone()
        })
        .collect()
    }

    /// Alerts that are pending or firing.
    pub fn active(&self) -> Vec<Alert> {
        let state = self.state.lock();
        state.alerts.values().filter(|alert| alert.resolved_at_ms.is_none()).cloned().collect()
    }

    /// The rule's name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The error of the last evaluation; empty where there was none.
    pub fn last_error(&self) -> String {
        self.state.lock().last_error.clone()
    }

    /// Whether it raises alerts.
    pub fn is_alerting(&self) -> bool {
        self.holds().is_some()
    }

    /// Lets `ALERTS` be written without having looked for a state of before: there is none to go on with.
    pub fn set_restored(&self) {
        self.state.lock().restored = true;
    }

    /// As pages show it.
    pub(super) fn status(&self) -> RuleStatus {
        let definition = &self.definition;
        let state = self.state.lock();
        let alerting = match &definition.kind {
            RuleKind::Recording => None,
            RuleKind::Alerting { for_ms, keep_firing_for_ms, annotations } => Some(AlertingStatus {
                for_ms: *for_ms,
                keep_firing_for_ms: *keep_firing_for_ms,
                annotations: annotations.clone(),
                state: if state.last_evaluation_ms == 0 {
                    AlertState::Unknown
                } else {
                    state.alerts.values().map(|alert| alert.state).max().unwrap_or_default()
                },
                alerts: state
                    .alerts
                    .values()
                    .filter(|alert| alert.resolved_at_ms.is_none())
                    .map(Alert::status)
                    .collect(),
            }),
        };
        RuleStatus {
            name: definition.name.clone(),
            query: definition.query.clone(),
            labels: definition.labels.clone(),
            health: state.health,
            last_error: state.last_error.clone(),
            last_evaluation_ms: state.last_evaluation_ms,
            duration_s: state.duration_s,
            alerting,
        }
    }
}
