//! Deletion and snapshots.

use model::MetricAdmin;
use model::metrics::{Family, MetricStats};

use super::*;

const SERIES: u32 = 4;

/// Appends one sample to each series.
fn append_all(store: &Store, t: i64, v: f64) -> Result<()> {
    let refs = resolve(store, &(0..SERIES).map(|i| labels("m", i)).collect::<Vec<_>>());
    let batch = MetricBatch {
        refs: &refs,
        t: &[t; SERIES as usize],
        v: &[v; SERIES as usize],
        ..MetricBatch::default()
    };
    store.append(&Tenant::default(), batch).map(drop)
}

fn of(i: u32) -> [Matcher; 1] {
    [Matcher::equal("i", i.to_string())]
}

fn delete(store: &Store, i: u32, range: TimeRange) -> Result<u64> {
    store.delete_series(&Ctx::unbounded(), &of(i), range)
}

fn disk_samples(store: &Store) -> u64 {
    store.stats(1).unwrap().block_samples
}

#[test]
fn what_is_deleted_is_not_read_and_its_space_comes_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for k in 0..10 {
        append_all(&store, NOW + k * 1_000, k as f64).unwrap();
        if k == 3 {
            store.flush().unwrap();
        }
    }
    let range = TimeRange::new(NOW + 2_000, NOW + 7_000);
    assert_eq!(delete(&store, 1, range).unwrap(), 1);
    assert_eq!(delete(&store, 1, range).unwrap(), 0, "nothing is left to delete");
    assert_eq!(delete(&store, 7, TimeRange::ALL).unwrap(), 0, "no such series");
    let matchers = [Matcher::new("i", MatchOp::Regex, "2|3").unwrap()];
    assert_eq!(store.delete_series(&Ctx::unbounded(), &matchers, TimeRange::ALL).unwrap(), 2);
    let check = |store: &Store| {
        let found = all(store);
        assert_eq!(found.iter().map(|(l, _)| l.get("i").unwrap()).collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(found[0].1.len(), 10);
        let times: Vec<i64> = found[1].1.iter().map(|s| (s.0 - NOW) / 1_000).collect();
        assert_eq!(times, [0, 1, 8, 9]);
        assert!(read(store, &of(1), range).is_empty(), "a series without samples in the range is not there");
        let hints = SelectHints { labels_only: true, ..SelectHints::default() };
        assert_eq!(read_with(store, &[], range, &hints).len(), 1);
    };
    check(&store);
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    check(&store);
    assert_eq!(disk_samples(&store), 40);
    store.clean_tombstones().unwrap();
    check(&store);
    assert_eq!(disk_samples(&store), 14);
    let listed = store.label_values(&Ctx::unbounded(), "i", &[], TimeRange::ALL, 0).unwrap().items;
    store.clean_tombstones().unwrap();
    assert_eq!(disk_samples(&store), 14, "there is nothing more to clean");
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    check(&store);
    assert_eq!(listed, ["0", "1"], "the index of a cleaned block has no series that is gone");
}

#[test]
fn what_is_appended_after_a_deletion_stays() {
    let fixture = Fixture::new();
    let store = fixture.open();
    append_all(&store, NOW, 1.0).unwrap();
    delete(&store, 0, TimeRange::ALL).unwrap();
    append_all(&store, NOW + 1_000, 2.0).unwrap();
    append_all(&store, NOW - 1_000, 3.0).unwrap();
    let expect = vec![(NOW - 1_000, 3f64.to_bits()), (NOW + 1_000, 2f64.to_bits())];
    assert_eq!(read(&store, &of(0), TimeRange::ALL)[0].1, expect);
    store.flush().unwrap();
    store.clean_tombstones().unwrap();
    assert_eq!(read(&store, &of(0), TimeRange::ALL)[0].1, expect);
}

#[test]
fn a_store_of_which_all_was_deleted_is_empty() {
    let fixture = Fixture::new();
    let store = fixture.open();
    append_all(&store, NOW, 1.0).unwrap();
    assert_eq!(store.delete_series(&Ctx::unbounded(), &[], TimeRange::ALL).unwrap(), u64::from(SERIES));
    store.clean_tombstones().unwrap();
    let stats = store.stats(1).unwrap();
    assert_eq!((stats.blocks, stats.block_range), (0, None));
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    assert!(all(&store).is_empty() && store.warnings().is_empty());
    store.maintain().unwrap();
}

