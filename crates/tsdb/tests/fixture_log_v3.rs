//! As `fixture_v2.rs`, for what version 3 of the metric log added: definitions like the one before. Nothing was flushed.
//! `testdata/log-v3` was written by `cargo test -p tsdb --test fixture_log_v3 -- --ignored`.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use model::{
    Ctx, Labels, ManualClock, Matcher, MetricBatch, MetricReader, MetricWriter, SelectHints, Selected,
    SeriesData, Tenant, TimeRange,
};
use tsdb::{Options, Store};

const NOW: i64 = 1_700_000_000_000;
const SERIES: usize = 60;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/log-v3")
}

fn open(dir: &Path) -> Store {
    let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::new(ManualClock::at_ms(NOW))).unwrap()
}

fn labels(n: usize) -> Labels {
    let mut pairs = vec![("__name__", format!("metric_{}", n / 20)), ("job", "a".repeat(70 + n % 3))];
    if !n.is_multiple_of(7) {
        pairs.push(("instance", format!("\u{d55c}-{}", n % 5)));
    }
    pairs.push(("n", n.to_string()));
    Labels::from_pairs(pairs)
}

#[test]
#[ignore = "writes testdata/log-v3"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let store = open(&dir);
    let sets: Vec<Labels> = (0..SERIES).map(labels).collect();
    let mut refs = Vec::new();
    store.resolve(&Tenant::default(), &sets, &mut refs).unwrap();
    let refs: Vec<_> = refs.into_iter().flatten().collect();
    let v: Vec<f64> = (0..SERIES).map(|n| n as f64 / 4.0).collect();
    for t in [NOW - 1_000, NOW] {
        let batch = MetricBatch { refs: &refs, t: &[t; SERIES], v: &v, ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, SERIES);
    }
}

#[test]
fn version_3_of_the_log_is_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path());
    assert!(store.warnings().is_empty(), "{:?}", store.warnings());
    for n in 0..SERIES {
        let matchers = [Matcher::equal("n", n.to_string())];
        let selection =
            store.select(&Ctx::unbounded(), &matchers, TimeRange::ALL, &SelectHints::default()).unwrap();
        let Selected::Series(partitions) = selection.data else { panic!("a grid") };
        let mut data = SeriesData::default();
        for mut partition in partitions {
            assert!(partition.next(&mut data).unwrap());
        }
        assert_eq!(data.labels, labels(n));
        assert_eq!((data.t, data.v), (vec![NOW - 1_000, NOW], vec![n as f64 / 4.0; 2]));
    }
}
