//! Totals that grow while their moment lasts.

use super::*;

fn rise(store: &Store, series: SeriesRef, t: i64, v: f64) -> Option<RejectReason> {
    let batch = MetricBatch { refs: &[series], t: &[t], v: &[v], rising: 1, ..MetricBatch::default() };
    store.append(&Tenant::default(), batch).unwrap().rejected.first().map(|r| r.reason)
}

fn values(store: &Store) -> Vec<(i64, f64)> {
    let found = all(store);
    assert_eq!(found.len(), 1);
    found[0].1.iter().map(|(t, bits)| (*t, f64::from_bits(*bits))).collect()
}

#[test]
fn a_total_grows_within_its_moment_and_a_kill_changes_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let mut expected = Vec::new();
    for moment in 0..40 {
        let t = NOW + moment * 1_000;
        let base = moment as f64 * 10.0;
        // The second is behind the first: whoever was overtaken changes nothing.
        for v in [base, base + 5.0, base + 3.25, base + 7.0] {
            assert_eq!(rise(&store, series, t, v), None);
        }
        expected.push((t, base + 7.0));
        assert_eq!(values(&store), expected);
    }
    assert_eq!(append(&store, series, NOW + 39_000, 1e9).unwrap(), Some(RejectReason::Duplicate), "others");
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(values(&store), expected);
    store.flush().unwrap();
    fixture.fs.kill();
    assert_eq!(values(&fixture.open()), expected);
}

#[test]
fn a_stale_marker_gives_way_and_takes_no_value_away() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    assert_eq!(rise(&store, series, NOW, model::stale_nan()), None);
    assert_eq!(rise(&store, series, NOW, 4.0), None);
    assert_eq!(rise(&store, series, NOW, model::stale_nan()), None);
    fixture.fs.kill();
    assert_eq!(values(&fixture.open()), [(NOW, 4.0)]);
}

#[test]
fn a_moment_that_was_flushed_is_over() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    assert_eq!(rise(&store, series, NOW, 1.0), None);
    store.flush().unwrap();
    assert_eq!(rise(&store, series, NOW, 2.0), Some(RejectReason::Duplicate));
    assert_eq!(rise(&store, series, NOW + 1, 2.0), None);
    fixture.fs.kill();
    assert_eq!(values(&fixture.open()), [(NOW, 1.0), (NOW + 1, 2.0)]);
}

#[test]
fn who_follows_the_log_gets_the_first_sample_of_a_time() {
    use model::{FeedBatch, FeedValue, MetricFeed};
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut follower = store.follow("a", u64::MAX).unwrap();
    let series = resolve(&store, &[labels("m", 0)])[0];
    for (t, v) in [(NOW, 1.0), (NOW, 2.0), (NOW + 1_000, 3.0)] {
        assert_eq!(rise(&store, series, t, v), None);
    }
    let mut batch = FeedBatch::default();
    let mut found = Vec::new();
    while follower.next(100, &mut batch).unwrap() {
        found.extend(batch.samples.iter().map(|sample| match sample.value {
            FeedValue::Float(v) => (sample.t, v),
            _ => panic!("{sample:?}"),
        }));
    }
    assert_eq!(found, [(NOW, 1.0), (NOW + 1_000, 3.0)]);
}
