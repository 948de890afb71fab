use std::sync::Arc;

use disk::RealFs;
use model::metrics::{Selected, SeriesData};
use model::{Ctx, ManualClock, MetricBatch, MetricHistory, MetricReader, MetricWriter, SelectHints, Tenant};

use super::*;
use crate::Options;

const HOUR: i64 = 3_600_000;

fn open(dir: &std::path::Path) -> Store {
    let options = Options { retention_ms: 0, ..Options::default() };
    Store::open(Arc::new(RealFs), dir, options, Arc::new(ManualClock::at_ms(1_000 * HOUR))).unwrap()
}

fn labels(n: usize) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("n", &format!("{n:03}"))])
}

fn all(store: &Store) -> Vec<SeriesData> {
    let selection = store.select(&Ctx::unbounded(), &[], TimeRange::ALL, &SelectHints::default()).unwrap();
    assert!(selection.complete);
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let mut series = Vec::new();
    for mut partition in partitions {
        let mut data = SeriesData::default();
        while partition.next(&mut data).unwrap() {
            series.push(data.clone());
        }
    }
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

fn block(store: &Store, series: std::ops::Range<usize>, times: std::ops::Range<i64>) -> Result<Imported> {
    let mut numbers = series;
    store.import(TimeRange::new(times.start, times.end - 1), &mut |out| {
        let Some(n) = numbers.next() else { return Ok(false) };
        out.labels = labels(n);
        out.t = times.clone().step_by(60_000).collect();
        out.v = out.t.iter().map(|t| (*t + n as i64) as f64).collect();
        Ok(true)
    })
}

#[test]
fn a_block_of_old_times_is_there_at_once_and_after_a_restart_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = block(&store, 0..5, 0..2 * HOUR).unwrap();
    assert_eq!(first, Imported { series: 5, samples: 600, blocks: 1, ..Imported::default() });
    let again = block(&store, 0..5, 0..2 * HOUR).unwrap();
    assert_eq!(again, Imported { known: 600, ..Imported::default() });
    // A wider one brings only what is new.
    let more = block(&store, 3..7, 0..4 * HOUR).unwrap();
    assert_eq!((more.samples, more.known, more.series), (4 * 240 - 240, 240, 4));
    drop(store);
    let store = open(dir.path());
    let series = all(&store);
    assert_eq!(series.iter().map(|s| s.t.len()).collect::<Vec<_>>(), [120, 120, 120, 240, 240, 240, 240]);
    assert_eq!(series[4].v[7], (7 * 60_000 + 4) as f64);
}

#[test]
fn what_is_in_memory_counts_as_known() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut refs = Vec::new();
    store.resolve(&Tenant::default(), &[labels(1)], &mut refs).unwrap();
    let refs = [refs[0].unwrap()];
    store
        .append(
            &Tenant::default(),
            MetricBatch { refs: &refs, t: &[60_000], v: &[7.5], ..Default::default() },
        )
        .unwrap();
    let report = block(&store, 1..2, 0..HOUR).unwrap();
    assert_eq!((report.samples, report.known), (59, 1));
    let series = all(&store);
    assert_eq!((series[0].t[1], series[0].v[1]), (60_000, 7.5));
}

#[test]
fn disorder_and_times_outside_are_refused_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let give = |all: Vec<(usize, Vec<i64>)>| {
        let mut rest = all.into_iter();
        store.import(TimeRange::new(0, 99), &mut |out| {
            let Some((n, t)) = rest.next() else { return Ok(false) };
            out.labels = labels(n);
            out.v = t.iter().map(|t| *t as f64).collect();
            out.t = t;
            Ok(true)
        })
    };
    for bad in [vec![(2, vec![1]), (1, vec![1])], vec![(1, vec![5, 5])], vec![(1, vec![1]), (2, vec![100])]] {
        assert_eq!(give(bad).unwrap_err().kind, model::ErrorKind::Invalid);
    }
    assert!(all(&store).is_empty());
}

#[test]
fn a_spool_takes_any_order_within_its_memory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let fill = |limit| {
        let mut spool = Spool::new(&store, limit);
        for i in 0..3000i64 {
            let place = spool.series(&labels((i % 7) as usize));
            let t = (i * 7919 % 3000) * 300_000;
            spool.float(place, 0, t, t as f64).unwrap();
            if i % 10 == 0 {
                spool.float(place, 0, t, -1.0).unwrap(); // the first of one time stays
            }
        }
        spool.finish().unwrap()
    };
    let first = fill(10_000);
    assert_eq!(first.samples, 3000);
    assert!(first.blocks > 3, "{first:?}");
    assert_eq!(fill(usize::MAX).samples, 0);
    let series = all(&store);
    assert_eq!(series.iter().map(|s| s.t.len()).sum::<usize>(), 3000);
    for one in series {
        assert!(one.t.iter().zip(&one.v).all(|(t, v)| *t as f64 == *v));
    }
}

