//! Crashes at every operation.

use super::*;

const SERIES: u32 = 4;

/// Appends, flushes and compacts with a failure from operation `at` on, then a crash: every acknowledged sample must
/// be there, with its value. Returns whether the workload got through.
fn crash_at(at: u64, power_failure: bool) -> bool {
    let mut fixture = Fixture::new();
    fixture.options.sync_always = power_failure;
    fixture.options.out_of_order_ms = 0;
    fixture.fs.fail_from(at);
    let mut acknowledged: Vec<i64> = Vec::new();
    if let Ok(store) = fixture.try_open() {
        let refs = resolve(&store, &(0..SERIES).map(|i| labels("m", i)).collect::<Vec<_>>());
        for k in 0..12 {
            let t = NOW + k * 3_600_000;
            fixture.clock.set_ms(t);
            let position = k.to_string();
            let position = Some(Position { source: "s", position: position.as_bytes() });
            let v = [k as f64, 1.0, 2.5, -0.0];
            let batch = MetricBatch {
                refs: &refs,
                t: &[t; SERIES as usize],
                v: &v,
                position,
                ..MetricBatch::default()
            };
            match store.append(&Tenant::default(), batch) {
                Ok(appended) if appended.accepted == SERIES as usize => acknowledged.push(k),
                _ => break,
            }
            let _ = store.maintain();
        }
    }
    let survived = !fixture.fs.failed();
    if power_failure {
        fixture.fs.crash()
    } else {
        fixture.fs.kill()
    }
    check(&fixture, &acknowledged, at);
    survived
}

fn check(fixture: &Fixture, acknowledged: &[i64], at: u64) {
    let store = fixture.open();
    assert_eq!(store.warnings().len(), usize::from(!store.warnings().is_empty()), "{:?}", store.warnings());
    let found = all(&store);
    for k in acknowledged {
        assert_eq!(found.len(), SERIES as usize, "failure at {at}");
        for (labels, samples) in &found {
            let i: usize = labels.get("i").unwrap().parse().unwrap();
            let want = (NOW + k * 3_600_000, [*k as f64, 1.0, 2.5, -0.0][i].to_bits());
            assert!(samples.contains(&want), "sample {k} of {labels}, failure at {at}: {samples:?}");
        }
    }
    if let Some(last) = acknowledged.last() {
        let position: i64 = String::from_utf8(store.position("s").unwrap()).unwrap().parse().unwrap();
        assert!(position >= *last, "position {position} of {last}, failure at {at}");
        let newest = found[0].1.last().unwrap().0;
        assert!(newest >= NOW + position * 3_600_000, "a position without its samples, failure at {at}");
    }
    // It goes on as if nothing had happened.
    store.maintain().unwrap();
    assert_eq!(all(&store), found, "failure at {at}");
}

#[test]
fn a_power_failure_at_any_operation_loses_nothing_acknowledged() {
    assert!((0..).any(|at| crash_at(at, true)));
}

#[test]
fn a_kill_at_any_operation_loses_nothing_acknowledged() {
    assert!((0..).any(|at| crash_at(at, false)));
}

#[test]
fn after_one_failed_operation_the_store_goes_on_and_a_retry_is_durable() {
    for at in 0..150 {
        let mut fixture = Fixture::new();
        fixture.options.out_of_order_ms = 0;
        let store = fixture.open();
        let series = resolve(&store, &[labels("m", 0)])[0];
        fixture.fs.fail_once(at);
        for k in 0..8 {
            let t = NOW + k * 3_600_000;
            fixture.clock.set_ms(t);
            if append(&store, series, t, k as f64).is_err() {
                // What a client does: send it again. It is there already, and must be in the log too.
                assert_eq!(append(&store, series, t, k as f64).unwrap(), None, "failure at {at}");
            }
            if store.maintain().is_err() {
                store.maintain().unwrap();
            }
        }
        drop(store);
        fixture.fs.kill();
        let found = all(&fixture.open());
        let want: Vec<_> = (0..8).map(|k| (NOW + k * 3_600_000, (k as f64).to_bits())).collect();
        assert_eq!(found[0].1, want, "failure at {at}");
    }
}
