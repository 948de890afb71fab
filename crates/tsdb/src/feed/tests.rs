use std::collections::BTreeMap;
use std::path::PathBuf;

use model::{FeedBatch, FeedValue, Follower, Labels, MetricFeed, MetricWriter, Tenant};

use crate::store::Store;
use crate::store::tests::{Fixture, NOW, append, labels, resolve};

mod crash;
mod property;

/// Samples by series, in the order in which they came.
type Got = BTreeMap<Labels, Vec<(i64, u64)>>;

/// Reads everything there is, `max` at once, and acknowledges it.
fn drain(follower: &mut dyn Follower, max: usize, got: &mut Got) {
    let mut batch = FeedBatch::default();
    while follower.next(max, &mut batch).unwrap() {
        take(&batch, got);
        follower.acknowledge(batch.position).unwrap();
    }
    // What came after the last sample and is none.
    follower.acknowledge(batch.position).unwrap();
}

fn take(batch: &FeedBatch, got: &mut Got) {
    for sample in &batch.samples {
        let FeedValue::Float(v) = &sample.value else { panic!("{sample:?}") };
        got.entry((*sample.series).clone()).or_default().push((sample.t, v.to_bits()));
    }
}

fn count(got: &Got) -> usize {
    got.values().map(Vec::len).sum()
}

fn kept(fixture: &Fixture) -> Vec<PathBuf> {
    let kept =
        |p: &PathBuf| p.to_string_lossy().contains("/feed/0") && p.extension().is_some_and(|e| e == "log");
    fixture.fs.files().into_iter().filter(kept).collect()
}

/// Appends one sample to each of `n` series at time `k`.
fn round(store: &Store, n: u32, k: i64) {
    let sets: Vec<Labels> = (0..n).map(|i| labels("m", i)).collect();
    for series in resolve(store, &sets) {
        assert_eq!(append(store, series, NOW + k * 1_000, k as f64).unwrap(), None);
    }
}

#[test]
fn a_new_follower_gets_what_comes_after_it_with_the_labels_of_what_was_there_before() {
    let fixture = Fixture::new();
    let store = fixture.open();
    round(&store, 3, 0);
    let mut follower = store.follow("a", u64::MAX).unwrap();
    let mut got = Got::new();
    drain(&mut *follower, 10, &mut got);
    assert_eq!(count(&got), 0);
    round(&store, 4, 1);
    drain(&mut *follower, 1, &mut got);
    let want: Got = (0..4).map(|i| (labels("m", i), vec![(NOW + 1_000, 1f64.to_bits())])).collect();
    assert_eq!(got, want);
    assert_eq!(store.lag("a").bytes, 0);
    let lag = store.lag("a");
    assert_eq!((lag.newest_read_ms, lag.newest_accepted_ms, lag.accepted), (NOW + 1_000, NOW + 1_000, 7));
    // What is refused is never read, and nobody is behind for its sake.
    let refused = append(&store, resolve(&store, &[labels("m", 0)])[0], i64::MAX - 1, 1.0).unwrap();
    assert_eq!(refused, Some(model::RejectReason::TooFarInFuture));
    assert_eq!(store.lag("a").newest_accepted_ms, NOW + 1_000);
    assert_eq!(store.metrics().feed_orphans.get(), 0);
}

#[test]
fn a_name_is_followed_once_at_a_time() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let follower = store.follow("a", 1).unwrap();
    assert_eq!(store.follow("a", 1).err().unwrap().kind, model::ErrorKind::Conflict);
    assert!(store.follow("b", 1).is_ok());
    drop(follower);
    assert!(store.follow("a", 1).is_ok());
    assert_eq!(store.follow("", 1).err().unwrap().kind, model::ErrorKind::Invalid);
}

