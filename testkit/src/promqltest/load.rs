//! Stores the series of a `load` command.

use query::promql::series_desc::{SequenceValue, SeriesDesc};

use crate::MemoryMetrics;

/// Stores `series`, one position every `interval_ms` from time 0 on.
pub(super) fn load(store: &MemoryMetrics, interval_ms: i64, series: &[SeriesDesc]) {
    for described in series {
        let mut floats = Vec::new();
        let mut histograms = Vec::new();
        for (position, value) in (0i64..).zip(&described.values) {
            let t = position * interval_ms;
            match value {
                SequenceValue::Omitted => {}
                SequenceValue::Float(v) => floats.push((t, *v)),
                SequenceValue::Histogram { histogram, .. } => {
                    histograms.push((t, (**histogram).clone()));
                }
            }
        }
        store.insert(&described.labels, floats);
        store.insert_histograms(&described.labels, histograms);
    }
}
