//! Histograms and start timestamps.

use std::collections::BTreeMap;

use model::{Histogram, HistogramSample, Span};

use super::*;
use crate::codec::put_histogram;

/// A sample: its start, and a value whose bits all count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Value {
    Float(u64),
    Histogram(Vec<u8>),
}

pub(in crate::store) type Rich = BTreeMap<Labels, BTreeMap<i64, (i64, Value)>>;

pub(in crate::store) fn encoded(h: &Histogram) -> Value {
    let mut out = Vec::new();
    put_histogram(&mut out, h);
    Value::Histogram(out)
}

/// Everything in a range.
pub(in crate::store) fn read_rich(store: &Store, range: TimeRange) -> Rich {
    let selection = store.select(&Ctx::unbounded(), &[], range, &SelectHints::default()).unwrap();
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let (mut found, mut data) = (Rich::new(), SeriesData::default());
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            assert!(data.start.is_empty() || data.start.len() == data.t.len());
            assert!(data.histogram_start.is_empty() || data.histogram_start.len() == data.histograms.len());
            assert!(data.t.is_sorted_by(|a, b| a < b) && data.histograms.is_sorted_by(|a, b| a.0 < b.0));
            let samples = found.entry(data.labels.clone()).or_default();
            for (at, t) in data.t.iter().enumerate() {
                let start = data.start.get(at).copied().unwrap_or(0);
                assert_eq!(samples.insert(*t, (start, Value::Float(data.v[at].to_bits()))), None);
            }
            for (at, (t, h)) in data.histograms.iter().enumerate() {
                let start = data.histogram_start.get(at).copied().unwrap_or(0);
                assert_eq!(samples.insert(*t, (start, encoded(h))), None, "one sample at one time");
            }
        }
    }
    found
}

/// A histogram of one of a few layouts, or a stale marker.
pub(in crate::store) fn histogram(kind: u8) -> Histogram {
    if kind == 0 {
        return Histogram { sum: model::stale_nan(), ..Histogram::default() };
    }
    let n = f64::from(kind);
    Histogram {
        schema: i32::from(kind % 2),
        count: 2.0 * n + 1.0,
        zero_count: 1.0,
        sum: 0.1 * n,
        positive_spans: vec![Span { offset: i32::from(kind % 3), length: 2 }],
        positive_buckets: vec![n, n],
        ..Histogram::default()
    }
}

#[test]
fn a_contradictory_histogram_is_refused_and_the_rest_is_taken() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &[labels("m", 0), labels("m", 1)]);
    let (good, bad) = (histogram(3), Histogram { schema: 77, ..histogram(3) });
    let of = |series, value| HistogramSample { series, t: NOW, start: 0, value };
    let histograms = [of(refs[0], &bad), of(refs[1], &good), of(refs[1], &good)];
    let batch = MetricBatch {
        refs: &refs[..1],
        t: &[NOW],
        v: &[1.0],
        histograms: &histograms,
        ..MetricBatch::default()
    };
    let appended = store.append(&Tenant::default(), batch).unwrap();
    assert_eq!(appended.accepted, 3, "the same again is taken");
    assert_eq!(appended.rejected, [model::Rejected { index: 1, reason: RejectReason::Invalid }]);
    let found = read_rich(&store, TimeRange::ALL);
    assert_eq!(found[&labels("m", 1)][&NOW].1, encoded(&good));
}

#[test]
fn histograms_in_memory_are_compact_and_counted() {
    let mut fixture = Fixture::new();
    fixture.options.budget = model::Budget::new("head", 64 << 20);
    let store = fixture.open();
    let refs = resolve(&store, &[labels("m", 0)]);
    let before = fixture.options.budget.used();
    let spans = vec![Span { offset: 0, length: 100 }];
    for k in 0..1_000 {
        let value = Histogram {
            positive_spans: spans.clone(),
            positive_buckets: (0..100).map(|b| f64::from(b * k / 50)).collect(),
            ..histogram(1)
        };
        let sample = HistogramSample { series: refs[0], t: NOW + i64::from(k), start: 0, value: &value };
        let batch = MetricBatch { histograms: &[sample], ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, 1);
    }
    let each = (fixture.options.budget.used() - before) / 1_000;
    assert!((20..300).contains(&each), "{each} bytes a histogram of 100 buckets");
    fixture.options.budget.set_limit(fixture.options.budget.used());
    let value = histogram(1);
    let sample = |k: i64| HistogramSample { series: refs[0], t: NOW + 2_000 + k, start: 0, value: &value };
    let refused = (0..5_000).find(|k| {
        let batch = MetricBatch { histograms: &[sample(*k)], ..MetricBatch::default() };
        store
            .append(&Tenant::default(), batch)
            .unwrap()
            .rejected
            .iter()
            .any(|r| r.reason == RejectReason::Limit)
    });
    assert!(refused.is_some(), "the limit is held");
}
