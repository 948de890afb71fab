//! As `fixture.rs`, for summaries: `testdata/tiers` was written by
//! `cargo test -p tsdb --test fixture_tiers -- --ignored`.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use model::{Ctx, Histogram, Labels, ManualClock, SeriesData, Span, TimeRange, is_stale_nan, stale_nan};
use query::promql::{Engine, EngineOptions, QueryOutput, Value};
use tsdb::{Downsampling, Options, Retention, Store};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A midnight.
const FIRST: i64 = 19_670 * DAY;
const NOW: i64 = FIRST + 5 * DAY;
const STEP: i64 = 120_000;
const SAMPLES: i64 = 2 * DAY / STEP;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tiers")
}

fn open(dir: &Path, clock: &Arc<ManualClock>) -> Store {
    let mut options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    options.downsampling.least_samples = 0;
    Store::open(Arc::new(disk::RealFs), dir, options, clock.clone()).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_ms(NOW))
}

fn time(k: i64) -> i64 {
    FIRST + k * STEP
}

/// Starts over now and then.
fn counter(k: i64) -> f64 {
    (k % 487) as f64 * 1.75
}

/// Eighths, so that sums are exact; it stops twice.
fn gauge(k: i64) -> f64 {
    if [400, 1_019].contains(&k) { stale_nan() } else { (k * 7_919 % 1_000) as f64 / 8.0 - 50.0 }
}

fn histogram(k: i64) -> Histogram {
    let count = (k % 600) as f64;
    Histogram {
        count,
        sum: count * 3.0,
        positive_spans: vec![Span { offset: 0, length: 1 }],
        positive_buckets: vec![count],
        ..Histogram::default()
    }
}

#[test]
#[ignore = "writes testdata/tiers"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let store = open(&dir, &clock());
    for day in 0..2 {
        let range = TimeRange::new(FIRST + day * DAY, FIRST + (day + 1) * DAY - 1);
        let steps = day * SAMPLES / 2..(day + 1) * SAMPLES / 2;
        let mut names = ["counter", "gauge", "histogram"].into_iter();
        let mut next = |out: &mut SeriesData| {
            let Some(name) = names.next() else { return Ok(false) };
            out.labels = Labels::from_pairs([("__name__", name)]);
            for k in steps.clone() {
                match name {
                    "counter" => out.push_float(0, time(k), counter(k)),
                    "gauge" => out.push_float(0, time(k), gauge(k)),
                    _ => out.histograms.push((time(k), histogram(k))),
                }
            }
            Ok(true)
        };
        store.import(range, &mut next).unwrap();
    }
    for _ in 0..8 {
        store.maintain().unwrap();
    }
    store.close().unwrap();
}

/// Hours from the second on: a window that begins with the first sample has no other before it.
const FROM: i64 = FIRST + 2 * HOUR;
const UNTIL: i64 = FIRST + 2 * DAY;

fn ask(store: &Store, query: &str) -> QueryOutput {
    let engine = Engine::new(EngineOptions { summaries: true, threads: 1, ..EngineOptions::default() });
    engine.range(&Ctx::unbounded(), store, query, FROM, UNTIL, HOUR).unwrap()
}

/// The value of each hour; where there is none, nothing.
fn hours(output: &QueryOutput) -> Vec<Option<f64>> {
    let Value::Matrix(series) = &output.value else { panic!("no matrix") };
    assert!(series.len() <= 1);
    let points = series.first().map_or(&[][..], |s| &s.points);
    let at = |t: i64| points.iter().find(|p| p.0 == t).map(|p| p.1);
    (FROM..=UNTIL).step_by(HOUR as usize).map(at).collect()
}

/// What `fold` makes of the samples of each hour, markers left out.
fn want(value: fn(i64) -> f64, fold: impl Fn(&[f64]) -> f64) -> Vec<Option<f64>> {
    let window = |end: i64| {
        let inside = (0..SAMPLES).filter(|k| time(*k) > end - HOUR && time(*k) <= end);
        let values: Vec<f64> = inside.map(value).filter(|v| !is_stale_nan(*v)).collect();
        (!values.is_empty()).then(|| fold(&values))
    };
    (FROM..=UNTIL).step_by(HOUR as usize).map(window).collect()
}

/// One value of many.
type Fold = fn(&[f64]) -> f64;

fn check(store: &Store, resolutions: &[i64]) {
    let folds: [(&str, Fold); 6] = [
        ("count_over_time", |v| v.len() as f64),
        ("sum_over_time", |v| v.iter().sum()),
        ("min_over_time", |v| v.iter().copied().fold(f64::INFINITY, f64::min)),
        ("max_over_time", |v| v.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ("first_over_time", |v| v[0]),
        ("last_over_time", |v| v[v.len() - 1]),
    ];
    for (function, fold) in folds {
        let got = ask(store, &format!("{function}(gauge[1h])"));
        assert_eq!(got.resolutions, resolutions, "{function}");
        assert_eq!(hours(&got), want(gauge, fold), "{function}");
    }
    let got = ask(store, "increase(counter[1h])");
    assert_eq!(got.resolutions, resolutions);
    for (got, want) in hours(&got).into_iter().zip(increases()) {
        let (got, want) = (got.unwrap(), want.unwrap());
        assert!((got - want).abs() <= 1e-9 * want.abs(), "{got}, {want} from samples");
    }
}

/// What the samples of the fixture give without summaries.
fn increases() -> Vec<Option<f64>> {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let engine = Engine::new(EngineOptions { summaries: false, threads: 1, ..EngineOptions::default() });
    let store = open(dir.path(), &clock());
    let output = engine.range(&Ctx::unbounded(), &store, "increase(counter[1h])", FROM, UNTIL, HOUR).unwrap();
    assert!(output.resolutions.is_empty());
    hours(&output)
}

#[test]
fn summaries_of_before_are_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path(), &clock());
    assert!(store.warnings().is_empty(), "{:?}", store.warnings());
    let tiers: Vec<(i64, bool)> = store.tier_sizes().iter().map(|t| (t.resolution, t.blocks > 0)).collect();
    assert_eq!(tiers, [(HOUR, true), (300_000, true)]);
    check(&store, &[HOUR]);
    store.maintain().unwrap();
    check(&store, &[HOUR]);
}

#[test]
fn they_are_what_is_left_when_samples_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let clock = clock();
    let store = open(dir.path(), &clock);
    let kept = store.retention();
    store.set_retention(Retention {
        time_ms: 2 * DAY,
        downsampling: Downsampling { keep_5m_ms: Some(0), keep_1h_ms: Some(0), ..kept.downsampling.clone() },
        ..(*kept).clone()
    });
    // A step of the clock, which the newest sample tells about, is believed after a while.
    store.maintain().unwrap();
    clock.advance_ms(2 * HOUR);
    store.maintain().unwrap();
    assert_eq!(store.oldest(), None, "no sample is left");
    // The finest there is at each place.
    check(&store, &[HOUR, 300_000]);
    // The marker that ends the gauge is the newest of its span in one place.
    let left = hours(&ask(&store, "gauge"));
    assert!(left.iter().any(Option::is_some));
    let last = hours(&ask(&store, "histogram_count(last_over_time(histogram[1h]))"));
    let wanted: Vec<_> = (FROM..=UNTIL)
        .step_by(HOUR as usize)
        .map(|t| histogram(((t - FIRST) / STEP).min(SAMPLES - 1)).count)
        .collect();
    assert_eq!(last.into_iter().flatten().collect::<Vec<_>>(), wanted);
}