#[test]
fn what_a_flush_cuts_stays_for_the_follower_and_is_not_replayed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    drop(store.follow("a", u64::MAX).unwrap());
    for k in 0..6 {
        round(&store, 3, k);
        store.flush().unwrap();
    }
    assert!(kept(&fixture).len() >= 6, "{:?}", kept(&fixture));
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(model::metrics::MetricStats::stats(&store, 1).unwrap().head_chunks, 0);
    assert_eq!(store.warnings(), Vec::<String>::new());
    round(&store, 3, 6);
    let mut follower = store.follow("a", u64::MAX).unwrap();
    assert!(store.lag("a").bytes > 0);
    let mut got = Got::new();
    drain(&mut *follower, 4, &mut got);
    let samples: Vec<_> = (0..7).map(|k| (NOW + k * 1_000, (k as f64).to_bits())).collect();
    assert_eq!(got, (0..3).map(|i| (labels("m", i), samples.clone())).collect());
    assert_eq!(store.lag("a").bytes, 0);
    store.maintain().unwrap();
    assert_eq!(kept(&fixture), Vec::<PathBuf>::new(), "acknowledged segments go");
    assert_eq!(store.metrics().feed_kept_bytes.get(), 0);
}

#[test]
fn only_what_was_acknowledged_is_not_read_again_after_a_restart() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut follower = store.follow("a", u64::MAX).unwrap();
    let (mut batch, mut got) = (FeedBatch::default(), Got::new());
    (0..10).for_each(|k| round(&store, 1, k));
    assert!(follower.next(4, &mut batch).unwrap());
    let position = batch.position;
    assert!(follower.next(4, &mut batch).unwrap());
    assert!(batch.position > position);
    follower.acknowledge(position).unwrap();
    drop(follower);
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    drain(&mut *store.follow("a", u64::MAX).unwrap(), 100, &mut got);
    let times: Vec<_> = got[&labels("m", 0)].iter().map(|(t, _)| (t - NOW) / 1_000).collect();
    assert_eq!(times, [4, 5, 6, 7, 8, 9]);
}

#[test]
fn over_the_cap_the_oldest_is_given_up_and_counted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut slow = store.follow("slow", 1).unwrap();
    let mut patient = store.follow("patient", u64::MAX).unwrap();
    for k in 0..4 {
        round(&store, 3, k);
        store.flush().unwrap();
    }
    round(&store, 3, 4);
    let lag = store.lag("slow");
    assert!(lag.lost_bytes > 0 && lag.bytes > 0 && lag.bytes < store.lag("patient").bytes, "{lag:?}");
    assert_eq!(store.metrics().feed_lost_bytes.get(), lag.lost_bytes);
    let (mut got, mut all) = (Got::new(), Got::new());
    drain(&mut *slow, 100, &mut got);
    drain(&mut *patient, 100, &mut all);
    assert_eq!((count(&got), count(&all)), (3, 15));
    assert_eq!(store.lag("patient").lost_bytes, 0);
    // What was read but is still under way when the cap strikes is not lost.
    round(&store, 3, 5);
    let mut batch = FeedBatch::default();
    while slow.next(100, &mut batch).unwrap() {}
    store.flush().unwrap();
    assert_eq!(store.lag("slow").lost_bytes, lag.lost_bytes);
    slow.acknowledge(batch.position).unwrap();
    assert_eq!(store.lag("slow").bytes, 0);
}

#[test]
fn a_forgotten_name_pins_nothing() {
    let fixture = Fixture::new();
    let store = fixture.open();
    drop(store.follow("gone", u64::MAX).unwrap());
    let open = store.follow("open", u64::MAX).unwrap();
    round(&store, 3, 0);
    store.flush().unwrap();
    store.forget_others(&[]).unwrap();
    assert!(!kept(&fixture).is_empty(), "one that is open stays");
    drop(open);
    store.forget_others(&["open".into()]).unwrap();
    assert!(!kept(&fixture).is_empty());
    store.forget_others(&[]).unwrap();
    assert_eq!(kept(&fixture), Vec::<PathBuf>::new());
    drop(store);
    fixture.fs.crash();
    let store = fixture.open();
    round(&store, 3, 1);
    let mut got = Got::new();
    drain(&mut *store.follow("gone", u64::MAX).unwrap(), 9, &mut got);
    assert_eq!(count(&got), 0, "it begins anew");
}