#[test]
fn times_far_apart_need_no_blocks_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut spool = Spool::new(&store, usize::MAX);
    let place = spool.series(&labels(1));
    for t in [i64::MIN + 1, -5, 0, 86_400_000 * 365, i64::MAX - 1] {
        spool.float(place, 0, t, 1.0).unwrap();
    }
    assert_eq!(spool.finish().unwrap().samples, 5);
    assert_eq!(all(&store)[0].t, [i64::MIN + 1, -5, 0, 86_400_000 * 365, i64::MAX - 1]);
}

/// A store that keeps ten hours, its clock at hour 1,000.
fn short_lived(dir: &std::path::Path) -> Store {
    let options = Options { retention_ms: 10 * HOUR, ..Options::default() };
    Store::open(Arc::new(RealFs), dir, options, Arc::new(ManualClock::at_ms(1_000 * HOUR))).unwrap()
}

#[test]
fn history_comes_in_parts_while_the_store_is_in_use_and_what_is_expired_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = short_lived(dir.path());
    let ctx = Ctx::unbounded();
    let give = |step: usize| {
        let mut writer = store.begin(&ctx).unwrap();
        for times in [980..988, 996..998, 988..992] {
            let t: Vec<i64> = times.clone().step_by(step).map(|h| h * HOUR).collect();
            let v = t.iter().map(|t| *t as f64).collect();
            writer.add(&SeriesData { labels: labels(1), t, v, ..SeriesData::default() }).unwrap();
        }
        writer.finish().unwrap()
    };
    // Hours 990, 991, 996 and 997 are within the retention.
    let first = give(1);
    assert_eq!((first.samples, first.expired, first.known), (4, 10, 0), "{first:?}");
    assert_eq!(all(&store)[0].t, [990 * HOUR, 991 * HOUR, 996 * HOUR, 997 * HOUR]);
    let again = give(1);
    assert_eq!((again.samples, again.known, again.blocks), (0, 4, 0), "{again:?}");
}

#[test]
fn a_cancelled_import_ends_and_an_empty_budget_refuses_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ctx = Ctx::unbounded();
    let mut writer = store.begin(&ctx).unwrap();
    let data = SeriesData { labels: labels(1), t: vec![5], v: vec![1.0], ..SeriesData::default() };
    writer.add(&data).unwrap();
    ctx.cancel.cancel();
    assert!(writer.add(&data).is_err() && writer.finish().is_err());
    assert!(all(&store).is_empty());
    let small = Ctx { budget: model::Budget::new("small", 1 << 20), ..Ctx::unbounded() };
    assert_eq!(store.begin(&small).err().unwrap().kind, model::ErrorKind::Limited);
}

#[test]
fn what_was_deleted_can_be_given_again() {
    use model::MetricAdmin;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    block(&store, 0..2, 0..HOUR).unwrap();
    let one = model::Matcher::new("n", model::MatchOp::Equal, "001").unwrap();
    store.delete_series(&Ctx::unbounded(), &[one], TimeRange::new(0, HOUR / 2 - 1)).unwrap();
    assert_eq!(all(&store)[1].t.len(), 30);
    let again = block(&store, 0..2, 0..HOUR).unwrap();
    assert_eq!((again.samples, again.known), (30, 90));
    assert_eq!(all(&store)[1].t.len(), 60);
}

#[test]
fn blocks_are_as_long_as_retention_wants_them() {
    for (retention_days, longest_hours) in [(15, 18), (400, 486), (1, 2), (0, 486)] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { retention_ms: retention_days * 24 * HOUR, ..Options::default() };
        let clock = Arc::new(ManualClock::at_ms(400 * 24 * HOUR));
        let store = Store::open(Arc::new(RealFs), dir.path(), options, clock).unwrap();
        let ctx = Ctx::unbounded();
        let mut data = SeriesData { labels: labels(1), ..SeriesData::default() };
        // Many windows, so that blocks are as long as they may be.
        let from = (400 * 24 - 360).max(400 * 24 - retention_days * 24 + 1);
        let from = if retention_days == 0 || retention_days == 400 { 0 } else { from };
        for hour in from..400 * 24 {
            data.push_float(0, hour * HOUR, 1.0);
        }
        let mut writer = MetricHistory::begin(&store, &ctx).unwrap();
        writer.add(&data).unwrap();
        assert_eq!(writer.finish().unwrap().expired, 0);
        let lengths = store.block_list().into_iter().map(|b| (b.range.end - b.range.start) / HOUR + 1);
        assert_eq!(lengths.max(), Some(longest_hours), "kept {retention_days} days");
    }
}
