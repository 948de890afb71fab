//! What compaction does with pages.

use super::*;
use crate::block::Walk;

const MINUTE: i64 = 60_000;
const SERIES: u32 = 5;

/// Flushes `parts` parts of `each` samples of every series, one behind the other, of a window that is closed.
fn flushed(fixture: &Fixture, parts: i64, each: i64) -> Store {
    let store = fixture.open();
    store.set_out_of_order(0);
    let sets: Vec<Labels> = (0..SERIES).map(|i| labels("m", i)).collect();
    let first = (NOW - 4 * 3_600_000).div_euclid(7_200_000) * 7_200_000;
    for part in 0..parts {
        // A flush forgets series whose samples are this old.
        let refs = resolve(&store, &sets);
        for k in 0..each {
            let n = part * each + k;
            let t = vec![first + n * 1_000; SERIES as usize];
            let v: Vec<f64> = (0..SERIES).map(|i| (f64::from(i) + 1.0) * (n * n % 97) as f64 / 8.0).collect();
            let start = vec![if n % 40 < 20 { first } else { 0 }; SERIES as usize];
            let batch = MetricBatch { refs: &refs, t: &t, v: &v, start: &start, ..MetricBatch::default() };
            assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, SERIES as usize);
        }
        store.flush().unwrap();
    }
    assert_eq!(store.blocks.all().len(), parts as usize);
    store
}

/// Samples of the pages of the first series of the only block.
fn pages(store: &Store) -> Vec<u32> {
    let blocks = store.blocks.all();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].meta.series, SERIES);
    let mut walk = Walk::new(Arc::clone(&blocks[0]));
    walk.peek().unwrap().unwrap().pages.iter().map(|page| page.samples).collect()
}

fn starts(store: &Store) -> Vec<i64> {
    let selection = store.select(&Ctx::unbounded(), &[], TimeRange::ALL, &SelectHints::default()).unwrap();
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let mut all = Vec::new();
    let mut data = SeriesData::default();
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            all.extend_from_slice(&data.start);
        }
    }
    all
}

#[test]
fn a_few_pages_that_are_apart_are_copied() {
    let fixture = Fixture::new();
    let store = flushed(&fixture, 3, 50);
    let (before, starts_before) = (all(&store), starts(&store));
    let bytes_before: u64 = store.blocks.all().iter().map(|b| b.bytes).sum();
    store.maintain().unwrap();
    assert_eq!(pages(&store), [50, 50, 50]);
    assert_eq!(all(&store), before);
    assert_eq!(starts(&store), starts_before);
    assert!(starts_before.iter().any(|s| *s != 0));
    assert!(store.blocks.all()[0].bytes < bytes_before, "times are shared again, one index instead of three");
    drop(store);
    assert_eq!(all(&fixture.open()), before);
}

#[test]
fn many_short_pages_become_one() {
    let fixture = Fixture::new();
    let store = flushed(&fixture, 5, 30);
    let (before, starts_before) = (all(&store), starts(&store));
    store.maintain().unwrap();
    assert_eq!(pages(&store), [150]);
    assert_eq!((all(&store), starts(&store)), (before, starts_before));
}

#[test]
fn pages_of_one_time_and_deleted_samples_are_not_copied() {
    let fixture = Fixture::new();
    let store = flushed(&fixture, 3, 50);
    let whole = all(&store);
    let first = whole[0].1[0].0;
    use model::MetricAdmin;
    let named = [Matcher::equal("__name__", "m")];
    store.delete_series(&Ctx::unbounded(), &named, TimeRange::new(first, first + 9_000)).unwrap();
    store.maintain().unwrap();
    assert_eq!(pages(&store), [140]);
    let rest: Vec<_> = whole.iter().map(|(l, s)| (l.clone(), s[10..].to_vec())).collect();
    assert_eq!(all(&store), rest);
    // Late samples in the middle: the pages overlap.
    let fixture = Fixture::new();
    let store = flushed(&fixture, 2, 50);
    store.set_out_of_order(30 * MINUTE);
    let series = resolve(&store, &[labels("m", 0)])[0];
    let t = all(&store)[0].1[60].0 + 1;
    append(&store, series, t, 1.5).unwrap();
    store.flush().unwrap();
    store.set_out_of_order(0);
    store.maintain().unwrap();
    assert_eq!(pages(&store), [101]);
    assert!(all(&store)[0].1.contains(&(t, 1.5f64.to_bits())));
}
