//! Power failures, full disks and decay at every step of writing, flushing, merging and deleting.

use std::collections::BTreeMap;
use std::path::PathBuf;

use disk::sim::Random;
use model::records::{RecordReader, RecordScan, RecordWriter, TextTest};
use model::{Ctx, ErrorKind};

use super::{Bed, Line, all, line, scan, try_scan, write};
use crate::wide::Store;

const BATCHES: usize = 30;
const LINES: usize = 5;

fn batch(number: usize) -> Vec<Line> {
    (0..LINES)
        .map(|n| line(number as i64 - 100, ["a", "b"][n % 2], &format!("batch {number} line {n}")))
        .collect()
}

/// Writes until something fails. Gives how many batches were acknowledged.
fn work(bed: &Bed, store: &Store) -> usize {
    for number in 0..BATCHES {
        if write(store, &batch(number), Some(&number.to_string())).is_err() {
            return number;
        }
        if number % 2 == 1 {
            bed.clock.advance_ms(1000);
            // A failure of upkeep is no failure of writers.
            let _ = store.maintain();
        }
    }
    BATCHES
}

fn check(store: &Store, acknowledged: usize, point: &str) {
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for line in scan(store, &all()) {
        let number = line.body.split(' ').nth(1).unwrap().parse().unwrap();
        found.entry(number).or_default().push(line.body);
    }
    let count = found.len();
    assert!(count == acknowledged || count == acknowledged + 1, "{point}: {count} of {acknowledged} batches");
    for (at, (number, lines)) in found.into_iter().enumerate() {
        assert_eq!(at, number, "{point}");
        let mut want: Vec<String> = batch(number).into_iter().map(|l| l.body).collect();
        want.sort();
        let mut lines = lines;
        lines.sort();
        assert_eq!(lines, want, "{point}: each line of a batch once, or none");
    }
    let position =
        store.position("file").map(|p| String::from_utf8(p).unwrap().parse::<usize>().unwrap() + 1);
    assert_eq!(position.unwrap_or(0), count, "{point}: position and lines go together");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_in_part() {
    let mut random = Random::new(5);
    for step in 0.. {
        let mut bed = Bed::new();
        bed.options.flush_ms = 1000;
        let store = bed.open();
        bed.fs.fail_from(step);
        let acknowledged = work(&bed, &store);
        let (failed, point) = (bed.fs.failed(), bed.fs.failure().unwrap_or_default());
        drop(store);
        if step % 2 == 0 {
            bed.fs.crash()
        } else {
            bed.fs.crash_leaving_some(&mut random)
        }
        let store = bed.open();
        check(&store, acknowledged, &point);
        // Life goes on, and a second failure in the opening changes nothing.
        store.maintain().unwrap();
        drop(store);
        bed.fs.crash();
        check(&bed.open(), acknowledged, &point);
        if !failed {
            assert!(step > 100, "{step} steps");
            break;
        }
    }
}

#[test]
fn a_deletion_that_fails_anywhere_can_be_asked_for_again() {
    let doomed = RecordScan { body: vec![TextTest::ContainsAny(vec!["line 3".to_owned()])], ..all() };
    for step in 0.. {
        let mut bed = Bed::new();
        bed.options.flush_ms = 1000;
        let store = bed.open();
        assert_eq!(work(&bed, &store), BATCHES);
        bed.fs.fail_from(step);
        let first = store.delete(&Ctx::unbounded(), &doomed);
        let failed = bed.fs.failed();
        drop(store);
        bed.fs.crash();
        let store = bed.open();
        let left = scan(&store, &all());
        let others = left.iter().filter(|l| !l.body.ends_with("line 3")).count();
        assert_eq!(others, BATCHES * (LINES - 1), "nothing else goes");
        if first.is_ok() {
            assert_eq!(left.len(), others, "step {step}: what was deleted does not come back");
        }
        store.delete(&Ctx::unbounded(), &doomed).unwrap();
        store.maintain().unwrap();
        assert_eq!(scan(&store, &all()).len(), others);
        assert_eq!(store.position("file").unwrap(), (BATCHES - 1).to_string().as_bytes());
        if !failed {
            break;
        }
    }
}

pub(super) fn parts(bed: &Bed) -> Vec<PathBuf> {
    bed.fs.files().into_iter().filter(|f| f.ends_with("part")).collect()
}

#[test]
fn deleted_bytes_are_in_no_file() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let secret = "supercalifragilistic";
    for number in 0..6 {
        write(&store, &[line(number, "a", secret), line(number, "a", "plain")], None).unwrap();
        bed.clock.advance_ms(if number % 2 == 0 { 1000 } else { 0 });
        store.maintain().unwrap();
    }
    let doomed = RecordScan { body: vec![TextTest::ContainsAny(vec![secret.to_owned()])], ..all() };
    assert_eq!(store.delete(&Ctx::unbounded(), &doomed).unwrap(), 6);
    store.maintain().unwrap();
    for file in bed.fs.files() {
        bed.fs.corrupt(&file, |bytes| {
            assert!(memchr::memmem::find(bytes, &secret.as_bytes()[..8]).is_none(), "{file:?}");
        });
    }
    assert_eq!(scan(&store, &all()).len(), 6);
}

