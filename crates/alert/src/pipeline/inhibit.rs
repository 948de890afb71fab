//! Alerts that keep others quiet.

use std::collections::{BTreeSet, HashMap};

use model::Labels;
use model::alerts::{Alert, Fingerprint};

use crate::alertmanager::InhibitRule;

/// The sources of one rule that have the same values of its labels, by when they end.
#[derive(Default)]
struct Sources {
    /// Those that are no targets themselves.
    only: BTreeSet<(i64, Fingerprint)>,
    /// Those that are targets, too: they do not inhibit their like.
    both: BTreeSet<(i64, Fingerprint)>,
}

struct Rule {
    rule: InhibitRule,
    sources: HashMap<String, Sources>,
}

impl Rule {
    fn key(&self, labels: &Labels) -> String {
        let mut key = String::new();
        for name in &self.rule.equal {
            model::labels::put(&mut key, labels.get_or_empty(name));
        }
        key
    }
}

/// All rules, each with the sources that it has.
#[derive(Default)]
pub(super) struct Inhibitor {
    rules: Vec<Rule>,
    /// The end under which a source is filed.
    ends: HashMap<Fingerprint, i64>,
}

impl Inhibitor {
    /// Rules without sources yet.
    pub(super) fn new(rules: &[InhibitRule]) -> Self {
        let rule = |rule: &InhibitRule| Rule { rule: rule.clone(), sources: HashMap::new() };
        Self { rules: rules.iter().map(rule).collect(), ends: HashMap::new() }
    }

    /// Takes an alert as it is now known.
    pub(super) fn put(&mut self, fingerprint: Fingerprint, alert: &Alert) {
        self.remove(fingerprint, alert);
        let mut source = false;
        for rule in &mut self.rules {
            if rule.rule.is_source(&alert.labels) {
                source = true;
                let key = rule.key(&alert.labels);
                let both = rule.rule.is_target(&alert.labels);
                let sources = rule.sources.entry(key).or_default();
                let set = if both { &mut sources.both } else { &mut sources.only };
                set.insert((alert.ends_at_ms, fingerprint));
            }
        }
        if source {
            self.ends.insert(fingerprint, alert.ends_at_ms);
        }
    }

    /// Forgets an alert.
    pub(super) fn remove(&mut self, fingerprint: Fingerprint, alert: &Alert) {
        let Some(end) = self.ends.remove(&fingerprint) else { return };
        for rule in &mut self.rules {
            let key = rule.key(&alert.labels);
            if let Some(sources) = rule.sources.get_mut(&key) {
                sources.only.remove(&(end, fingerprint));
                sources.both.remove(&(end, fingerprint));
                if sources.only.is_empty() && sources.both.is_empty() {
                    rule.sources.remove(&key);
                }
            }
        }
    }

    /// The alert that keeps one with these labels quiet.
    pub(super) fn inhibited_by(&self, labels: &Labels, now_ms: i64) -> Option<Fingerprint> {
        let fires = |set: &BTreeSet<(i64, Fingerprint)>| {
            set.last().filter(|(end, _)| *end > now_ms).map(|(_, fingerprint)| *fingerprint)
        };
        self.rules.iter().filter(|r| r.rule.is_target(labels)).find_map(|rule| {
            let sources = rule.sources.get(&rule.key(labels))?;
            // What matches both sides is kept quiet only by what matches one: no alert inhibits itself.
            let both = || if rule.rule.is_source(labels) { None } else { fires(&sources.both) };
            fires(&sources.only).or_else(both)
        })
    }
}

#[cfg(test)]
mod tests {
    use model::rule::Texts;
    use model::{MatchOp, Matcher};

    use super::*;

    fn alert(pairs: &[(&str, &str)], ends_at_ms: i64) -> Alert {
        Alert {
            labels: Labels::from_pairs(pairs.iter().copied()),
            annotations: Texts::new(),
            starts_at_ms: 0,
            ends_at_ms,
            updated_at_ms: 0,
            timeout: false,
            generator_url: String::new(),
        }
    }

    #[test]
    fn sources_keep_targets_quiet_but_not_their_like() {
        let rule = InhibitRule {
            source: vec![Matcher::equal("severity", "critical")],
            target: vec![Matcher::new("severity", MatchOp::Regex, "warning|critical").unwrap()],
            equal: vec!["host".to_owned(), "absent".to_owned()],
            ..InhibitRule::default()
        };
        let mut inhibitor = Inhibitor::new(&[rule]);
        let put = |i: &mut Inhibitor, a: &Alert| i.put(a.fingerprint(), a);
        let warning = Labels::from_pairs([("severity", "warning"), ("host", "a")]);
        let critical = alert(&[("severity", "critical"), ("host", "a")], 100);
        assert_eq!(inhibitor.inhibited_by(&warning, 0), None);
        put(&mut inhibitor, &critical);
        assert_eq!(inhibitor.inhibited_by(&warning, 99), Some(critical.fingerprint()));
        assert_eq!(inhibitor.inhibited_by(&warning, 100), None, "resolved");
        assert_eq!(inhibitor.inhibited_by(&critical.labels, 0), None, "not itself");
        let like = Labels::from_pairs([("severity", "critical"), ("host", "a"), ("n", "2")]);
        assert_eq!(inhibitor.inhibited_by(&like, 0), None, "nor its like");
        assert_eq!(
            inhibitor.inhibited_by(&Labels::from_pairs([("severity", "warning"), ("host", "b")]), 0),
            None
        );
        put(&mut inhibitor, &alert(&[("severity", "critical"), ("host", "a")], 50));
        assert_eq!(inhibitor.inhibited_by(&warning, 60), None, "the end was moved");
        inhibitor.remove(critical.fingerprint(), &critical);
        assert!(inhibitor.rules[0].sources.is_empty() && inhibitor.ends.is_empty());
    }
}
