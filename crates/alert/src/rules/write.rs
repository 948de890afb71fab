//! Writing what rules gave, and markers for what they give no more.

use std::collections::HashSet;

use model::{HistogramSample, Labels, MetricBatch, MetricWriter, RejectReason, SeriesRef, Tenant, stale_nan};
use query::promql::SampleValue;

use super::metrics::Metrics;
use super::rule::Written;

/// What became of the samples of one rule.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Series whose sample was taken.
    pub(super) series: HashSet<Labels>,
    /// Why one was not taken; the last one counts.
    pub(super) error: Option<String>,
}

/// Writes `samples` and stale markers for `gone`, all at time `t` and in one batch.
pub(super) fn write(
    writer: &dyn MetricWriter,
    metrics: &Metrics,
    t: i64,
    samples: &[Written],
    gone: &[Labels],
) -> model::Result<Outcome> {
    let mut outcome = Outcome::default();
    if samples.is_empty() && gone.is_empty() {
        return Ok(outcome);
    }
    let tenant = Tenant::default();
    let labels: Vec<Labels> = samples.iter().map(|s| &s.labels).chain(gone).cloned().collect();
    let mut found = Vec::with_capacity(labels.len());
    writer.resolve(&tenant, &labels, &mut found)?;
    let mut batch = Batch::default();
    for (at, (series, labels)) in found.iter().zip(&labels).enumerate() {
        let sample = samples.get(at);
        match (series, sample) {
            (Some(series), Some(sample)) => batch.push(*series, &sample.value, Some(labels)),
            (Some(series), None) => batch.push(*series, &SampleValue::Float(stale_nan()), None),
            (None, Some(_)) => outcome.reject(metrics, RejectReason::Limit),
            (None, None) => {}
        }
    }
    let (floats, histograms) = (&batch.floats, &batch.histograms);
    let times = vec![t; floats.len()];
    let refs: Vec<SeriesRef> = floats.iter().map(|f| f.0).collect();
    let values: Vec<f64> = floats.iter().map(|f| f.1).collect();
    let histogram_samples: Vec<HistogramSample<'_>> = histograms
        .iter()
        .map(|(series, value, _)| HistogramSample { series: *series, t, start: 0, value })
        .collect();
    let appended = writer.append(
        &tenant,
        MetricBatch {
            refs: &refs,
            t: &times,
            v: &values,
            histograms: &histogram_samples,
            ..MetricBatch::default()
        },
    )?;
    let owners: Vec<Option<&Labels>> =
        floats.iter().map(|f| f.2).chain(histograms.iter().map(|h| h.2)).collect();
    let refused: HashSet<usize> = appended.rejected.iter().map(|r| r.index).collect();
    for rejected in &appended.rejected {
        // A marker may be refused: another rule then writes the series.
        if owners.get(rejected.index).is_some_and(Option::is_some) {
            outcome.reject(metrics, rejected.reason);
        }
    }
    let taken = owners.iter().enumerate().filter(|(at, _)| !refused.contains(at));
    outcome.series = taken.filter_map(|(_, owner)| owner.cloned()).collect();
    Ok(outcome)
}

impl Outcome {
    fn reject(&mut self, metrics: &Metrics, reason: RejectReason) {
        metrics.rejected(reason);
        let text = match reason {
            RejectReason::Duplicate => "duplicate sample for timestamp",
            RejectReason::OutOfOrder => "out of order sample",
            RejectReason::TooOld => "too old sample",
            RejectReason::TooFarInFuture => "the sample is too far in the future",
            RejectReason::Limit => "a limit forbids the series",
            RejectReason::Memory => "the memory limit leaves no room for the sample",
            RejectReason::Invalid => "the histogram contradicts itself",
            RejectReason::UnknownSeries => "the series is gone",
        };
        self.error = Some(text.to_owned());
    }
}

/// Samples by kind, each with the labels of the series it stands for; markers have none.
#[derive(Default)]
struct Batch<'a> {
    floats: Vec<(SeriesRef, f64, Option<&'a Labels>)>,
    histograms: Vec<(SeriesRef, std::sync::Arc<model::Histogram>, Option<&'a Labels>)>,
}

impl<'a> Batch<'a> {
    fn push(&mut self, series: SeriesRef, value: &SampleValue, owner: Option<&'a Labels>) {
        match value {
            SampleValue::Float(v) => self.floats.push((series, *v, owner)),
            SampleValue::Histogram(h) => self.histograms.push((series, h.clone(), owner)),
        }
    }
}
