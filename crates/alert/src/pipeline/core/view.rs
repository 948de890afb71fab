//! What the pipeline shows: alerts and groups with their state.

use std::collections::HashMap;
use std::sync::Arc;

use model::Labels;
use model::alerts::{Alert, AlertStatus, Fingerprint, Silence, SilenceState};

use super::Core;

/// A group of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupView {
    /// What names it.
    pub key: Arc<str>,
    /// Number of its route.
    pub route: usize,
    /// What its alerts share.
    pub labels: Labels,
    /// Who is told.
    pub receiver: String,
    /// Names of the time intervals that kept it quiet when it was looked at last.
    pub muted_by: Vec<String>,
    /// Its alerts, in the order in which they are shown.
    pub alerts: Vec<Fingerprint>,
}

impl Core {
    /// The alerts that fire, in order of their fingerprints.
    pub fn alerts(&self, now_ms: i64) -> Vec<AlertStatus> {
        let mut all: Vec<AlertStatus> = self
            .alerts
            .iter()
            .filter(|(_, alert)| !alert.is_resolved_at(now_ms))
            .map(|(fingerprint, alert)| self.view(fingerprint, alert, now_ms))
            .collect();
        all.sort_by_key(|view| view.fingerprint);
        all
    }

    fn view(&self, fingerprint: Fingerprint, alert: &Arc<Alert>, now_ms: i64) -> AlertStatus {
        let ways = self.plan.routing.find(&alert.labels);
        let receiver = |route: usize| self.plan.routing.way(route).map(|way| way.receiver.clone());
        AlertStatus {
            fingerprint,
            alert: alert.clone(),
            silenced_by: self.silences.silenced_by(&alert.labels, now_ms),
            inhibited_by: self.inhibitor.inhibited_by(&alert.labels, now_ms).into_iter().collect(),
            receivers: ways.into_iter().filter_map(receiver).collect(),
        }
    }

    /// An alert that is known, whether it fires or not.
    pub fn alert(&self, fingerprint: Fingerprint, now_ms: i64) -> Option<AlertStatus> {
        self.alerts.get(fingerprint).map(|alert| self.view(fingerprint, alert, now_ms))
    }

    /// The groups, by labels and receiver.
    pub fn groups(&self) -> Vec<GroupView> {
        let mut groups: Vec<GroupView> = self
            .groups
            .iter()
            .flatten()
            .map(|group| {
                let mut alerts: Vec<_> = group.alerts.iter().collect();
                alerts.sort_by(|a, b| crate::pipeline::group::shown_before(a.1, b.1));
                let way = self.plan.routing.way(group.route);
                GroupView {
                    key: group.key.clone(),
                    route: group.route,
                    labels: group.labels.clone(),
                    receiver: way.map(|way| way.receiver.clone()).unwrap_or_default(),
                    muted_by: group.muted_by.clone(),
                    alerts: alerts.into_iter().map(|(fingerprint, _)| *fingerprint).collect(),
                }
            })
            .collect();
        groups.sort_by(|a, b| {
            a.labels.canonical().cmp(b.labels.canonical()).then_with(|| a.receiver.cmp(&b.receiver))
        });
        groups
    }

    /// All silences, those that expired a while ago included.
    pub fn silences(&self) -> Vec<Silence> {
        self.silences.all()
    }

    /// One silence.
    pub fn silence(&self, id: &str) -> Option<Silence> {
        self.silences.get(id)
    }

    /// Renews the figures.
    pub(super) fn count(&self, now_ms: i64) {
        let mut states = HashMap::from([("active", 0_usize), ("suppressed", 0)]);
        for (_, alert) in self.alerts.iter().filter(|(_, a)| !a.is_resolved_at(now_ms)) {
            let quiet = self.inhibitor.inhibited_by(&alert.labels, now_ms).is_some()
                || !self.silences.silenced_by(&alert.labels, now_ms).is_empty();
            *states.entry(if quiet { "suppressed" } else { "active" }).or_default() += 1;
        }
        for (state, count) in states {
            self.metrics.alerts(state, count);
        }
        let silences = self.silences.all();
        for (name, state) in [
            ("active", SilenceState::Active),
            ("pending", SilenceState::Pending),
            ("expired", SilenceState::Expired),
        ] {
            self.metrics.silences(name, silences.iter().filter(|s| s.state(now_ms) == state).count());
        }
        self.metrics.groups(self.by_labels.len());
        self.metrics.told(self.told.len());
    }
}
