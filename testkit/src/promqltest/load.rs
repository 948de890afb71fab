//! Stores the series of a `load` command.

use query::promql::note_resets;
use query::promql::series_desc::{SequenceValue, SeriesDesc, StartTimes};

use crate::MemoryMetrics;

/// Stores `series`, one position every `interval_ms` from time 0 on.
///
/// What a store would know of resets within a chunk is noted, so that an instant selector that reads one sample knows it.
pub(super) fn load(store: &MemoryMetrics, interval_ms: i64, series: &[SeriesDesc], starts: &[StartTimes]) {
    for begun in starts {
        let times = (0i64..).map(|position| position * interval_ms).zip(&begun.values);
        store.insert_starts(&begun.labels, times.filter_map(|(t, relative)| relative.map(|ms| (t, t + ms))));
    }
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
        let times: Vec<i64> = floats.iter().map(|(t, _)| *t).collect();
        note_resets(&mut histograms, &times);
        store.insert(&described.labels, floats);
        store.insert_histograms(&described.labels, histograms);
    }
}
