use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::sim::SimFs;

const KIND: Kind = Kind { tag: b't', name: "test log", version: 1, oldest: 1 };

fn options() -> Options {
    Options { segment_bytes: 200, ..Options::new(KIND) }
}

fn open(fs: &SimFs, options: Options) -> (Log, Vec<Vec<u8>>, Recovery) {
    let mut records = Vec::new();
    let (log, recovery) = Log::open(Arc::new(fs.clone()), Path::new("/log"), options, &mut |_, record| {
        records.push(record.to_vec());
        Ok(())
    })
    .unwrap();
    (log, records, recovery)
}

fn record(i: u32) -> Vec<u8> {
    format!("record {i} {}", "x".repeat(i as usize % 50)).into_bytes()
}

fn segment_paths(fs: &SimFs) -> Vec<PathBuf> {
    fs.files().into_iter().filter(|p| p.extension().is_some_and(|e| e == "log")).collect()
}

#[test]
fn records_come_back_in_order_over_many_segments_and_openings() {
    let fs = SimFs::new();
    let mut written = Vec::new();
    for opening in 0..5 {
        let (log, records, recovery) = open(&fs, options());
        assert_eq!(records, written);
        assert_eq!(recovery.warnings, Vec::<String>::new());
        for i in 0..40 {
            log.append(&record(opening * 40 + i)).unwrap();
            written.push(record(opening * 40 + i));
        }
        fs.kill();
    }
    assert!(segment_paths(&fs).len() > 10);
}

#[test]
fn removing_segments_drops_exactly_the_records_before_the_rotation() {
    let fs = SimFs::new();
    let (log, ..) = open(&fs, options());
    for i in 0..20 {
        log.append(&record(i)).unwrap();
    }
    let first = log.rotate().unwrap();
    log.append(b"after").unwrap();
    log.remove_before(first).unwrap();
    assert!(log.bytes().unwrap() < 100);
    fs.kill();
    let (log, records, _) = open(&fs, options());
    assert_eq!(records, [b"after"]);
    assert_eq!(log.rotate().unwrap(), first + 1, "numbers are not used twice");
}

#[test]
fn concurrent_appends_all_arrive_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(KIND);
    let (log, _) = Log::open(Arc::new(crate::RealFs), dir.path(), options, &mut |_, _| Ok(())).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || (0..200).for_each(|i| log.append(&record(thread * 1_000 + i)).unwrap()));
        }
    });
    drop(log);
    let mut records = Vec::new();
    let mut visit = |_: Place, r: &[u8]| {
        records.push(r.to_vec());
        Ok(())
    };
    Log::open(Arc::new(crate::RealFs), dir.path(), options, &mut visit).unwrap();
    let mut want: Vec<_> = (0..4).flat_map(|t| (0..200).map(move |i| record(t * 1_000 + i))).collect();
    records.sort();
    want.sort();
    assert_eq!(records, want);
}

#[test]
fn a_torn_tail_is_cut_at_every_length_and_nothing_before_it_is_lost() {
    let build = || {
        let fs = SimFs::new();
        let (log, ..) = open(&fs, Options::new(KIND));
        (0..5).for_each(|i| log.append(&record(i)).unwrap());
        fs.kill();
        fs
    };
    let full = {
        let fs = build();
        crate::fs::read_file(&fs, &segment_paths(&fs)[0], 1 << 20).unwrap().len()
    };
    let mut ends = vec![24];
    (0..5).for_each(|i| ends.push(ends[i] + 8 + record(i as u32).len()));
    for len in 0..full {
        let fs = build();
        fs.corrupt(&segment_paths(&fs)[0], |bytes| bytes.truncate(len));
        let (log, records, recovery) = open(&fs, Options::new(KIND));
        let whole = ends.iter().filter(|e| **e <= len).count().saturating_sub(1);
        assert_eq!(records.len(), whole, "cut to {len}");
        let cut = if len < 24 { len } else { len - ends[whole] };
        assert_eq!(recovery.cut_bytes as usize, cut, "cut to {len}");
        assert_eq!(recovery.warnings.len(), usize::from(cut > 0));
        log.append(b"more").unwrap();
        fs.kill();
        let (_, records, recovery) = open(&fs, Options::new(KIND));
        assert_eq!((records.len(), recovery.warnings.len()), (whole + 1, 0), "cut to {len}");
    }
}

#[test]
fn a_corrupt_byte_anywhere_costs_only_the_record_it_hits() {
    let build = || {
        let fs = SimFs::new();
        let (log, ..) = open(&fs, Options::new(KIND));
        (0..5).for_each(|i| log.append(&record(i)).unwrap());
        log.rotate().unwrap();
        log.append(b"second segment").unwrap();
        fs.kill();
        fs
    };
    let fs = build();
    let first = segment_paths(&fs)[0].clone();
    let size = crate::fs::read_file(&fs, &first, 1 << 20).unwrap().len();
    for at in 0..size {
        let fs = build();
        fs.corrupt(&first, |bytes| bytes[at] ^= 0x55);
        let (_, records, recovery) = open(&fs, Options::new(KIND));
        // A byte of the header costs nothing, one of a record that record.
        let want = if at < 24 { 6 } else { 5 };
        assert_eq!(records.len(), want, "byte {at}");
        assert_eq!(recovery.cut_bytes, 0, "byte {at}");
        assert_eq!((recovery.corrupt_places, recovery.warnings.len()), (1, 1), "byte {at}");
        let aside = Path::new("/log/corrupt-0000000001.log");
        assert_eq!(
            crate::fs::read_file(&fs, aside, 1 << 20).unwrap().len(),
            size,
            "kept for whoever wants to look"
        );
    }
}

