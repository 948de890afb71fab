//! As `fixture.rs`, for what version 2 added: histograms, start timestamps, exemplars, tombstones. `testdata/v2` was
//! written by `cargo test -p tsdb --test fixture_v2 -- --ignored` when the formats of version 2 were fixed.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use model::{
    Ctx, Exemplar, ExemplarReader, ExemplarSample, Histogram, HistogramSample, Labels, ManualClock, Matcher,
    MetricAdmin, MetricBatch, MetricReader, MetricWriter, ResetHint, SelectHints, Selected, SeriesData,
    SeriesExemplars, Span, Tenant, TimeRange,
};
use tsdb::{Options, Store};

const NOW: i64 = 1_700_000_000_000;
const STEPS: i64 = 1_300;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v2")
}

fn open(dir: &Path, now: i64) -> Store {
    let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::new(ManualClock::at_ms(now))).unwrap()
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "fixture")])
}

fn time(k: i64) -> i64 {
    NOW - (STEPS - k) * 10_000
}

fn start(k: i64) -> i64 {
    match k {
        0..400 => 0,
        400..900 => NOW - 50_000_000,
        _ => time(k) - 10_000,
    }
}

/// Integers and floats, exponential and custom buckets, two layouts, hints, a stale marker.
fn histogram(k: i64) -> Histogram {
    if k % 211 == 210 {
        return Histogram { sum: model::stale_nan(), ..Histogram::default() };
    }
    let hint =
        [ResetHint::Unknown, ResetHint::NotReset, ResetHint::Gauge, ResetHint::Reset][(k / 100 % 4) as usize];
    if k >= 1_000 {
        return Histogram {
            reset_hint: hint,
            schema: -53,
            count: k as f64,
            sum: k as f64 * 0.25,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![k as f64 - 7.0, 5.0, 2.0],
            custom_values: vec![0.5, 2.5],
            ..Histogram::default()
        };
    }
    let wide = u32::from(k >= 500);
    let scale = if k >= 700 { 0.125 } else { 1.0 };
    let buckets: Vec<f64> = (0..4 + i64::from(wide)).map(|b| (k * (b + 1) / 3) as f64 * scale).collect();
    Histogram {
        reset_hint: hint,
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        zero_count: 2.0,
        count: buckets.iter().sum::<f64>() + 2.0 + 1.0 + 4.0,
        sum: k as f64 / 7.0,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 5, length: 2 + wide }],
        positive_buckets: buckets,
        negative_spans: vec![Span { offset: 1, length: 2 }],
        negative_buckets: vec![1.0, 4.0],
        custom_values: Vec::new(),
    }
}

fn append(store: &Store, steps: std::ops::Range<i64>) {
    let sets = [labels("floats"), labels("histograms"), labels("mixed"), labels("deleted")];
    let mut resolved = Vec::new();
    for k in steps {
        store.resolve(&Tenant::default(), &sets, &mut resolved).unwrap();
        let refs: Vec<_> = resolved.iter().copied().flatten().collect();
        let value = histogram(k);
        let sample = |series| HistogramSample { series, t: time(k), start: start(k), value: &value };
        let mixed = [sample(refs[1]), sample(refs[2])];
        let (floats, histograms) = match k % 2 {
            0 => (vec![refs[0], refs[3], refs[2]], &mixed[..1]),
            _ => (vec![refs[0], refs[3]], &mixed[..]),
        };
        let n = floats.len();
        let batch = MetricBatch {
            refs: &floats,
            t: &vec![time(k); n],
            v: &vec![k as f64 / 4.0; n],
            start: &vec![start(k); n],
            histograms,
            position: None,
            rising: 0,
        };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, n + histograms.len());
        if k % 100 == 99 {
            let exemplar = exemplar(k);
            let sample = ExemplarSample { series: refs[1], exemplar };
            let taken = MetricWriter::exemplars(store, &Tenant::default(), &[sample]);
            assert_eq!(taken.unwrap().taken, 1);
        }
    }
}

fn exemplar(k: i64) -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("trace_id", format!("{k:08x}"))]), t: time(k), v: k as f64 }
}

#[test]
#[ignore = "writes testdata/v2"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let store = open(&dir, NOW);
    append(&store, 0..600);
    store.flush().unwrap();
    append(&store, 600..1_200);
    store.flush().unwrap();
    drop(store);
    let store = open(&dir, NOW + 43_200_000);
    store.maintain().unwrap();
    append(&store, 1_200..1_250);
    let matchers = [Matcher::equal("__name__", "deleted")];
    store.delete_series(&Ctx::unbounded(), &matchers, TimeRange::new(time(100), time(1_199))).unwrap();
    append(&store, 1_250..STEPS);
    store.close().unwrap();
}

fn one(store: &Store, name: &str) -> SeriesData {
    let matchers = [Matcher::equal("__name__", name)];
    let selection =
        store.select(&Ctx::unbounded(), &matchers, TimeRange::ALL, &SelectHints::default()).unwrap();
    assert!(selection.complete && store.warnings().is_empty(), "{:?}", store.warnings());
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let mut data = SeriesData::default();
    assert_eq!(partitions.len(), 1);
    for mut partition in partitions {
        assert!(partition.next(&mut data).unwrap());
    }
    data
}

/// With `{:?}` a NaN equals itself.
fn check_histograms(data: &SeriesData, steps: &[i64]) {
    let want: Vec<_> = steps.iter().map(|k| (time(*k), histogram(*k))).collect();
    assert_eq!(format!("{:?}", data.histograms), format!("{want:?}"));
    assert_eq!(data.histogram_start, steps.iter().map(|k| start(*k)).collect::<Vec<_>>());
}

fn check_floats(data: &SeriesData, steps: &[i64]) {
    assert_eq!(data.t, steps.iter().map(|k| time(*k)).collect::<Vec<_>>());
    assert_eq!(data.v, steps.iter().map(|k| *k as f64 / 4.0).collect::<Vec<_>>());
    assert_eq!(data.start, steps.iter().map(|k| start(*k)).collect::<Vec<_>>());
}

fn check(store: &Store) {
    let all: Vec<i64> = (0..STEPS).collect();
    let (even, odd): (Vec<i64>, Vec<i64>) = all.iter().partition(|k| **k % 2 == 0);
    check_floats(&one(store, "floats"), &all);
    check_histograms(&one(store, "histograms"), &all);
    check_floats(&one(store, "mixed"), &even);
    check_histograms(&one(store, "mixed"), &odd);
    let kept: Vec<i64> = all.iter().copied().filter(|k| !(100..1_200).contains(k)).collect();
    check_floats(&one(store, "deleted"), &kept);
    let found = ExemplarReader::exemplars(store, &Ctx::unbounded(), &[vec![]], TimeRange::ALL).unwrap();
    let exemplars = (0..STEPS).filter(|k| k % 100 == 99).map(exemplar).collect();
    assert_eq!(found, [SeriesExemplars { series: labels("histograms"), exemplars }]);
}

#[test]
fn version_2_is_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path(), NOW);
    check(&store);
    store.flush().unwrap();
    store.clean_tombstones().unwrap();
    check(&store);
}
