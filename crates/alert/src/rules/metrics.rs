//! What is counted of rules, under Prometheus' names.

use std::sync::atomic::AtomicU64;

use model::summary::LabelSet;
use model::{RejectReason, Summary};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::template::Counts;

/// A gauge that holds a float.
type Float = Gauge<f64, AtomicU64>;

/// Counters and figures of rule groups.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) evaluations: Family<LabelSet, Counter>,
    pub(super) failures: Family<LabelSet, Counter>,
    pub(super) iterations: Family<LabelSet, Counter>,
    pub(super) missed: Family<LabelSet, Counter>,
    pub(super) interval: Family<LabelSet, Float>,
    pub(super) last_evaluation: Family<LabelSet, Float>,
    pub(super) last_duration: Family<LabelSet, Float>,
    pub(super) last_rule_sum: Family<LabelSet, Float>,
    pub(super) last_restore: Family<LabelSet, Float>,
    pub(super) rules: Family<LabelSet, Float>,
    pub(super) samples: Family<LabelSet, Float>,
    pub(super) rule_seconds: Summary,
    pub(super) group_seconds: Summary,
    pub(super) templates: Counts,
    rejected: Family<LabelSet, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            evaluations: Family::default(),
            failures: Family::default(),
            iterations: Family::default(),
            missed: Family::default(),
            interval: Family::default(),
            last_evaluation: Family::default(),
            last_duration: Family::default(),
            last_rule_sum: Family::default(),
            last_restore: Family::default(),
            rules: Family::default(),
            samples: Family::default(),
            rule_seconds: Summary::new(&[0.5, 0.9, 0.99]),
            group_seconds: Summary::new(&[0.01, 0.05, 0.5, 0.9, 0.99]),
            templates: Counts::default(),
            rejected: Family::default(),
        }
    }
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        let dropped = "Samples of rules that were not stored";
        registry.register("bonghwa_rule_samples_rejected", dropped, self.rejected.clone());
        let registry = registry.sub_registry_with_prefix("prometheus");
        for (name, help, counter) in [
            ("rule_evaluations", "Evaluations of rules", &self.evaluations),
            ("rule_evaluation_failures", "Evaluations of rules that failed", &self.failures),
            ("rule_group_iterations", "Evaluations of groups that were due", &self.iterations),
            ("rule_group_iterations_missed", "Evaluations of groups that came too late", &self.missed),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            ("rule_group_interval_seconds", "Interval of a group", &self.interval),
            (
                "rule_group_last_evaluation_timestamp_seconds",
                "Time of the last evaluation",
                &self.last_evaluation,
            ),
            ("rule_group_last_duration_seconds", "Duration of the last evaluation", &self.last_duration),
            (
                "rule_group_last_rule_duration_sum_seconds",
                "Durations of a group's rules, added up",
                &self.last_rule_sum,
            ),
            (
                "rule_group_last_restore_duration_seconds",
                "Duration of restoring alerts after the start",
                &self.last_restore,
            ),
            ("rule_group_rules", "Rules of a group", &self.rules),
            ("rule_group_last_evaluation_samples", "Samples of the last evaluation", &self.samples),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let texts = &self.templates;
        registry.register("template_text_expansions", "Templates expanded", texts.expansions.clone());
        registry.register(
            "template_text_expansion_failures",
            "Templates that could not be expanded",
            texts.failures.clone(),
        );
        for summary in [&self.rule_seconds, &self.group_seconds] {
            summary.show(&[]);
        }
        self.rule_seconds.register(registry, "rule_evaluation_duration_seconds", "Durations of rules");
        self.group_seconds.register(registry, "rule_group_duration_seconds", "Durations of groups");
    }

    /// Shows a group from its start on, with zeros.
    pub(super) fn add(&self, group: &LabelSet, rules: usize, interval_ms: i64) {
        for counter in self.counters() {
            drop(counter.get_or_create(group));
        }
        for gauge in self.gauges() {
            drop(gauge.get_or_create(group));
        }
        self.rules.get_or_create(group).set(rules as f64);
        self.interval.get_or_create(group).set(interval_ms as f64 / 1000.0);
    }

    /// Forgets a group that is gone.
    pub(super) fn remove(&self, group: &LabelSet) {
        for counter in self.counters() {
            counter.remove(group);
        }
        for gauge in self.gauges() {
            gauge.remove(group);
        }
        self.last_restore.remove(group);
    }

    fn counters(&self) -> [&Family<LabelSet, Counter>; 4] {
        [&self.evaluations, &self.failures, &self.iterations, &self.missed]
    }

    fn gauges(&self) -> [&Family<LabelSet, Float>; 6] {
        [
            &self.interval,
            &self.last_evaluation,
            &self.last_duration,
            &self.last_rule_sum,
            &self.rules,
            &self.samples,
        ]
    }

    pub(super) fn rejected(&self, reason: RejectReason) {
        let labels = vec![("reason".to_owned(), reason.as_str().to_owned())];
        self.rejected.get_or_create(&labels).inc();
    }
}

/// The labels under which a group is counted: Prometheus' `file;name`.
pub(super) fn group_labels(file: &str, name: &str) -> LabelSet {
    vec![("rule_group".to_owned(), format!("{file};{name}"))]
}