#[test]
fn a_full_disk_refuses_lines_and_answers_queries() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    write(&store, &batch(0), Some("0")).unwrap();
    bed.clock.advance_ms(1000);
    store.maintain().unwrap();
    write(&store, &batch(1), Some("1")).unwrap();
    bed.fs.set_capacity(bed.fs.used() + 20);
    let stuck = write(&store, &batch(2), Some("2")).unwrap_err();
    assert_eq!(stuck.kind, ErrorKind::Unavailable);
    let before = scan(&store, &all()).len();
    assert_eq!(before, 3 * LINES, "the batch that found the disk full is visible");
    assert!(stuck.message.contains("may be stored all the same"), "and its sender is told: {stuck}");
    let refused = write(&store, &batch(3), Some("3")).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(!refused.message.contains("all the same"), "{refused}");
    assert_eq!(scan(&store, &all()).len(), before, "a refused batch is not taken while the log is stuck");
    bed.clock.advance_ms(1000);
    assert!(store.maintain().is_err());
    assert_eq!(scan(&store, &all()).len(), before);
    bed.fs.set_capacity(u64::MAX);
    write(&store, &batch(3), Some("3")).unwrap();
    store.maintain().unwrap();
    assert_eq!(scan(&store, &all()).len(), before + LINES);
}

#[test]
fn a_corrupt_part_is_set_aside_and_the_rest_goes_on() {
    for whole in [false, true] {
        let mut bed = Bed::new();
        bed.options.flush_ms = 1000;
        let store = bed.open();
        for number in 0..2 {
            write(&store, &batch(number), None).unwrap();
            bed.clock.advance_ms(1000);
            store.maintain().unwrap();
        }
        let part = parts(&bed)[0].clone();
        bed.fs.corrupt(&part, |bytes| {
            if whole {
                bytes.truncate(30);
            } else {
                bytes[40] ^= 1;
            }
        });
        let store = if whole {
            drop(store);
            bed.open()
        } else {
            assert!(try_scan(&store, &all()).is_err());
            store.maintain().unwrap();
            store
        };
        assert_eq!(scan(&store, &all()).len(), LINES);
        assert_eq!(store.metrics().quarantined.get(), 1);
        assert_eq!(store.warnings().len(), usize::from(whole));
        assert!(bed.fs.files().iter().any(|f| f.to_string_lossy().contains("corrupt-p")));
    }
}

#[test]
fn retention_by_time_and_by_size() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let day = 86_400_000;
    for number in 0..5 {
        write(&store, &[line(number * day * 1_000_000, "a", &format!("day {number}"))], None).unwrap();
        bed.clock.advance_ms(1000);
        store.maintain().unwrap();
        bed.clock.advance_ms(day);
    }
    // A clock that moved by a day is believed after a while.
    for _ in 0..100 {
        bed.clock.advance_ms(3_600_000);
        store.maintain().unwrap();
    }
    let left = scan(&store, &all());
    assert_eq!(left.iter().map(|l| l.body.as_str()).collect::<Vec<_>>(), ["day 3", "day 4"]);
    let kept = crate::wide::Retention { bytes: 1, time_ms: 0, streams: Vec::new() };
    store.set_retention(kept);
    store.maintain().unwrap();
    assert_eq!(scan(&store, &all()).len(), 0);
    drop(store);
    let store = bed.open();
    assert!(store.warnings().is_empty());
}
