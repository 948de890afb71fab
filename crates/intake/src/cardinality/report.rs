//! What is shown of all this.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counts::Target;
use super::rule::{Rule, Why};
use super::{Cardinality, State};

/// Entries of a list.
const MOST: usize = 1_000;

/// Budgets and what they led to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Series in memory.
    pub series: u64,
    /// Whether memory is short.
    pub memory_short: bool,
    /// Percent of the memory limit in use.
    pub memory_percent: f64,
    /// What is allowed.
    pub budgets: Budgets,
    /// Members of folded series that are remembered.
    pub folded_members: u64,
    /// What folds or is refused, most growth first.
    pub folds: Vec<Fold>,
    /// Metrics with the most series.
    pub metrics: Vec<MetricCount>,
    /// Metrics whose series came and went most within the hour.
    pub churn: Vec<MetricCount>,
    /// Targets with the most series.
    pub targets: Vec<TargetCount>,
}

/// The configuration's budgets; 0: none.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Budgets {
    /// All series.
    pub series: u64,
    /// Of a target.
    pub series_per_target: u64,
    /// Of a metric.
    pub series_per_metric: u64,
    /// Percent of the memory limit.
    pub memory_percent: u64,
    /// Members that may be remembered.
    pub folded_members: u64,
}

/// A metric that was too much.
#[derive(Debug, Clone, Serialize)]
pub struct Fold {
    /// The metric.
    pub metric: String,
    /// Labels that fold; none: no label may.
    pub labels: Vec<String>,
    /// Whose series; absent: everybody's.
    pub target: Option<Target>,
    /// Which budget was exceeded.
    pub why: Why,
    /// How much it allows.
    pub budget: u64,
    /// Since when, ms.
    pub since_ms: i64,
    /// Folded series that there are now.
    pub folded_series: u64,
    /// Members that are there now.
    pub members: u64,
    /// Series that wanted to come within the last hour.
    pub growth_1h: u64,
    /// Series and samples that were not taken, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Who brings them, most first.
    pub sources: Vec<SourceCount>,
}

/// A source and how many series it brought.
#[derive(Debug, Clone, Serialize)]
pub struct SourceCount {
    /// Label `job`.
    pub job: String,
    /// Label `instance`.
    pub instance: String,
    /// Series.
    pub series: u64,
}

/// A metric and its series.
#[derive(Debug, Clone, Serialize)]
pub struct MetricCount {
    /// Its name.
    pub name: String,
    /// Series in memory.
    pub series: u64,
    /// Series created within the last hour.
    pub created_1h: u64,
    /// Series that left memory within the last hour.
    pub removed_1h: u64,
}

/// A target and its series.
#[derive(Debug, Clone, Serialize)]
pub struct TargetCount {
    /// Label `job`.
    pub job: String,
    /// Label `instance`.
    pub instance: String,
    /// Series in memory.
    pub series: u64,
    /// What it may have, 0: no budget.
    pub budget: u64,
}

impl Cardinality {
    /// Everything at once; `limit` caps each list.
    pub fn report(&self, limit: usize) -> Report {
        let (now, limit) = (self.around.clock.now_ms(), limit.min(MOST));
        let config = self.config.read().clone();
        // Counting targets looks at every series; where they have budgets it is done anyway.
        let counted = (!config.has_targets()).then(|| self.around.census.by_target());
        let state = self.state.lock();
        let known = || {
            let targets = state.counts.targets.iter();
            targets.map(|(target, series)| ((target.job.clone(), target.instance.clone()), *series)).collect()
        };
        let targets: Vec<((String, String), u64)> = counted.unwrap_or_else(known);
        let mut folds: Vec<Fold> =
            state.rules.values().flatten().map(|rule| fold(&state, rule, now)).collect();
        folds.sort_by(|a, b| (b.growth_1h, &a.metric).cmp(&(a.growth_1h, &b.metric)));
        folds.truncate(MOST);
        let mut metrics: Vec<MetricCount> = state
            .counts
            .metrics
            .iter()
            .map(|(name, metric)| MetricCount {
                name: name.clone(),
                series: metric.series,
                created_1h: metric.created.sum(now),
                removed_1h: metric.removed.sum(now),
            })
            .collect();
        let moved = |metric: &MetricCount| metric.created_1h + metric.removed_1h;
        let mut churn: Vec<MetricCount> = metrics.iter().filter(|m| moved(m) > 0).cloned().collect();
        churn.sort_by(|a, b| moved(b).cmp(&moved(a)).then_with(|| a.name.cmp(&b.name)));
        churn.truncate(limit);
        metrics.retain(|metric| metric.series > 0);
        metrics.sort_by(|a, b| b.series.cmp(&a.series).then_with(|| a.name.cmp(&b.name)));
        metrics.truncate(limit);
        let mut targets: Vec<TargetCount> = targets
            .into_iter()
            .map(|((job, instance), series)| TargetCount {
                budget: config.of_target(&job),
                job,
                instance,
                series,
            })
            .collect();
        targets.sort_by(|a, b| {
            b.series.cmp(&a.series).then_with(|| (&a.job, &a.instance).cmp(&(&b.job, &b.instance)))
        });
        targets.truncate(limit);
        Report {
            series: self.around.census.total(),
            memory_short: state.pressed,
            memory_percent: (self.around.memory_percent)(),
            budgets: Budgets {
                series: config.series,
                series_per_target: config.series_per_target,
                series_per_metric: config.series_per_metric,
                memory_percent: config.memory_percent,
                folded_members: config.folded_members as u64,
            },
            folded_members: state.members.len() as u64,
            folds,
            metrics,
            churn,
            targets,
        }
    }

    /// Labels that fold, by metric: what a query that uses them should know. Empty at most times.
    pub fn folded_labels(&self) -> Vec<(String, Vec<String>)> {
        if !self.is_folding() {
            return Vec::new();
        }
        let state = self.state.lock();
        let rules = state.rules.values().flatten().filter(|rule| rule.groups > 0);
        rules.map(|rule| (rule.metric.clone(), rule.labels.clone())).collect()
    }

    /// Names of all metrics in memory with their series.
    pub fn stored_metrics(&self) -> Vec<(String, u64)> {
        self.around.census.by_metric()
    }
}

fn fold(state: &State, rule: &Rule, now: i64) -> Fold {
    let groups = state.groups.iter().filter(|group| {
        !group.closed && group.labels.metric_name() == rule.metric && rule.covers(&group.labels)
    });
    let (mut series, mut members) = (0, 0);
    for group in groups {
        series += 1;
        members += group.live;
    }
    let mut sources: Vec<SourceCount> = rule
        .sources
        .iter()
        .map(|(target, series)| SourceCount {
            job: target.job.clone(),
            instance: target.instance.clone(),
            series: *series,
        })
        .collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.series));
    sources.truncate(10);
    Fold {
        metric: rule.metric.clone(),
        labels: rule.labels.clone(),
        target: rule.target.clone(),
        why: rule.why,
        budget: rule.budget,
        since_ms: rule.since_ms,
        folded_series: series,
        members,
        growth_1h: rule.growth.sum(now),
        refused: rule.refused.iter().map(|(why, count)| (why.as_str(), *count)).collect(),
        sources,
    }
}
