//! Quantiles, sum and count of durations: the metric type that Prometheus' own figures have and `prometheus-client`
//! lacks.
//!
//! Quantiles are of the last ten minutes, within 1 % of the value: observations are counted in buckets whose bounds grow
//! by a constant factor (as in DDSketch: Masson, Rim and Lee, VLDB 2019), in five generations that are forgotten one
//! after the other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Labels of a metric.
pub type LabelSet = Vec<(String, String)>;

/// Generations that quantiles are of, and how long each takes observations.
const GENERATIONS: usize = 5;
const SPAN: Duration = Duration::from_secs(120);
/// The factor between two bounds: the middle of a bucket is within 1 % of everything in it.
const GROWTH: f64 = 1.02;
/// Everything below counts as this: shorter than a clock tells.
const LEAST: f64 = 1e-9;

/// Observations by label set. Clones share them.
#[derive(Debug, Clone)]
pub struct Summary {
    quantiles: &'static [f64],
    series: Arc<Mutex<HashMap<LabelSet, Series>>>,
}

#[derive(Debug)]
struct Series {
    sum: f64,
    count: u64,
    generations: VecDeque<BTreeMap<i32, u64>>,
    newest: Instant,
}

impl Summary {
    /// A summary with the quantiles that are to be shown, each in `0..=1`.
    pub fn new(quantiles: &'static [f64]) -> Self {
        Self { quantiles, series: Arc::default() }
    }

    /// Makes it visible.
    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        // A collector's name takes no prefix: it is that of the registry.
        let shown = Shown { name: name.to_owned(), help: format!("{help}."), summary: self.clone() };
        registry.register_collector(Box::new(shown));
    }

    /// Shows a label set before its first observation.
    pub fn show(&self, labels: &[(String, String)]) {
        self.at(labels, Instant::now(), |_| ());
    }

    /// Counts one observation, in seconds.
    pub fn observe(&self, labels: &[(String, String)], seconds: f64) {
        self.at(labels, Instant::now(), |series| series.observe(seconds));
    }

    /// Forgets a label set.
    pub fn remove(&self, labels: &[(String, String)]) {
        self.series.lock().remove(labels);
    }

    fn at(&self, labels: &[(String, String)], now: Instant, f: impl FnOnce(&mut Series)) {
        let mut all = self.series.lock();
        let series = match all.get_mut(labels) {
            Some(series) => series,
            None => all.entry(labels.to_vec()).or_insert_with(|| Series::new(now)),
        };
        series.advance(now);
        f(series);
    }
}

impl Series {
    fn new(now: Instant) -> Self {
        Self { sum: 0.0, count: 0, generations: VecDeque::from([BTreeMap::new()]), newest: now }
    }

    /// Begins the generations that are due and forgets the oldest.
    fn advance(&mut self, now: Instant) {
        while now.saturating_duration_since(self.newest) >= SPAN {
            if self.generations.iter().all(BTreeMap::is_empty) {
                self.newest = now;
                return;
            }
            self.newest += SPAN;
            self.generations.push_back(BTreeMap::new());
            if self.generations.len() > GENERATIONS {
                self.generations.pop_front();
            }
        }
    }

    fn observe(&mut self, seconds: f64) {
        self.sum += seconds;
        self.count += 1;
        let bucket = (seconds.max(LEAST).ln() / GROWTH.ln()).floor() as i32;
        if let Some(newest) = self.generations.back_mut() {
            *newest.entry(bucket).or_default() += 1;
        }
    }

    /// The values at `quantiles`; not a number where nothing was observed of late.
    fn values(&self, quantiles: &[f64]) -> Vec<f64> {
        let mut merged: BTreeMap<i32, u64> = BTreeMap::new();
        for (bucket, count) in self.generations.iter().flatten() {
            *merged.entry(*bucket).or_default() += count;
        }
        let total: u64 = merged.values().sum();
        let value = |quantile: &f64| {
            let rank = ((quantile * total as f64).ceil() as u64).max(1);
            let mut passed = 0;
            let at = merged.iter().find(|(_, count)| {
                passed += **count;
                passed >= rank
            });
            at.map_or(f64::NAN, |(bucket, _)| GROWTH.powf(f64::from(*bucket) + 0.5))
        };
        quantiles.iter().map(value).collect()
    }
}

