//! Flush and merge at one time, with writers and readers beside them: both stand still in the middle of writing their part,
//! because the file system holds every sync.

use std::thread;

use disk::log::SyncPolicy;
use disk::sim::SimFs;
use model::Order;
use model::records::{RecordScan, RecordWriter};

use super::{Bed, Line, all, line, scan, write};
use crate::wide::Store;

const SECOND: i64 = 1_000_000_000;

fn batch(number: i64) -> Vec<Line> {
    (0..50)
        .map(|n| line(number * SECOND, ["a", "b", "c"][n % 3], &format!("batch {number} line {n} end")))
        .collect()
}

/// All batches before `upto` are there, and of the next one, which may be on its way, all or nothing.
fn check(store: &Store, upto: i64, point: &str) {
    for order in [Order::Ascending, Order::Descending] {
        let mut found: Vec<String> =
            scan(store, &RecordScan { order, ..all() }).into_iter().map(|line| line.body).collect();
        let more = found.len() > (upto + 1000) as usize * 50;
        let mut want: Vec<String> =
            (-1000..upto + i64::from(more)).flat_map(batch).map(|line| line.body).collect();
        want.sort();
        found.sort();
        assert_eq!(found.len(), want.len(), "{point}, {order:?}");
        assert!(found == want, "{point}, {order:?}: each line once");
    }
}

/// Lets threads go on whatever happens to the one that waits for them.
struct Held<'a>(&'a SimFs);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.release_syncs();
    }
}

#[test]
fn a_flush_and_a_merge_at_one_time_lose_and_repeat_nothing() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    // What is held then is the log's new segment and the parts.
    bed.options.sync = SyncPolicy::Off;
    let store = bed.open();
    let mut next = -1000;
    let more = |next: &mut i64| {
        write(&store, &batch(*next), Some(&next.to_string())).unwrap();
        *next += 1;
    };
    for round in 0..3 {
        // So many parts that the next merge is due, one after another.
        for _ in 0..8 {
            more(&mut next);
            bed.clock.advance_ms(1000);
            store.maintain_memory().unwrap();
        }
        more(&mut next);
        bed.clock.advance_ms(1000);
        let (flushes, merges) = (store.metrics().flushes.get(), store.metrics().merges.get());
        bed.fs.hold_syncs();
        thread::scope(|threads| {
            let held = Held(&bed.fs);
            let flush = threads.spawn(|| store.maintain_memory());
            let merge = threads.spawn(|| store.maintain_parts());
            bed.fs.wait_for_held_syncs(2);
            let writer = threads.spawn(|| write(&store, &batch(next), Some(&next.to_string())));
            check(&store, next, "while both are in the middle");
            assert_eq!((store.metrics().flushes.get(), store.metrics().merges.get()), (flushes, merges));
            drop(held);
            // Readers go on while each of them publishes its part.
            while !flush.is_finished() || !merge.is_finished() {
                check(&store, next, "while both publish");
            }
            flush.join().unwrap().unwrap();
            merge.join().unwrap().unwrap();
            writer.join().unwrap().unwrap();
        });
        next += 1;
        assert_eq!(store.metrics().flushes.get(), flushes + 1, "round {round}");
        assert!(store.metrics().merges.get() > merges, "round {round}");
        check(&store, next, "behind both");
    }
    let last = store.position("file");
    drop(store);
    bed.fs.kill();
    let store = bed.open();
    check(&store, next, "after a kill");
    assert_eq!(store.position("file"), last);
    store.maintain().unwrap();
    check(&store, next, "after another upkeep");
}
