//! The series that a scrape makes about itself, and stale markers.

use model::labels::METRIC_NAME;
use model::{Histogram, stale_nan};

use super::cache::{Series, Slot};
use super::{Appender, Counts};

/// Names of the series about every scrape, and how many of them are stored without `extra_scrape_metrics`.
const NAMES: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];
const PLAIN: usize = 5;

impl Appender {
    /// Marks what ended. Markers of series that the store does not know are not needed.
    pub(super) fn push_markers(&mut self, t: i64, failed: bool) {
        for key in self.cache.ended(failed) {
            let found = self.cache.series(key).and_then(|s| Some((s.id?, s.histogram)));
            match found {
                Some((id, false)) => self.batch.push(key, Some(id), t, 0, stale_nan()),
                Some((id, true)) => {
                    let marker = Histogram { sum: stale_nan(), ..Histogram::default() };
                    self.batch.push_histogram(key, Some(id), t, 0, marker);
                }
                None => {}
            }
        }
    }

    /// Writes `up` and its sisters.
    pub(super) fn push_reports(&mut self, t: i64, seconds: f64, failed: bool, counts: Counts) {
        let values = [
            if failed { 0.0 } else { 1.0 },
            seconds,
            counts.scraped as f64,
            counts.kept as f64,
            counts.added as f64,
            self.target.timeout.as_ms() as f64 / 1e3,
            self.job.sample_limit as f64,
            counts.bytes as f64,
        ];
        for (name, value) in NAMES.iter().zip(values).take(self.reports()) {
            let key = self.report(name);
            let id = self.cache.series(key).and_then(|s| s.id);
            self.batch.push(key, id, t, 0, value);
        }
    }

    /// Ends `up` and its sisters.
    pub(super) fn push_report_markers(&mut self, t: i64) {
        for name in NAMES.iter().take(self.reports()) {
            let key = self.report(name);
            if let Some(id) = self.cache.series(key).and_then(|s| s.id) {
                self.batch.push(key, Some(id), t, 0, stale_nan());
            }
        }
        self.batch.new.clear();
    }

    fn reports(&self) -> usize {
        if self.job.extra_scrape_metrics == Some(true) { NAMES.len() } else { PLAIN }
    }

    /// The slot of one of them. A byte that no target can write keeps it apart from exposed series.
    fn report(&mut self, name: &str) -> u128 {
        let key = self.cache.key(&[name.as_bytes(), b"\xff"].concat());
        let target = &self.target.labels;
        let batch = &mut self.batch;
        let slot = self.cache.slots.entry(key).or_insert_with(|| {
            let labels = target.to_builder().set(METRIC_NAME, name).build();
            Slot::Series(Series {
                labels,
                id: None,
                seen: 0,
                tracked: 0,
                live: false,
                pinned: true,
                histogram: false,
            })
        });
        if matches!(slot, Slot::Series(series) if series.id.is_none()) {
            batch.new.push(key);
        }
        key
    }
}
