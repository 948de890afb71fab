//! Decisions outlive the process: after a restart the same labels fold, and no budget has to be exceeded anew.

use model::Labels;

use super::Cardinality;
use super::counts::Target;
use super::rule::{Rule, Why};

/// Keeps decisions, by key. Implemented by `app`.
pub trait Keep: Send + Sync {
    /// Everything kept: (key, text).
    fn entries(&self) -> Vec<(String, String)>;
    /// Keeps an entry.
    fn put(&self, key: &str, text: &str) -> model::Result<()>;
    /// Removes an entry.
    fn remove(&self, key: &str) -> model::Result<()>;
}

/// A rule is kept as two label sets in their canonical form: what it is about, and what it says.
fn key(metric: &str, target: Option<&Target>) -> Labels {
    let mut pairs = vec![("metric", metric)];
    if let Some(target) = target {
        // An absent and an empty label are the same; the mark says that there is a target.
        pairs.extend([("target", "1"), ("job", &target.job), ("instance", &target.instance)]);
    }
    Labels::from_pairs(pairs)
}

fn text(rule: &Rule) -> Labels {
    let labels = rule.labels.iter().enumerate().map(|(at, label)| (format!("label_{at}"), label.clone()));
    let facts = [
        ("why", rule.why.as_str().to_owned()),
        ("budget", rule.budget.to_string()),
        ("since", rule.since_ms.to_string()),
    ];
    Labels::from_pairs(labels.chain(facts.map(|(name, value)| (name.to_owned(), value))))
}

fn read(key: &str, text: &str) -> Option<Rule> {
    let (key, text) = (Labels::from_canonical(key)?, Labels::from_canonical(text)?);
    let target = key.get("target").map(|_| Target::of(&key));
    let why = [Why::Metric, Why::Target, Why::Total, Why::Memory];
    let why = why.into_iter().find(|why| text.get("why") == Some(why.as_str()))?;
    let (budget, since_ms) = (text.get("budget")?.parse().ok()?, text.get("since")?.parse().ok()?);
    Some(Rule {
        labels: (0..).map_while(|at| text.get(&format!("label_{at}")).map(str::to_owned)).collect(),
        restored: true,
        ..Rule::new(key.get("metric")?, target, why, budget, since_ms)
    })
}

impl Cardinality {
    pub(super) fn keep(&self, rule: &Rule) {
        let Some(keep) = &self.around.keep else { return };
        let key = key(&rule.metric, rule.target.as_ref());
        if let Err(error) = keep.put(key.canonical(), text(rule).canonical()) {
            tracing::warn!(%error, metric = rule.metric, "that a label folds is forgotten at the next start");
        }
    }

    pub(super) fn unkeep(&self, metric: &str, target: Option<&Target>) {
        let Some(keep) = &self.around.keep else { return };
        if let Err(error) = keep.remove(key(metric, target).canonical()) {
            tracing::warn!(%error, metric, "that a label folds no more is forgotten at the next start");
        }
    }

    /// Takes up the decisions of before; those about labels that may no longer fold are dropped.
    pub(super) fn restore(&self) {
        let Some(keep) = &self.around.keep else { return };
        let config = self.config.read();
        let mut state = self.state.lock();
        for (key, text) in keep.entries() {
            match read(&key, &text) {
                Some(rule) if !rule.labels.iter().any(|label| config.keeps(label)) => {
                    state.rules.entry(rule.metric.clone()).or_default().push(rule);
                }
                _ => {
                    let _ = keep.remove(&key);
                }
            }
        }
    }
}
