//! As `fixture_v2.rs`, for what version 3 of the data file added: integers that were multiplied by a part of one, or
//! divided twice. `testdata/v3` was written by `cargo test -p tsdb --test fixture_v3 -- --ignored`.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use model::{
    Ctx, Labels, ManualClock, Matcher, MetricBatch, MetricReader, MetricWriter, SelectHints, Selected,
    SeriesData, SeriesRef, Tenant, TimeRange,
};
use tsdb::{Options, Store};

const NOW: i64 = 1_700_000_000_000;
const STEPS: i64 = 1_300;
const SCALES: usize = 6;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v3")
}

fn open(dir: &Path, now: i64) -> Store {
    let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::new(ManualClock::at_ms(now))).unwrap()
}

fn labels(scale: usize) -> Labels {
    Labels::from_pairs([("__name__", "scaled"), ("scale", &scale.to_string())])
}

fn time(k: i64) -> i64 {
    NOW - (STEPS - k) * 10_000
}

/// A growing integer in each scale, with a stale marker and a zero below zero.
fn value(scale: usize, k: i64) -> f64 {
    let v = (1_000_000_007 + k * 1_009 + k * 7_919 % 640) as f64;
    match k {
        500 => model::stale_nan(),
        501 => -0.0,
        _ => [v / 100.0, v * 1e-3, v * 1e-2, v * 1e-6, v * 1e-9, v / 1000.0 / 1000.0][scale],
    }
}

fn refs(store: &Store) -> Vec<SeriesRef> {
    let sets: Vec<Labels> = (0..SCALES).map(labels).collect();
    let mut out = Vec::new();
    store.resolve(&Tenant::default(), &sets, &mut out).unwrap();
    out.into_iter().map(Option::unwrap).collect()
}

fn append(store: &Store, steps: std::ops::Range<i64>) {
    let refs = refs(store);
    for k in steps {
        let t = [time(k); SCALES];
        let v: Vec<f64> = (0..SCALES).map(|scale| value(scale, k)).collect();
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, SCALES);
    }
}

/// A short page and a long one.
#[test]
#[ignore = "writes testdata/v3"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let store = open(&dir, NOW);
    append(&store, 0..1_100);
    store.flush().unwrap();
    append(&store, 1_100..STEPS);
    store.flush().unwrap();
    store.close().unwrap();
}

fn check(store: &Store) {
    for scale in 0..SCALES {
        let matchers = [Matcher::equal("scale", scale.to_string())];
        let selection =
            store.select(&Ctx::unbounded(), &matchers, TimeRange::ALL, &SelectHints::default()).unwrap();
        assert!(selection.complete && store.warnings().is_empty(), "{:?}", store.warnings());
        let Selected::Series(partitions) = selection.data else { panic!("a grid") };
        let mut data = SeriesData::default();
        for mut partition in partitions {
            assert!(partition.next(&mut data).unwrap());
        }
        let found: Vec<_> = data.t.iter().zip(&data.v).map(|(t, v)| (*t, v.to_bits())).collect();
        let want: Vec<_> = (0..STEPS).map(|k| (time(k), value(scale, k).to_bits())).collect();
        assert_eq!(found, want, "scale {scale}");
    }
}

#[test]
fn version_3_is_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path(), NOW + 86_400_000);
    check(&store);
    store.maintain().unwrap();
    check(&store);
}
