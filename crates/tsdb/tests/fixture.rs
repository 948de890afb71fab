//! Files written by earlier versions of the program are read by this one. `testdata/v1` was written by
//! `cargo test -p tsdb --test fixture -- --ignored` when the formats of version 1 were fixed.

#![allow(clippy::unwrap_used)]

#[path = "../../../testkit/copy_folder.rs"]
mod copy_folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use copy_folder::copy_folder;
use model::metrics::Family;
use model::{
    Ctx, Labels, ManualClock, MetricBatch, MetricReader, MetricWriter, Position, SelectHints, Selected,
    SeriesData, Tenant, TimeRange,
};
use tsdb::{Options, Store};

const NOW: i64 = 1_700_000_000_000;
const SERIES: i64 = 12;
const STEPS: i64 = 1_500;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1")
}

fn open(dir: &Path, now: i64) -> Store {
    let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
    Store::open(Arc::new(disk::RealFs), dir, options, Arc::new(ManualClock::at_ms(now))).unwrap()
}

fn labels(i: i64) -> Labels {
    Labels::from_pairs([("__name__", format!("m{}", i % 3)), ("i", i.to_string()), ("이름", "값".repeat(30))])
}

/// One kind of values for every codec.
fn value(i: i64, k: i64) -> f64 {
    match i % 6 {
        0 => 42.5,
        1 => (k * 1_000 + (k * 7_919) % 97) as f64,
        2 => ((k * 104_729) % 10_000) as f64 / 100.0,
        3 => ((k * k) as f64).sqrt() * 1.000_000_1,
        4 if k % 50 == 0 => f64::from_bits(model::STALE_NAN_BITS),
        4 => -0.0,
        _ => f64::from_bits(0x7ff8_0000_0000_0000 | (k * k % 9_973) as u64),
    }
}

fn time(k: i64) -> i64 {
    NOW - (STEPS - k) * 10_000 + (k % 7)
}

fn append(store: &Store, steps: std::ops::Range<i64>) {
    let sets: Vec<Labels> = (0..SERIES).map(labels).collect();
    let mut resolved = Vec::new();
    for k in steps {
        store.resolve(&Tenant::default(), &sets, &mut resolved).unwrap();
        let refs: Vec<_> = resolved.iter().copied().flatten().collect();
        let v: Vec<f64> = (0..SERIES).map(|i| value(i, k)).collect();
        let position = k.to_string();
        let position = Some(Position { source: "fixture", position: position.as_bytes() });
        let batch = MetricBatch {
            refs: &refs,
            t: &[time(k); SERIES as usize],
            v: &v,
            position,
            ..MetricBatch::default()
        };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, SERIES as usize);
    }
}

fn family() -> Family {
    Family { name: "m0".into(), kind: "gauge".into(), help: "도움말".into(), unit: "seconds".into() }
}

#[test]
#[ignore = "writes testdata/v1"]
fn write_fixture() {
    let dir = fixture();
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let store = open(&dir, NOW);
    store.metadata(&Tenant::default(), &[family()]).unwrap();
    append(&store, 0..700);
    store.flush().unwrap();
    append(&store, 700..1_400);
    store.flush().unwrap();
    drop(store);
    // Half a day later the windows are closed: one block of long runs, where the slow codecs come in.
    let store = open(&dir, NOW + 43_200_000);
    store.maintain().unwrap();
    append(&store, 1_400..1_450);
    store.flush().unwrap();
    append(&store, 1_450..STEPS);
    store.close().unwrap();
}

fn check(store: &Store) {
    assert_eq!(store.position("fixture").as_deref(), Some(&b"1499"[..]));
    assert_eq!(store.families(&Ctx::unbounded(), None).unwrap(), [family()]);
    let selection = store.select(&Ctx::unbounded(), &[], TimeRange::ALL, &SelectHints::default()).unwrap();
    assert!(selection.complete && store.warnings().is_empty(), "{:?}", store.warnings());
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let (mut found, mut data) = (0, SeriesData::default());
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            let i: i64 = data.labels.get("i").unwrap().parse().unwrap();
            assert_eq!(data.labels, labels(i));
            assert_eq!(data.t, (0..STEPS).map(time).collect::<Vec<_>>());
            for (k, v) in (0..).zip(&data.v) {
                assert_eq!(v.to_bits(), value(i, k).to_bits(), "series {i}, sample {k}");
            }
            found += 1;
        }
    }
    assert_eq!(found, SERIES);
}

#[test]
fn version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&fixture(), dir.path());
    let store = open(dir.path(), NOW);
    check(&store);
    store.flush().unwrap();
    check(&store);
}