#[test]
fn corrupt_bytes_cost_what_they_hit_and_are_counted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    drop(store.follow("a", u64::MAX).unwrap());
    (0..20).for_each(|k| round(&store, 2, k));
    store.flush().unwrap();
    let path = kept(&fixture).pop().unwrap();
    fixture.fs.corrupt(&path, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
    });
    round(&store, 2, 20);
    let mut got = Got::new();
    drain(&mut *store.follow("a", u64::MAX).unwrap(), 9, &mut got);
    assert_eq!(count(&got), 41, "one record of one sample is gone");
    assert_eq!(store.metrics().feed_corruptions.get(), 1);
    assert_eq!(got[&labels("m", 1)].last(), Some(&(NOW + 20_000, 20f64.to_bits())));
}

#[test]
fn samples_whose_definition_is_lost_are_counted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    drop(store.follow("a", u64::MAX).unwrap());
    (0..5).for_each(|k| round(&store, 1, k));
    store.flush().unwrap();
    let path = kept(&fixture).pop().unwrap();
    fixture.fs.corrupt(&path, |bytes| bytes[40] ^= 0xff); // inside the first record
    let mut got = Got::new();
    drain(&mut *store.follow("a", u64::MAX).unwrap(), 9, &mut got);
    assert_eq!((count(&got), store.metrics().feed_orphans.get()), (0, 4));
}

#[test]
fn the_table_does_not_grow_with_series_that_are_gone() {
    let mut fixture = Fixture::new();
    fixture.options.idle_ms = 0;
    fixture.options.budget = model::Budget::new("test", 64 << 20);
    let store = fixture.open();
    let mut follower = store.follow("a", u64::MAX).unwrap();
    let mut got = Got::new();
    let mut most = 0;
    for k in 0..50 {
        let sets: Vec<Labels> = (0..200).map(|i| labels(&format!("m{k}"), i)).collect();
        for series in resolve(&store, &sets) {
            append(&store, series, NOW + k * 1_000, 1.0).unwrap();
        }
        drain(&mut *follower, 1_000, &mut got);
        fixture.clock.advance_ms(60_000);
        store.flush().unwrap();
        if k == 5 {
            most = store.options.budget.used();
        }
    }
    assert_eq!(count(&got), 10_000);
    assert!(store.options.budget.used() < most + 200_000, "{} after {most}", store.options.budget.used());
    drop(follower);
}

#[test]
fn a_place_is_not_used_for_other_records_after_the_log_lost_its_end() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut follower = store.follow("a", u64::MAX).unwrap();
    (0..50).for_each(|k| round(&store, 1, k));
    let mut got = Got::new();
    drain(&mut *follower, 9, &mut got);
    store.feed.release().unwrap(); // the place is durable, the log is not
    drop(follower);
    drop(store);
    fixture.fs.crash();
    let store = fixture.open();
    (50..60).for_each(|k| round(&store, 1, k));
    let mut after = Got::new();
    drain(&mut *store.follow("a", u64::MAX).unwrap(), 9, &mut after);
    assert_eq!(count(&after), 10, "all of what was accepted after the crash");
}

#[test]
fn metadata_moves_the_place_but_is_no_sample() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut follower = store.follow("a", u64::MAX).unwrap();
    let family = model::metrics::Family { name: "m".into(), ..Default::default() };
    store.metadata(&Tenant::default(), &[family]).unwrap();
    let mut batch = FeedBatch::default();
    assert!(!follower.next(10, &mut batch).unwrap());
    follower.acknowledge(batch.position).unwrap();
    assert_eq!(store.lag("a").bytes, 0);
}
