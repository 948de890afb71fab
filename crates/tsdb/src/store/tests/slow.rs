//! A device on which a sync does not return: acknowledgements wait, everything else goes on, and what waits is bounded.

use std::sync::mpsc::channel;

use super::*;

#[test]
fn acknowledgements_wait_for_a_slow_sync_and_reads_go_on() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &(0..4).map(|i| labels("m", i)).collect::<Vec<_>>());
    append(&store, refs[0], NOW, 1.0).unwrap();
    fixture.fs.hold_syncs();
    let (done, acknowledged) = channel();
    std::thread::scope(|scope| {
        for (i, series) in refs.iter().enumerate() {
            let (store, done) = (&store, done.clone());
            scope.spawn(move || {
                append(store, *series, NOW + 1_000, i as f64).unwrap();
                done.send(i).unwrap();
            });
        }
        // One writes for all; the others wait for it.
        fixture.fs.wait_for_held_syncs(1);
        assert!(acknowledged.try_recv().is_err(), "nothing is acknowledged that is not on the device");
        // Queries and new series do not wait.
        assert_eq!(read(&store, &[Matcher::equal("i", "0")], TimeRange::new(NOW, NOW))[0].1.len(), 1);
        assert_eq!(resolve(&store, &[labels("new", 7)]).len(), 1);
        fixture.fs.release_syncs();
        let mut all: Vec<usize> = (0..4).map(|_| acknowledged.recv().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
    });
    drop(store);
    fixture.fs.crash();
    assert_eq!(all(&fixture.open()).iter().map(|(_, s)| s.len()).sum::<usize>(), 5);
}

#[test]
fn with_syncs_in_an_interval_nobody_waits_for_the_device() {
    let mut fixture = Fixture::new();
    fixture.options.sync = disk::log::SyncPolicy::Interval;
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    append(&store, series, NOW, 1.0).unwrap();
    store.maintain().unwrap();
    fixture.fs.hold_syncs();
    append(&store, series, NOW + 1, 2.0).unwrap();
    fixture.fs.release_syncs();
    append(&store, series, NOW + 2, 3.0).unwrap();
    fixture.fs.crash();
    let found = all(&fixture.open());
    assert_eq!(found[0].1, [(NOW, 1f64.to_bits())], "a power failure costs what was not synced");
}