#[test]
fn an_unknown_header_is_refused_by_name() {
    let fs = SimFs::new();
    let (log, ..) = open(&fs, options());
    log.append(b"x").unwrap();
    fs.kill();
    fs.corrupt(&segment_paths(&fs)[0], |bytes| {
        bytes[..16].copy_from_slice(&crate::header::write(Kind { version: 9, ..KIND }));
    });
    let error = Log::open(Arc::new(fs), Path::new("/log"), options(), &mut |_, _| Ok(())).err().unwrap();
    assert!(error.message.contains("test log: version 9 is not readable"), "{error}");
}

/// Runs a workload that fails from operation `at`, then crashes; what was acknowledged must be there.
fn crash_at(at: u64, sync: SyncPolicy, power_failure: bool) -> bool {
    let fs = SimFs::new();
    let options = Options { sync, ..options() };
    fs.fail_from(at);
    let mut acknowledged = 0;
    if let Ok((log, _)) = Log::open(Arc::new(fs.clone()), Path::new("/log"), options, &mut |_, _| Ok(())) {
        while acknowledged < 30 && log.append(&record(acknowledged)).is_ok() {
            acknowledged += 1;
        }
    }
    let survived = !fs.failed();
    if power_failure {
        fs.crash()
    } else {
        fs.kill()
    }
    let (_, records, _) = open(&fs, options);
    assert!(records.len() >= acknowledged as usize, "{acknowledged} acknowledged, failure at {at}");
    for (i, found) in records.iter().enumerate() {
        assert_eq!(*found, record(i as u32));
    }
    survived
}

#[test]
fn a_power_failure_at_any_operation_keeps_what_was_synced() {
    assert!((0..).any(|at| crash_at(at, SyncPolicy::Batch, true)));
}

#[test]
fn a_kill_at_any_operation_keeps_what_was_written() {
    assert!((0..).any(|at| crash_at(at, SyncPolicy::Interval, false)));
}

#[test]
fn after_one_failed_operation_the_log_goes_on_without_loss() {
    for at in 0..80 {
        let fs = SimFs::new();
        let (log, ..) = open(&fs, options());
        fs.fail_once(at);
        for i in 0..30 {
            // A refused record stays in line: it goes with the next commit.
            if log.append(&record(i)).is_err() {
                log.commit(log.enqueued()).unwrap();
            }
        }
        fs.kill();
        let (_, records, _) = open(&fs, options());
        assert_eq!(records, (0..30).map(record).collect::<Vec<_>>(), "failure at {at}");
    }
}

#[test]
fn a_full_disk_refuses_with_a_reason_and_takes_records_again_when_there_is_room() {
    let fs = SimFs::new();
    let (log, ..) = open(&fs, options());
    fs.set_capacity(100);
    let mut written = 0;
    let error = loop {
        match log.append(&record(written)) {
            Ok(()) => written += 1,
            Err(e) => break e,
        }
    };
    assert_eq!(error.kind, model::ErrorKind::Unavailable);
    assert!(error.message.contains("free space"), "{error}");
    assert!(fs.used() <= 100);
    fs.set_capacity(u64::MAX);
    log.append(&record(written + 1)).unwrap();
    fs.kill();
    assert_eq!(open(&fs, options()).1, (0..written + 2).map(record).collect::<Vec<_>>());
}

#[test]
fn what_waits_is_bounded() {
    let fs = SimFs::new();
    let (log, ..) = open(&fs, Options { max_pending: 0, ..options() });
    fs.set_capacity(0);
    assert!(log.append(&[7; 200]).is_err());
    let refused = log.append(&[7; 200]).unwrap_err();
    assert!(refused.message.contains("buffer is full"), "{refused}");
    assert!(log.append(&vec![0; MAX_RECORD + 1]).is_err());
}

#[test]
fn what_waits_for_a_slow_sync_is_bounded_too() {
    let fs = SimFs::new();
    let (log, ..) = open(&fs, Options { max_pending: 1_000, ..options() });
    fs.hold_syncs();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| log.append(&[1; 100]));
        fs.wait_for_held_syncs(1);
        // Others are in line meanwhile, and beyond the bound they are refused at once.
        let refused = (0..100).find_map(|_| match log.ready() {
            Ok(()) => log.enqueue(&[2; 100]).map(|_| None).unwrap(),
            Err(e) => Some(e),
        });
        assert_eq!(refused.unwrap().kind, model::ErrorKind::Unavailable);
        fs.release_syncs();
        first.join().unwrap().unwrap();
    });
    log.commit(log.enqueued()).unwrap();
    log.ready().unwrap();
}
