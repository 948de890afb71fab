//! Crashes at every operation: nothing acknowledged to the writer is missing for the follower.

use std::collections::BTreeSet;

use super::*;

/// Appends, flushes and reads with a failure from operation `at` on, then a crash. Returns whether it got through.
fn crash_at(at: u64, power_failure: bool) -> bool {
    let mut fixture = Fixture::new();
    fixture.options.sync =
        if power_failure { disk::log::SyncPolicy::Batch } else { disk::log::SyncPolicy::Off };
    // The follower is there before anything can fail.
    drop(fixture.open().follow("f", u64::MAX).unwrap());
    fixture.fs.fail_from(at);
    let (mut accepted, mut delivered) = (BTreeSet::new(), BTreeSet::new());
    if let Ok(store) = fixture.try_open() {
        work(&fixture, &store, &mut accepted, &mut delivered);
    }
    let survived = !fixture.fs.failed();
    if power_failure {
        fixture.fs.crash()
    } else {
        fixture.fs.kill()
    }
    let store = fixture.open();
    let mut got = Got::new();
    drain(&mut *store.follow("f", u64::MAX).unwrap(), 3, &mut got);
    let after = got.values().flatten().map(|(t, _)| *t);
    let both: BTreeSet<i64> = after.chain(delivered).collect();
    let missing: Vec<_> = accepted.difference(&both).collect();
    assert!(missing.is_empty(), "{missing:?} of {accepted:?} after a failure at {at}: {got:?}");
    assert_eq!(store.metrics().feed_orphans.get(), 0, "failure at {at}");
    for samples in got.values() {
        assert!(samples.is_sorted(), "failure at {at}: {samples:?}");
    }
    store.flush().unwrap();
    assert_eq!(kept(&fixture), Vec::<PathBuf>::new(), "failure at {at}");
    survived
}

fn work(fixture: &Fixture, store: &Store, accepted: &mut BTreeSet<i64>, delivered: &mut BTreeSet<i64>) {
    let Ok(mut follower) = store.follow("f", u64::MAX) else { return };
    let mut batch = FeedBatch::default();
    let series = resolve(store, &[labels("m", 0), labels("m", 1)]);
    for k in 0..14 {
        let t = NOW + k * 1_000;
        fixture.clock.set_ms(t);
        match append(store, series[k as usize % 2], t, k as f64) {
            Ok(None) => accepted.insert(t),
            _ => return,
        };
        if k % 3 == 2 {
            let _ = store.flush();
        }
        // Every other time it is read, and only sometimes acknowledged.
        if k % 4 == 3 && follower.next(2, &mut batch).is_ok() {
            let times: Vec<i64> = batch.samples.iter().map(|s| s.t).collect();
            if k % 8 == 7 {
                // Whether this succeeds or not: it was delivered before.
                let _ = follower.acknowledge(batch.position);
                delivered.extend(times);
                // Places before the one acknowledged are delivered too.
                let last = delivered.last().copied().unwrap_or(0);
                delivered.extend(accepted.iter().copied().filter(|t| *t <= last));
            }
        }
        let _ = store.maintain();
    }
}

#[test]
fn a_power_failure_at_any_operation_loses_nothing_for_the_follower() {
    assert!((0..).any(|at| crash_at(at, true)));
}

#[test]
fn a_kill_at_any_operation_loses_nothing_for_the_follower() {
    assert!((0..).any(|at| crash_at(at, false)));
}
