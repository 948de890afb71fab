//! Damaged files and full disks.

use super::*;

/// A store with two flushed blocks of 40 series and some samples in the log.
fn build() -> (Fixture, Samples) {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &(0..40).map(|i| labels("m", i)).collect::<Vec<_>>());
    for k in 0..30i64 {
        let t = NOW + k * 60_000;
        fixture.clock.set_ms(t);
        let v: Vec<f64> = (0..40).map(|i| f64::from(i) * 0.1 + k as f64).collect();
        let batch = MetricBatch { refs: &refs, t: &[t; 40], v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap();
        if k == 10 || k == 20 {
            store.flush().unwrap();
        }
    }
    let samples = all(&store);
    drop(store);
    fixture.fs.kill();
    (fixture, samples)
}

/// Reads all there is: postings, labels, samples.
pub(super) fn try_read(store: &Store) -> Result<(usize, bool, Vec<String>)> {
    for name in ["__name__", "i", "job"] {
        store.label_values(&Ctx::unbounded(), name, &[], TimeRange::ALL, 0)?;
    }
    let selection = store.select(&Ctx::unbounded(), &[], TimeRange::ALL, &SelectHints::default())?;
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let (mut count, mut data) = (0, SeriesData::default());
    for mut partition in partitions {
        while partition.next(&mut data)? {
            count += data.t.len();
        }
    }
    Ok((count, selection.complete, selection.warnings))
}

#[test]
fn a_changed_byte_anywhere_in_a_block_is_noticed_and_the_rest_is_read() {
    let files: Vec<_> = build().0.fs.files();
    for path in files.iter().filter(|f| f.ends_with("data") || f.ends_with("index")).take(2) {
        let size = disk::fs::read_file(&build().0.fs, path, 1 << 20).unwrap().len();
        for at in (0..size).step_by(if size > 600 { 7 } else { 1 }) {
            let (fixture, _) = build();
            fixture.fs.corrupt(path, |bytes| bytes[at] ^= 0x20);
            let store = match fixture.try_open() {
                Ok(store) => store,
                // A changed version is refused by name, and nothing is touched.
                Err(e) => {
                    assert!(e.message.contains("version"), "{e}");
                    continue;
                }
            };
            if try_read(&store).is_err() {
                store.maintain().unwrap();
            }
            let (count, complete, warnings) = try_read(&store).unwrap();
            assert!(!complete && warnings.len() == 1, "byte {at} of {path:?}: {count} {warnings:?}");
            // One block is missing, the other and the log are there.
            assert!((19 * 40..30 * 40).contains(&count), "byte {at} of {path:?}: {count}");
            let elsewhere = TimeRange::new(0, 1_000);
            let selection = store.select(&Ctx::unbounded(), &[], elsewhere, &SelectHints::default()).unwrap();
            assert!(selection.complete, "what is lost is not there");
        }
    }
}

#[test]
fn a_lost_block_is_still_reported_after_a_restart() {
    let (fixture, _) = build();
    let path = fixture.fs.files().into_iter().find(|f| f.ends_with("index")).unwrap();
    fixture.fs.corrupt(&path, |bytes| bytes.truncate(30));
    drop(fixture.open());
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(store.warnings().len(), 1);
    let (_, complete, warnings) = try_read(&store).unwrap();
    assert!(!complete && warnings[0].contains("corrupt"), "{warnings:?}");
}

#[test]
fn a_torn_log_loses_only_what_was_torn() {
    let size = {
        let (fixture, _) = build();
        let log = fixture.fs.files().into_iter().find(|f| f.extension().is_some_and(|e| e == "log")).unwrap();
        disk::fs::read_file(&fixture.fs, &log, 1 << 20).unwrap().len()
    };
    for len in (0..size).step_by(13) {
        let (fixture, samples) = build();
        let log = fixture.fs.files().into_iter().find(|f| f.extension().is_some_and(|e| e == "log")).unwrap();
        fixture.fs.corrupt(&log, |bytes| bytes.truncate(len));
        let store = fixture.open();
        let found = all(&store);
        for ((labels, found), (_, full)) in found.iter().zip(&samples) {
            assert!(found.len() >= 21, "{labels}: what is in blocks");
            assert_eq!(full[..found.len()], found[..], "{labels}: a prefix of what there was");
        }
    }
}

