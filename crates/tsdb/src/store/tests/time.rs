//! Windows, the future, and clocks that step.

use model::metrics::MetricStats;

use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

#[test]
fn a_window_of_none_takes_nothing_behind_the_newest() {
    let mut fixture = Fixture::new();
    fixture.options.out_of_order_ms = 0;
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let add = |t, v| append(&store, series, t, v).unwrap();
    assert_eq!(add(NOW, 1.0), None);
    assert_eq!(add(NOW - 1, 1.0), Some(RejectReason::OutOfOrder));
    assert_eq!(add(NOW, 1.0), None, "the same again is no disorder");
    assert_eq!(add(NOW + 1, 2.0), None);
    store.set_out_of_order(10);
    assert_eq!(add(NOW - 9, 3.0), None, "the window may change");
    assert_eq!(add(NOW - 10, 3.0), Some(RejectReason::OutOfOrder));
    store.flush().unwrap();
    assert_eq!(add(NOW - 10, 3.0), Some(RejectReason::OutOfOrder), "after a flush as before");
}

#[test]
fn the_first_of_two_values_of_one_time_stays_wherever_they_are() {
    let fixture = Fixture::new();
    let mut store = fixture.open();
    for (round, place) in ["memory", "a block", "a block, after a restart"].into_iter().enumerate() {
        let series = resolve(&store, &[labels("m", 0)])[0];
        let t = NOW + round as i64 * 1_000;
        append(&store, series, t, 1.0).unwrap();
        if round > 0 {
            append(&store, series, t + 500, 0.0).unwrap(); // not the newest any more
            store.flush().unwrap();
        }
        if round > 1 {
            drop(store);
            fixture.fs.kill();
            store = fixture.open();
        }
        let series = resolve(&store, &[labels("m", 0)])[0];
        let second = append(&store, series, t, 2.0).unwrap();
        assert!(matches!(second, None | Some(RejectReason::Duplicate)), "{place}: {second:?}");
        for _ in 0..2 {
            let found = read(&store, &[], TimeRange::new(t, t));
            assert_eq!(found[0].1, [(t, 1f64.to_bits())], "{place}");
            store.flush().unwrap();
        }
        fixture.clock.advance_ms(3 * HOUR);
        store.maintain().unwrap();
        assert_eq!(read(&store, &[], TimeRange::new(t, t))[0].1, [(t, 1f64.to_bits())], "{place}, compacted");
    }
}

/// Appends at the present time of the clock and looks after the store.
fn live(fixture: &Fixture, store: &Store, series: SeriesRef, minutes: i64) -> Vec<Option<RejectReason>> {
    let one = |_| {
        fixture.clock.advance_ms(60_000);
        let refused = append(store, series, fixture.clock.now_ms(), 1.0).unwrap();
        store.maintain().unwrap();
        refused
    };
    (0..minutes).map(one).collect()
}

#[test]
fn a_clock_that_steps_far_ahead_and_back_costs_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let taken = |minutes| live(&fixture, &store, series, minutes).iter().all(Option::is_none);
    assert!(taken(100));
    let right = fixture.clock.now_ms();
    fixture.clock.advance_ms(365 * DAY);
    assert!(taken(50), "a year ahead");
    let series_now = |range| read(&store, &[], range).iter().map(|(_, s)| s.len()).sum::<usize>();
    assert_eq!(series_now(TimeRange::new(NOW, right)), 100, "nothing is old because of a step");
    fixture.clock.set_ms(right);
    assert!(taken(100), "what is behind the samples from the future is not out of order");
    assert_eq!(series_now(TimeRange::new(NOW, right + DAY)), 200);
    let disordered = append(&store, series, fixture.clock.now_ms() - HOUR, 1.0).unwrap();
    assert_eq!(disordered, Some(RejectReason::OutOfOrder), "the window is held against the clock now");
    // Further back than anything that is there.
    fixture.clock.set_ms(right - 3 * DAY);
    assert!(taken(100));
    let stats = store.stats(1).unwrap();
    assert!(stats.blocks > 0 && stats.head_chunks < 10, "flushes go on: {stats:?}");
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    store.maintain().unwrap();
    assert_eq!(all(&store)[0].1.len(), 350);
}

#[test]
fn a_step_that_lasts_is_believed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    live(&fixture, &store, series, 10);
    store.flush().unwrap();
    fixture.clock.advance_ms(100 * DAY);
    for hours in 0..30 {
        fixture.clock.advance_ms(HOUR);
        store.maintain().unwrap();
        assert_eq!(all(&store).is_empty(), hours >= 24, "{hours} hours after the step");
    }
}

#[test]
fn a_sample_from_the_future_is_refused() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let limit = NOW + fixture.options.future_ms;
    assert_eq!(append(&store, series, limit + 1, 1.0).unwrap(), Some(RejectReason::TooFarInFuture));
    assert_eq!(append(&store, series, limit, 1.0).unwrap(), None);
    fixture.clock.set_ms(NOW - DAY);
    assert_eq!(append(&store, series, NOW, 1.0).unwrap(), Some(RejectReason::TooFarInFuture));
}
