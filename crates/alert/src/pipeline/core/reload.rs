//! Another configuration.

use std::collections::{HashMap, HashSet};

use super::Core;
use crate::pipeline::group::State;
use crate::pipeline::inhibit::Inhibitor;
use crate::pipeline::plan::Plan;

impl Core {
    /// Takes another configuration. Groups are made anew and flushed at once where their alerts have waited: who was
    /// told already is not told again. Attempts under way go on, pauses between attempts end; as long as the answer of
    /// an attempt is not known, nothing is sent to the same integration about the same group.
    pub fn reload(&mut self, plan: Plan, now_ms: i64) {
        // What has ended, and nobody was told yet.
        let mut open = HashSet::new();
        for group in self.groups.iter().flatten() {
            let flights = group.flight.iter().flat_map(|f| &f.deliveries);
            for delivery in flights.filter(|d| matches!(d.state, State::Under(_))) {
                *self.orphans.entry(delivery.notice.told_key.clone()).or_default() += 1;
            }
            open.extend(group.alerts.keys().copied());
        }
        for under in self.under.values_mut() {
            under.place = None;
        }
        self.groups.clear();
        self.free.clear();
        self.by_labels = HashMap::new();
        self.schedule.clear();
        self.inhibitor = Inhibitor::new(&plan.inhibit);
        self.plan = plan;
        let mut alerts: Vec<_> = self
            .alerts
            .iter()
            .filter(|(fingerprint, alert)| !alert.is_resolved_at(now_ms) || open.contains(fingerprint))
            .map(|(fingerprint, alert)| (fingerprint, alert.clone()))
            .collect();
        // Those that have waited first: a group waits as its first alert does.
        alerts.sort_by_key(|(fingerprint, alert)| (alert.starts_at_ms, *fingerprint));
        for (fingerprint, alert) in &alerts {
            self.inhibitor.put(*fingerprint, alert);
            for route in self.plan.routing.find(&alert.labels) {
                self.group(route, *fingerprint, alert, false, now_ms);
            }
        }
    }
}