#[test]
fn a_changed_byte_in_the_log_costs_its_record_only() {
    let (fixture, samples) = build();
    let log = fixture.fs.files().into_iter().find(|f| f.extension().is_some_and(|e| e == "log")).unwrap();
    let size = disk::fs::read_file(&fixture.fs, &log, 1 << 20).unwrap().len();
    let full: usize = samples.iter().map(|(_, s)| s.len()).sum();
    for at in (size / 2..size).step_by(11) {
        let (fixture, _) = build();
        fixture.fs.corrupt(&log, |bytes| bytes[at] ^= 0x10);
        let store = fixture.open();
        let found: usize = all(&store).iter().map(|(_, s)| s.len()).sum();
        assert_eq!(found, full - 40, "byte {at}");
        assert_eq!(store.warnings().len(), 1, "{:?}", store.warnings());
    }
}

#[test]
fn a_full_disk_refuses_with_a_reason_and_loses_nothing() {
    let mut fixture = Fixture::new();
    fixture.options.retention_bytes = Some(0);
    let store = fixture.open();
    let refs = resolve(&store, &(0..40).map(|i| labels("m", i)).collect::<Vec<_>>());
    let append_at = |k: i64| {
        let t = NOW + k * 1_000;
        let v: Vec<f64> = (0..40).map(|i| f64::from(i) * 0.1 + k as f64).collect();
        let batch = MetricBatch { refs: &refs, t: &[t; 40], v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch)
    };
    fixture.fs.set_capacity(20_000);
    let mut k = 0;
    let error = loop {
        match append_at(k) {
            Ok(_) => k += 1,
            Err(e) => break e,
        }
    };
    assert_eq!(error.kind, model::ErrorKind::Unavailable);
    assert!(error.message.contains("free space"), "{error}");
    assert!(store.flush().is_err(), "there is no room for a block either");
    let readable: usize = all(&store).iter().map(|(_, s)| s.len()).sum();
    assert!(readable as i64 >= k * 40, "what is there stays readable");
    fixture.fs.set_capacity(u64::MAX);
    for more in k..k + 5 {
        append_at(more).unwrap();
    }
    store.maintain().unwrap();
    store.flush().unwrap();
    drop(store);
    fixture.fs.kill();
    let found: usize = all(&fixture.open()).iter().map(|(_, s)| s.len()).sum();
    assert_eq!(found as i64, (k + 5) * 40);
}

#[test]
fn what_was_acknowledged_is_replayed_whatever_the_memory_limit() {
    let (mut fixture, samples) = build();
    fixture.options.budget = model::Budget::new("head", 1_000);
    fixture.options.max_series = 1;
    let store = fixture.open();
    assert_eq!(all(&store), samples);
    let mut out = Vec::new();
    store.resolve(&Tenant::default(), &[labels("new", 0)], &mut out).unwrap();
    assert_eq!(out, [None], "nothing new is taken");
}

#[test]
fn what_a_failed_flush_left_in_memory_is_known_to_an_import() {
    for at in 0..60 {
        let fixture = Fixture::new();
        let store = fixture.open();
        let series = resolve(&store, &[labels("m", 0)]);
        append(&store, series[0], NOW, 1.0).unwrap();
        fixture.fs.fail_once(at);
        if store.flush().is_ok() || store.head.frozen().is_none() {
            continue;
        }
        let mut given = false;
        let report = store.import(TimeRange::new(NOW, NOW), &mut |out| {
            out.labels = labels("m", 0);
            out.push_float(0, NOW, 2.0);
            Ok(!std::mem::replace(&mut given, true))
        });
        assert_eq!(report.unwrap().known, 1);
        store.flush().unwrap();
        assert_eq!(all(&store)[0].1, [(NOW, 1f64.to_bits())]);
        return;
    }
    panic!("no flush failed half-way");
}
