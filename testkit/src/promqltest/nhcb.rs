//! Classic histograms as native ones with custom buckets.

use std::collections::BTreeMap;

use model::labels::METRIC_NAME;
use model::{Histogram, Labels, Span};
use query::promql::series_desc::{SequenceValue, SeriesDesc};

use crate::MemoryMetrics;

/// What is known of one classic histogram at one time.
#[derive(Debug, Default)]
struct Classic {
    /// Cumulative counts by bound.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
}

/// Converts the classic histograms among `series` and stores them beside.
pub(super) fn load(store: &MemoryMetrics, interval_ms: i64, series: &[SeriesDesc]) -> Result<(), String> {
    let mut found: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for described in series {
        gather(described, interval_ms, &mut found);
    }
    for (labels, times) in found {
        let mut histograms = Vec::new();
        for (t, classic) in times {
            let native = classic.convert().map_err(|e| format!("{labels} at {t} ms: {e}"))?;
            histograms.push((t, native));
        }
        store.insert_histograms(&labels, histograms);
    }
    Ok(())
}

fn gather(described: &SeriesDesc, interval_ms: i64, found: &mut BTreeMap<Labels, BTreeMap<i64, Classic>>) {
    let name = described.labels.metric_name();
    let bound = described.labels.get_or_empty("le").parse::<f64>().ok();
    let suffixes = ["_bucket", "_count", "_sum"];
    let found_suffix = suffixes.iter().find_map(|s| Some((*s, name.strip_suffix(s)?)));
    let Some((suffix, family)) = found_suffix else { return };
    if suffix == "_bucket" && bound.is_none() {
        return;
    }
    let mut labels = described.labels.to_builder();
    labels.set(METRIC_NAME, family).remove("le");
    let times = found.entry(labels.build()).or_default();
    for (position, value) in (0i64..).zip(&described.values) {
        let SequenceValue::Float(v) = value else { continue };
        let classic = times.entry(position * interval_ms).or_default();
        match (suffix, bound) {
            ("_bucket", Some(bound)) => {
                if !classic.buckets.iter().any(|(b, _)| *b == bound) {
                    classic.buckets.push((bound, *v));
                }
            }
            ("_count", _) => classic.count = Some(*v),
            _ => classic.sum = Some(*v),
        }
    }
}

impl Classic {
    fn convert(mut self) -> Result<Histogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let highest = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let count = self.count.unwrap_or(highest);
        match self.buckets.last() {
            Some((bound, last)) if *bound == f64::INFINITY => {
                if *last != count {
                    return Err(format!("count is {count}, +Inf bucket {last}"));
                }
            }
            _ => self.buckets.push((f64::INFINITY, count)),
        }
        let mut counts = Vec::with_capacity(self.buckets.len());
        let mut before = 0.0;
        for (bound, cumulative) in &self.buckets {
            if *cumulative < before {
                return Err(format!("bucket {bound} counts less than the one before"));
            }
            counts.push(cumulative - before);
            before = *cumulative;
        }
        let finite = self.buckets.len() - 1;
        Ok(Histogram {
            schema: -53,
            count,
            sum: self.sum.unwrap_or(0.0),
            positive_spans: vec![Span { offset: 0, length: u32::try_from(counts.len()).unwrap_or(u32::MAX) }],
            positive_buckets: counts,
            custom_values: self.buckets.iter().take(finite).map(|(bound, _)| *bound).collect(),
            ..Histogram::default()
        })
    }
}
