//! The end of a fold: members get series of their own again.

use super::counts::Target;
use super::rule::{Rule, Why};
use super::{Cardinality, Config, State};

/// Rough bytes of a series in memory.
const SERIES_BYTES: u64 = 2 << 10;

impl Cardinality {
    /// Ends the folding of a metric's labels, of everybody's series or of one target's; whether there was any. Members
    /// are resolved anew when their next sample comes, and the folded series are marked as ended.
    pub fn release(&self, metric: &str, target: Option<&Target>) -> bool {
        let mut state = self.state.lock();
        let Some(rules) = state.rules.get_mut(metric) else { return false };
        let before = rules.len();
        let mut ended = Vec::new();
        rules.retain_mut(|rule| {
            let ends = rule.target.as_ref() == target;
            if ends {
                ended.push(std::mem::take(&mut rule.labels));
            }
            !ends
        });
        if rules.len() == before {
            return false;
        }
        if rules.is_empty() {
            state.rules.remove(metric);
        }
        state.close(metric, target);
        state.blamed.clear();
        tracing::info!(metric, labels = ?ended, "labels fold no more");
        self.unkeep(metric, target);
        self.show(&state);
        true
    }
}

impl State {
    fn close(&mut self, metric: &str, target: Option<&Target>) {
        for (number, group) in self.groups.iter_mut().enumerate() {
            let of_rule = target.is_none_or(|target| target.owns(&group.labels));
            if group.closed || group.labels.metric_name() != metric || !of_rule {
                continue;
            }
            group.closed = true;
            self.by_labels.remove(&group.labels);
            self.members.drop_group(number as u32);
            self.closing.push(number as u32);
        }
    }

    /// Rules whose cause has been gone for long enough.
    pub(super) fn calm_rules(&mut self, config: &Config, now_ms: i64) -> Vec<(String, Option<Target>)> {
        let mut live: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
        for group in self.groups.iter().filter(|group| !group.closed) {
            *live.entry(group.labels.metric_name()).or_default() += group.live;
        }
        let cool_off = config.cool_off.as_i64_ms();
        let (counts, pressed) = (&self.counts, self.pressed);
        let mut calm = Vec::new();
        for rule in self.rules.values_mut().flatten() {
            let members = live.get(rule.metric.as_str()).copied().unwrap_or(0);
            // Who is refused is no member; they would come back as well.
            let wanted = members.max(if rule.refused.is_empty() { 0 } else { rule.growth.sum(now_ms) });
            if !is_calm(rule, config, counts, pressed, wanted) {
                rule.calm_since_ms = None;
            } else if now_ms.saturating_sub(*rule.calm_since_ms.get_or_insert(now_ms)) >= cool_off {
                calm.push((rule.metric.clone(), rule.target.clone()));
            }
        }
        calm
    }
}

/// Whether the series that `wanted` members would have fit into four fifths of the budget.
fn is_calm(rule: &Rule, config: &Config, counts: &super::Counts, pressed: bool, wanted: u64) -> bool {
    let (count, budget) = match (rule.why, &rule.target) {
        (Why::Metric, _) => (counts.of_metric(&rule.metric), config.of_metric(&rule.metric)),
        (Why::Target, Some(target)) => {
            (counts.targets.get(target).copied().unwrap_or(0), config.of_target(&target.job))
        }
        (Why::Target | Why::Total, _) => (counts.total, config.series),
        // A tenth of a thousand megabytes at most: what comes back must not bring the pressure back.
        (Why::Memory, _) => {
            return !pressed && wanted * SERIES_BYTES <= 100 << 20 && wanted <= counts.total / 10;
        }
    };
    budget == 0 || count.saturating_add(wanted) <= budget / 5 * 4
}
