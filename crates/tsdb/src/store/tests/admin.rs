//! Deletion and snapshots.

use std::collections::BTreeMap;

use model::MetricAdmin;
use model::metrics::{Family, MetricStats};
use proptest::prelude::*;

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

/// Runs the whole of it with a failure from operation `at` on, then a crash. Returns whether it got through.
fn crash_at(at: u64, power_failure: bool) -> bool {
    let mut fixture = Fixture::new();
    fixture.options.sync_always = power_failure;
    fixture.options.out_of_order_ms = 0;
    let (mut deleted, mut appended, mut snapshot) = ([false; 2], 0, None);
    fixture.fs.fail_from(at);
    if let Ok(store) = fixture.try_open() {
        for k in 0..6 {
            fixture.clock.set_ms(NOW + k * 3_600_000);
            if append_all(&store, NOW + k * 3_600_000, k as f64).is_ok() {
                appended = k + 1;
            }
            match k {
                1 => deleted[0] = delete(&store, 1, TimeRange::new(NOW, NOW)).is_ok(),
                3 => deleted[1] = delete(&store, 2, TimeRange::new(NOW, NOW + 3 * 3_600_000)).is_ok(),
                4 => snapshot = store.snapshot(false).ok(),
                5 => drop(store.clean_tombstones()),
                _ => {}
            }
        }
    }
    let survived = !fixture.fs.failed();
    if power_failure {
        fixture.fs.crash();
    } else {
        fixture.fs.kill();
    }
    let store = fixture.open();
    assert!(store.warnings().iter().all(|w| w.contains("log segment")), "{:?}", store.warnings());
    check_deleted(&all(&store), deleted, appended, at);
    store.maintain().unwrap();
    store.clean_tombstones().unwrap();
    check_deleted(&all(&store), deleted, appended, at);
    if let Some(name) = snapshot {
        check_deleted(&all(&open_snapshot(&fixture, &name)), deleted, 5, at);
    }
    survived
}

/// Whatever was acknowledged and not deleted is there; whatever was deleted with an acknowledgement is not.
fn check_deleted(found: &Samples, deleted: [bool; 2], appended: i64, at: u64) {
    let times = |i: u32| -> Vec<i64> {
        let series = found.iter().find(|(l, _)| *l == labels("m", i));
        series.map(|(_, s)| s.iter().map(|s| (s.0 - NOW) / 3_600_000).collect()).unwrap_or_default()
    };
    for k in 0..appended {
        for i in 0..SERIES {
            let may_be_gone = (i == 1 && k == 0) || (i == 2 && k <= 3);
            assert!(times(i).contains(&k) || may_be_gone, "sample {k} of series {i}, failure at {at}");
        }
    }
    assert!(!deleted[0] || !times(1).contains(&0), "failure at {at}");
    assert!(!deleted[1] || times(2).iter().all(|k| *k > 3), "failure at {at}");
}

#[test]
fn a_power_failure_undoes_no_deletion_and_deletes_nothing_else() {
    assert!((0..).any(|at| crash_at(at, true)));
}

#[test]
fn a_kill_undoes_no_deletion_and_deletes_nothing_else() {
    assert!((0..).any(|at| crash_at(at, false)));
}

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    /// Series, seconds before now, seconds long.
    Delete(u32, i64, i64),
    Flush,
    Clean,
    Maintain,
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1u8..60).prop_map(Step::Append),
        3 => (0u32..SERIES + 1, 0i64..40_000, 0i64..20_000).prop_map(|(i, from, len)| Step::Delete(i, from, len)),
        1 => Just(Step::Flush),
        1 => Just(Step::Clean),
        1 => Just(Step::Maintain),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_holds_what_a_map_holds(steps in steps()) {
        let mut fixture = Fixture::new();
        fixture.options.out_of_order_ms = 365 * 86_400_000;
        let mut store = fixture.open();
        let mut map: BTreeMap<Labels, BTreeMap<i64, u64>> = BTreeMap::new();
        let mut appended = 0i64;
        for step in steps {
            match step {
                Step::Append(count) => for _ in 0..count {
                    // Every time comes once.
                    let t = NOW - (appended * 7_919 % 40_009) * 1_000;
                    append_all(&store, t, appended as f64).unwrap();
                    for i in 0..SERIES {
                        map.entry(labels("m", i)).or_default().insert(t, (appended as f64).to_bits());
                    }
                    appended += 1;
                },
                Step::Delete(i, from, len) => {
                    let range = TimeRange::new(NOW - from * 1_000, NOW - from * 1_000 + len * 1_000);
                    delete(&store, i, range).unwrap();
                    if let Some(samples) = map.get_mut(&labels("m", i)) {
                        samples.retain(|t, _| !range.contains(*t));
                    }
                }
                Step::Flush => store.flush().unwrap(),
                Step::Clean => store.clean_tombstones().unwrap(),
                Step::Maintain => {
                    fixture.clock.advance_ms(3 * 3_600_000);
                    store.maintain().unwrap();
                }
                Step::Kill => {
                    drop(store);
                    fixture.fs.kill();
                    store = fixture.open();
                }
            }
            let want: Samples = map
                .iter()
                .filter(|(_, s)| !s.is_empty())
                .map(|(l, s)| (l.clone(), s.iter().map(|(t, v)| (*t, *v)).collect()))
                .collect();
            prop_assert_eq!(all(&store), want);
        }
    }
}