#[derive(Debug)]
struct Shown {
    name: String,
    help: String,
    summary: Summary,
}

impl Collector for Shown {
    /// Written as a family of an unknown type, which only summaries are among our metrics: `prometheus-client` has no
    /// other way. Whoever serves the text names the type.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut series = self.summary.series.lock();
        if series.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(&self.name, &self.help, None, MetricType::Unknown)?;
        let now = Instant::now();
        let mut sorted: Vec<(&LabelSet, &mut Series)> = series.iter_mut().collect();
        sorted.sort_by_key(|(labels, _)| *labels);
        for (labels, series) in sorted {
            series.advance(now);
            for (quantile, value) in self.summary.quantiles.iter().zip(series.values(self.summary.quantiles))
            {
                let mut labels = labels.clone();
                labels.push(("quantile".to_owned(), quantile.to_string()));
                let gauge: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
                gauge.set(value);
                gauge.encode(family.encode_family(&labels)?)?;
            }
            // A histogram without buckets is a sum and a count.
            let none: Option<&HashMap<usize, prometheus_client::metrics::exemplar::Exemplar<LabelSet, f64>>> =
                None;
            let (sum, count) = (series.sum, series.count);
            if labels.is_empty() {
                family.encode_histogram(sum, count, &[], none)?;
            } else {
                family.encode_family(labels)?.encode_histogram(sum, count, &[], none)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(summary: &Summary) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        summary.register(registry.sub_registry_with_prefix("p"), "x_seconds", "Some");
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn it_is_written_with_quantiles_sum_and_count() {
        let summary = Summary::new(&[0.5, 0.99]);
        assert_eq!(text(&summary), "# EOF\n");
        let labels = vec![("a".to_owned(), "b".to_owned())];
        summary.show(&labels);
        assert_eq!(
            text(&summary),
            "# HELP p_x_seconds Some.\n# TYPE p_x_seconds unknown\np_x_seconds{a=\"b\",quantile=\"0.5\"} NaN\n\
             p_x_seconds{a=\"b\",quantile=\"0.99\"} NaN\np_x_seconds_sum{a=\"b\"} 0.0\np_x_seconds_count{a=\"b\"} 0\n# EOF\n"
        );
        summary.remove(&labels);
        summary.observe(&[], 0.0);
        assert!(text(&summary).contains("p_x_seconds_sum 0.0\np_x_seconds_count 1\n"), "{}", text(&summary));
    }

    #[test]
    fn quantiles_are_those_of_the_last_ten_minutes() {
        let summary = Summary::new(&[0.0, 0.5, 0.99, 1.0]);
        let start = Instant::now();
        let values = |now: Instant| {
            let mut values = Vec::new();
            summary.at(&[], now, |series| values = series.values(summary.quantiles));
            values
        };
        for n in 1..=1000 {
            summary.at(&[], start, |series| series.observe(f64::from(n)));
        }
        for (value, expected) in values(start).into_iter().zip([1.0, 500.0, 990.0, 1000.0]) {
            assert!((value / expected - 1.0).abs() < 0.011, "{value} {expected}");
        }
        summary.at(&[], start + SPAN * 4, |series| series.observe(1e-3));
        assert!(values(start + SPAN * 4)[3] > 900.0);
        assert!((values(start + SPAN * 5)[3] / 1e-3 - 1.0).abs() < 0.011);
        assert!(values(start + SPAN * 9).iter().all(|v| v.is_nan()));
        assert!(values(start + SPAN * 1_000_000).iter().all(|v| v.is_nan()));
        summary.at(&[], start + SPAN * 1_000_000, |series| {
            assert_eq!((series.count, series.sum), (1001, 500_500.001))
        });
    }
}