#[test]
fn damaged_tombstones_are_noticed() {
    let build = || {
        let fixture = Fixture::new();
        let store = fixture.open();
        append_all(&store, NOW, 1.0).unwrap();
        delete(&store, 0, TimeRange::ALL).unwrap();
        drop(store);
        fixture.fs.kill();
        fixture
    };
    let path = build().fs.files().into_iter().find(|f| f.ends_with("tombstones")).unwrap();
    let size = disk::fs::read_file(&build().fs, &path, 1 << 20).unwrap().len();
    for at in 0..size {
        let fixture = build();
        fixture.fs.corrupt(&path, |bytes| bytes[at] ^= 0x20);
        match fixture.try_open() {
            Ok(store) => assert_eq!(store.warnings().len(), 1, "byte {at}"),
            Err(e) => assert!(e.message.contains("version"), "{e}"),
        }
    }
}

fn open_snapshot(fixture: &Fixture, name: &str) -> Store {
    let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
    let dir = Path::new("/data/metrics/snapshots").join(name);
    Store::open(Arc::new(fixture.fs.clone()), &dir, fixture.options.clone(), clock).unwrap()
}

#[test]
fn a_snapshot_opens_as_a_store_and_does_not_change() {
    let fixture = Fixture::new();
    let store = fixture.open();
    append_all(&store, NOW, 1.0).unwrap();
    store.flush().unwrap();
    append_all(&store, NOW + 1_000, 2.0).unwrap();
    delete(&store, 3, TimeRange::new(NOW, NOW)).unwrap();
    append_all(&store, NOW + 2_000, 3.0).unwrap();
    let family = Family { name: "m".into(), kind: "gauge".into(), ..Family::default() };
    store.metadata(&Tenant::default(), std::slice::from_ref(&family)).unwrap();
    let without_head = store.snapshot(true).unwrap();
    let whole = store.snapshot(false).unwrap();
    let before = all(&store);
    append_all(&store, NOW + 3_000, 4.0).unwrap();
    store.delete_series(&Ctx::unbounded(), &[], TimeRange::ALL).unwrap();
    store.clean_tombstones().unwrap();
    let copy = open_snapshot(&fixture, &whole);
    assert_eq!(all(&copy), before);
    assert_eq!(copy.families(&Ctx::unbounded(), None).unwrap(), [family]);
    append_all(&copy, NOW + 9_000, 5.0).unwrap();
    let copy = open_snapshot(&fixture, &without_head);
    let blocks_only: Vec<i64> = all(&copy)[0].1.iter().map(|s| s.0).collect();
    assert_eq!(blocks_only, [NOW]);
    assert_eq!(all(&copy).len(), 3, "what is deleted is deleted in the copy");
}

#[test]
fn on_a_real_file_system_a_snapshot_shares_its_files() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at_ms(NOW));
    let options = Options { retention_bytes: Some(0), ..Options::default() };
    let store = Store::open(Arc::new(disk::RealFs), dir.path(), options, clock).unwrap();
    append_all(&store, NOW, 1.0).unwrap();
    let name = store.snapshot(false).unwrap();
    let blocks = dir.path().join("snapshots").join(name).join("default/blocks");
    let block = std::fs::read_dir(blocks).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::metadata(block.join("data")).unwrap().nlink(), 2);
}

#[test]
fn what_a_deletion_that_failed_took_does_not_come_back() {
    for at in 0.. {
        let fixture = Fixture::new();
        let store = fixture.open();
        let series = resolve(&store, &[labels("m", 0), labels("m", 1)]);
        for series in series {
            append(&store, series, NOW, 1.0).unwrap();
        }
        store.flush().unwrap();
        fixture.fs.fail_once(at);
        let matchers = [Matcher::equal("i", "1")];
        let failed = store.delete_series(&Ctx::unbounded(), &matchers, TimeRange::ALL).is_err();
        let reached = fixture.fs.failed();
        assert!(reached || !failed, "operation {at}");
        fixture.fs.kill();
        let found = all(&fixture.open());
        fixture.fs.crash();
        assert_eq!(all(&fixture.open()), found, "operation {at}: {:?}", fixture.fs.failure());
        if !reached {
            break;
        }
    }
}
