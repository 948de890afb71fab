//! Quantiles of recent durations, under the names that a Prometheus summary has.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Labels of a metric.
pub(crate) type LabelSet = Vec<(String, String)>;
/// A gauge that holds a float.
pub(crate) type Float = Gauge<f64, AtomicU64>;

/// How many of the newest durations the quantiles are of.
const RECENT: usize = 500;

/// Durations in seconds by label set.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    quantiles: &'static [f64],
    values: Family<LabelSet, Float>,
    sum: Family<LabelSet, Float>,
    count: Family<LabelSet, Float>,
    recent: Arc<Mutex<HashMap<LabelSet, VecDeque<f64>>>>,
}

impl Summary {
    pub(crate) fn new(quantiles: &'static [f64]) -> Self {
        Self {
            quantiles,
            values: Family::default(),
            sum: Family::default(),
            count: Family::default(),
            recent: Arc::default(),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.values.clone());
        registry.register(format!("{name}_sum"), format!("{help}, added up"), self.sum.clone());
        registry.register(format!("{name}_count"), format!("{help}, how many"), self.count.clone());
    }

    pub(crate) fn observe(&self, labels: &LabelSet, seconds: f64) {
        let mut recent = self.recent.lock();
        let newest = recent.entry(labels.clone()).or_default();
        if newest.len() == RECENT {
            newest.pop_front();
        }
        newest.push_back(seconds);
        let mut sorted: Vec<f64> = newest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        for quantile in self.quantiles {
            let rank = (quantile * sorted.len() as f64).ceil() as usize;
            // There is at least the one that was just pushed.
            let value = sorted[rank.clamp(1, sorted.len()) - 1];
            self.values.get_or_create(&self.of(labels, *quantile)).set(value);
        }
        self.sum.get_or_create(labels).inc_by(seconds);
        self.count.get_or_create(labels).inc();
    }

    pub(crate) fn remove(&self, labels: &LabelSet) {
        self.recent.lock().remove(labels);
        for quantile in self.quantiles {
            self.values.remove(&self.of(labels, *quantile));
        }
        self.sum.remove(labels);
        self.count.remove(labels);
    }

    fn of(&self, labels: &LabelSet, quantile: f64) -> LabelSet {
        let mut all = labels.clone();
        all.push(("quantile".to_owned(), quantile.to_string()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_newest() {
        let summary = Summary::new(&[0.5, 0.99]);
        let labels: LabelSet = Vec::new();
        for n in 1..=1000 {
            summary.observe(&labels, f64::from(n));
        }
        let value = |q: f64| summary.values.get_or_create(&summary.of(&labels, q)).get();
        assert_eq!((value(0.5), value(0.99)), (750.0, 995.0));
        assert_eq!(summary.count.get_or_create(&labels).get(), 1000.0);
    }
}
