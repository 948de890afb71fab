use model::metrics::{Family, MetricStats};
use model::{
    Ctx, Labels, ManualClock, MatchOp, Matcher, MetricBatch, MetricReader, MetricWriter, Position,
    RejectReason, SelectHints, Selected, SeriesData, SeriesRef, TimeRange,
};

mod admin;
mod compaction;
mod crash;
mod definitions;
mod exemplars;
mod faults;
mod flips;
mod model_based;
mod progress;
mod rich;
mod rising;
mod selection;
mod slow;
mod tiers;
mod time;

use super::*;
use disk::sim::SimFs;

/// Series with their samples, values as bits.
pub(crate) type Samples = Vec<(Labels, Vec<(i64, u64)>)>;

pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) struct Fixture {
    pub(crate) fs: SimFs,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) options: Options,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let mut options = Options { retention_bytes: Some(0), ..Options::default() };
        // Tests have few samples.
        options.downsampling.least_samples = 0;
        Self { fs: SimFs::new(), clock: Arc::new(ManualClock::at_ms(NOW)), options }
    }

    pub(crate) fn try_open(&self) -> Result<Store> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Store::open(Arc::new(self.fs.clone()), Path::new("/data/metrics"), self.options.clone(), clock)
    }

    pub(crate) fn open(&self) -> Store {
        self.try_open().unwrap()
    }
}

pub(crate) fn labels(name: &str, i: u32) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "test"), ("i", &i.to_string())])
}

pub(crate) fn resolve(store: &Store, sets: &[Labels]) -> Vec<SeriesRef> {
    let mut out = Vec::new();
    store.resolve(&Tenant::default(), sets, &mut out).unwrap();
    out.into_iter().map(Option::unwrap).collect()
}

pub(crate) fn append(store: &Store, series: SeriesRef, t: i64, v: f64) -> Result<Option<RejectReason>> {
    let batch = MetricBatch { refs: &[series], t: &[t], v: &[v], ..MetricBatch::default() };
    let appended = store.append(&Tenant::default(), batch)?;
    Ok(appended.rejected.first().map(|r| r.reason))
}

/// Everything a selection gives, sorted by labels, values as bits.
pub(crate) fn read(store: &Store, matchers: &[Matcher], range: TimeRange) -> Samples {
    read_with(store, matchers, range, &SelectHints::default())
}

pub(crate) fn read_with(
    store: &Store,
    matchers: &[Matcher],
    range: TimeRange,
    hints: &SelectHints,
) -> Samples {
    let selection = store.select(&Ctx::unbounded(), matchers, range, hints).unwrap();
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let mut found = Vec::new();
    let mut data = SeriesData::default();
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            let samples = data.t.iter().zip(&data.v).map(|(t, v)| (*t, v.to_bits())).collect();
            found.push((data.labels.clone(), samples));
        }
    }
    found.sort();
    found
}

pub(crate) fn all(store: &Store) -> Samples {
    read(store, &[], TimeRange::ALL)
}

#[test]
fn what_was_appended_is_read_and_survives_a_kill() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let sets: Vec<Labels> = (0..20).map(|i| labels("m", i)).collect();
    let refs = resolve(&store, &sets);
    for k in 0..100 {
        let t = vec![NOW + k * 1_000; 20];
        let v: Vec<f64> = (0..20).map(|i| f64::from(i) * k as f64).collect();
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, 20);
    }
    let before = all(&store);
    assert_eq!(before.len(), 20);
    assert_eq!(before.iter().map(|(_, s)| s.len()).sum::<usize>(), 2_000);
    let of_3 = before.iter().find(|(l, _)| *l == sets[3]).unwrap();
    assert_eq!(of_3.1[10], (NOW + 10_000, 30f64.to_bits()));
    fixture.fs.kill();
    assert_eq!(all(&fixture.open()), before);
}

#[test]
fn refusals_name_their_reason() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let add = |t, v| append(&store, series, t, v).unwrap();
    assert_eq!(add(NOW, 1.0), None);
    assert_eq!(add(NOW, 1.0), None, "the same again is taken");
    assert_eq!(add(NOW, 2.0), Some(RejectReason::Duplicate));
    assert_eq!(add(NOW - 60_000, 3.0), None, "inside the window");
    assert_eq!(add(NOW - 60_000, 3.0), None);
    assert_eq!(add(NOW - 60_000, 4.0), Some(RejectReason::Duplicate));
    assert_eq!(add(NOW - 31 * 60_000, 5.0), Some(RejectReason::OutOfOrder));
    assert_eq!(add(NOW + 11 * 60_000, 5.0), Some(RejectReason::TooFarInFuture));
    assert_eq!(add(NOW - 16 * 86_400_000, 5.0), Some(RejectReason::TooOld));
    let stranger = SeriesRef(std::num::NonZeroU64::new(77 << 32).unwrap());
    assert_eq!(append(&store, stranger, NOW, 1.0).unwrap(), Some(RejectReason::UnknownSeries));
    assert_eq!(all(&store)[0].1, [(NOW - 60_000, 3f64.to_bits()), (NOW, 1f64.to_bits())]);
    let stats = store.stats(10).unwrap();
    assert!(stats.rejected.contains(&(RejectReason::Duplicate, 2)));
    assert_eq!(stats.appended, 4);
}

#[test]
fn positions_and_metadata_survive() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let position = Some(Position { source: "file", position: b"42" });
    let batch = MetricBatch { refs: &[series], t: &[NOW], v: &[1.0], position, ..MetricBatch::default() };
    store.append(&Tenant::default(), batch).unwrap();
    let family =
        Family { name: "m".into(), kind: "gauge".into(), help: "도움말".into(), unit: String::new() };
    store.metadata(&Tenant::default(), std::slice::from_ref(&family)).unwrap();
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(store.position("file").as_deref(), Some(&b"42"[..]));
    assert_eq!(store.position("other"), None);
    assert_eq!(store.families(&Ctx::unbounded(), Some("m")).unwrap(), [family]);
}

#[test]
fn a_flush_repeats_metadata_of_any_size() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let family = |n: u32| Family {
        name: format!("m{n}"),
        kind: "gauge".into(),
        help: "x".repeat(1 << 20),
        unit: String::new(),
    };
    for n in 0..70 {
        store.metadata(&Tenant::default(), &[family(n)]).unwrap();
    }
    store.flush().unwrap();
    drop(store);
    fixture.fs.kill();
    assert_eq!(fixture.open().families(&Ctx::unbounded(), None).unwrap().len(), 70);
}

#[test]
fn matchers_labels_and_limits() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut sets: Vec<Labels> = (0..5).map(|i| labels("a", i)).collect();
    sets.extend((0..5).map(|i| labels("b", i)));
    sets.push(Labels::from_pairs([("__name__", "c")]));
    for series in resolve(&store, &sets) {
        append(&store, series, NOW, 1.0).unwrap();
    }
    matchers_and_labels(&store, &sets);
    store.flush().unwrap();
    matchers_and_labels(&store, &sets);
}

fn matchers_and_labels(store: &Store, sets: &[Labels]) {
    let count = |matchers: &[(&str, MatchOp, &str)]| {
        let matchers: Vec<_> = matchers.iter().map(|(n, o, v)| Matcher::new(*n, *o, *v).unwrap()).collect();
        let want = sets.iter().filter(|l| matchers.iter().all(|m| m.matches_labels(l))).count();
        let found = read(store, &matchers, TimeRange::ALL).len();
        assert_eq!(found, want, "{matchers:?}");
        found
    };
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    assert_eq!(count(&[("__name__", Equal, "a")]), 5);
    assert_eq!(count(&[("__name__", Equal, "a"), ("i", Regex, "1|3|9")]), 2);
    assert_eq!(count(&[("i", Equal, "")]), 1);
    assert_eq!(count(&[("i", NotEqual, "")]), 10);
    assert_eq!(count(&[("i", NotRegex, "[0-3]")]), 3);
    assert_eq!(count(&[("i", Regex, "|1")]), 3);
    assert_eq!(count(&[("job", Regex, "te.*"), ("i", NotEqual, "4")]), 8);
    assert_eq!(count(&[("nothing", NotEqual, "x"), ("__name__", Regex, "[ab]")]), 10);
    assert_eq!(count(&[("nothing", Equal, "x")]), 0);
    let ctx = Ctx::unbounded();
    let names = store.label_names(&ctx, &[], TimeRange::ALL, 0).unwrap();
    assert_eq!(names.items, ["__name__", "i", "job"]);
    let of_a = [Matcher::equal("__name__", "a")];
    let values = store.label_values(&ctx, "i", &of_a, TimeRange::ALL, 3).unwrap();
    assert_eq!((values.items, values.truncated), (vec!["0".into(), "1".into(), "2".into()], true));
    let of_c = [Matcher::equal("__name__", "c")];
    assert_eq!(store.label_names(&ctx, &of_c, TimeRange::ALL, 0).unwrap().items, ["__name__"]);
    let hints = SelectHints { limit: 4, labels_only: true, ..SelectHints::default() };
    let limited = read_with(store, &[], TimeRange::ALL, &hints);
    assert_eq!((limited.len(), limited[0].1.len()), (4, 0));
}

/// Lets the flush become due and runs maintenance.
fn flush(fixture: &Fixture, store: &Store) {
    fixture.clock.advance_ms(fixture.options.flush_ms);
    store.maintain().unwrap();
}

#[test]
fn a_flush_moves_everything_to_blocks_and_cuts_the_log() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &(0..300).map(|i| labels("m", i)).collect::<Vec<_>>());
    let family = Family { name: "m".into(), kind: "counter".into(), ..Family::default() };
    store.metadata(&Tenant::default(), std::slice::from_ref(&family)).unwrap();
    for k in 0..50 {
        let t = vec![NOW - 500_000 + k * 10_000; 300];
        let v: Vec<f64> = (0..300).map(|i| f64::from(i) + k as f64 / 10.0).collect();
        let position = Some(Position { source: "s", position: &[k as u8] });
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, position, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap();
    }
    let before = all(&store);
    let log_before = store.log.bytes().unwrap();
    flush(&fixture, &store);
    let stats = store.stats(3).unwrap();
    assert_eq!((stats.head_range, stats.block_samples, stats.head_series), (None, 15_000, 300));
    assert!(stats.blocks >= 1 && stats.block_bytes > 0);
    assert!(stats.log_bytes < log_before / 100, "{} of {log_before}", stats.log_bytes);
    assert_eq!(all(&store), before);
    append(&store, refs[7], NOW + 1_000, 7.0).unwrap();
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    let after = all(&store);
    assert_eq!(after.len(), 300);
    assert_eq!(after.iter().map(|(_, s)| s.len()).sum::<usize>(), 15_001);
    assert_eq!(store.position("s").as_deref(), Some(&[49u8][..]), "said again in the new segment");
    assert_eq!(store.families(&Ctx::unbounded(), None).unwrap(), [family]);
    let values = store.label_values(&Ctx::unbounded(), "i", &[], TimeRange::ALL, 0).unwrap();
    assert_eq!(values.items.len(), 300);
    let one = [Matcher::equal("__name__", "m"), Matcher::new("i", MatchOp::Regex, "29.").unwrap()];
    assert_eq!(read(&store, &one, TimeRange::ALL).len(), 10);
    let values = store.label_values(&Ctx::unbounded(), "i", &one, TimeRange::ALL, 0).unwrap();
    assert_eq!(values.items.len(), 10);
    let outside = TimeRange::new(NOW + 10_000_000, NOW + 20_000_000);
    assert_eq!(read(&store, &[], outside).len(), 0);
}

#[test]
fn a_reference_from_before_a_collection_is_refused_and_hits_nobody_else() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let old = resolve(&store, &[labels("old", 0)])[0];
    let unused = resolve(&store, &[labels("unused", 0)])[0];
    append(&store, old, NOW, 1.0).unwrap();
    flush(&fixture, &store);
    fixture.clock.advance_ms(2 * fixture.options.idle_ms);
    let other = resolve(&store, &[labels("other", 0)])[0];
    append(&store, other, fixture.clock.now_ms(), 2.0).unwrap();
    flush(&fixture, &store);
    for gone in [old, unused] {
        assert_eq!(append(&store, gone, NOW + 1, 3.0).unwrap(), Some(RejectReason::UnknownSeries));
    }
    let news = resolve(&store, &[labels("new", 1), labels("new", 2), labels("old", 0)]);
    assert!(news.iter().all(|r| *r != old && *r != unused), "slots come back under another generation");
    for series in &news {
        assert_eq!(append(&store, *series, NOW + 2, 4.0).unwrap(), None);
    }
    let found = read(&store, &[Matcher::equal("__name__", "old")], TimeRange::ALL);
    assert_eq!(found[0].1, [(NOW, 1f64.to_bits()), (NOW + 2, 4f64.to_bits())]);
    assert_eq!(store.stats(0).unwrap().head_series, 4);
}

#[test]
fn blocks_are_compacted_to_larger_ranges_and_expire() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let hour = 3_600_000;
    let start = NOW.div_euclid(18 * hour) * 18 * hour;
    fixture.clock.set_ms(start);
    let series = resolve(&store, &[labels("m", 0)])[0];
    for k in 0..36 * 6 {
        let t = start + k * hour / 6;
        fixture.clock.set_ms(t);
        assert_eq!(append(&store, series, t, k as f64).unwrap(), None);
        store.maintain().unwrap();
    }
    let blocks = store.blocks.all();
    assert!(blocks.len() < 12, "{} blocks", blocks.len());
    let longest = blocks.iter().map(|b| b.meta.range.end - b.meta.range.start).max().unwrap();
    assert!(longest > 12 * hour, "{longest}");
    assert_eq!(all(&store)[0].1.len(), 36 * 6);
    // A step of the clock is believed after a while.
    let arrive = |t: i64| {
        for t in [t - 24 * hour, t] {
            fixture.clock.set_ms(t);
            store.maintain().unwrap();
        }
    };
    arrive(start + 18 * hour + fixture.options.retention_ms);
    let left = &all(&store)[0].1;
    assert!(left.len() < 36 * 6 && left.len() >= 18 * 6, "{}", left.len());
    arrive(start + 100 * hour + fixture.options.retention_ms);
    assert_eq!(all(&store).len(), 0);
    assert_eq!(store.stats(0).unwrap().blocks, 0);
}

#[test]
fn the_oldest_blocks_go_when_there_is_too_much() {
    let mut fixture = Fixture::new();
    fixture.options.retention_bytes = Some(12_000);
    let store = fixture.open();
    let refs = resolve(&store, &(0..50).map(|i| labels("m", i)).collect::<Vec<_>>());
    for k in 0..40i64 {
        let now = NOW + k * 7_200_000;
        fixture.clock.set_ms(now);
        let v: Vec<f64> = (0..50i64).map(|i| ((i * 7919 + k * 104_729) % 99_991) as f64 / 7.0).collect();
        let batch = MetricBatch { refs: &refs, t: &[now; 50], v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap();
        store.maintain().unwrap();
    }
    let stats = store.stats(0).unwrap();
    assert!(stats.log_bytes + stats.block_bytes <= 12_000 + 5_000, "{stats:?}");
    let range = stats.block_range.unwrap();
    assert!(range.start > NOW && stats.blocks > 0, "the oldest are gone");
}

#[test]
fn the_log_takes_a_small_part_of_the_size_limit_only() {
    let mut fixture = Fixture::new();
    fixture.options.retention_bytes = Some(70 << 20);
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)]);
    let long = [7u8; 60_000];
    for k in 0..200 {
        let position = Some(Position { source: "s", position: &long });
        let batch =
            MetricBatch { refs: &series, t: &[NOW + k], v: &[1.0], position, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap();
    }
    assert!(store.stats(0).unwrap().log_bytes > 10 << 20);
    store.maintain().unwrap();
    let stats = store.stats(0).unwrap();
    assert!(stats.log_bytes < 1 << 20 && stats.block_samples == 200, "{stats:?}");
}

#[test]
fn memory_limits_refuse_with_a_reason() {
    let mut fixture = Fixture::new();
    fixture.options.max_series = 3;
    let store = fixture.open();
    let sets: Vec<Labels> = (0..5).map(|i| labels("m", i)).collect();
    let mut out = Vec::new();
    store.resolve(&Tenant::default(), &sets, &mut out).unwrap();
    assert_eq!(out.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, false, false]);

    let mut fixture = Fixture::new();
    fixture.options.budget = model::Budget::new("head", 600 << 10);
    let store = fixture.open();
    let refs = resolve(&store, &(0..2_000).map(|i| labels("m", i)).take(1_500).collect::<Vec<_>>());
    let batch = MetricBatch { refs: &refs, t: &[NOW; 1_500], v: &[1.0; 1_500], ..MetricBatch::default() };
    let appended = store.append(&Tenant::default(), batch).unwrap();
    assert!(appended.accepted < 1_500, "{}", appended.accepted);
    assert!(appended.rejected.iter().all(|r| r.reason == RejectReason::Limit));
    assert!(fixture.options.budget.used() <= 600 << 10);
    let ctx = Ctx { budget: model::Budget::new("query", 1_000), ..Ctx::unbounded() };
    let refused = store.select(&ctx, &[], TimeRange::ALL, &SelectHints::default()).err().unwrap();
    assert_eq!(refused.kind, model::ErrorKind::Limited);
}

#[test]
fn batches_are_seen_whole_while_flushes_go_on() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &(0..60).map(|i| labels("m", i)).collect::<Vec<_>>());
    // Series that never got a sample would be forgotten by the second flush.
    for series in &refs {
        append(&store, *series, NOW - 1, 0.0).unwrap();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for k in 0..300 {
                let batch = MetricBatch {
                    refs: &refs,
                    t: &[NOW + k; 60],
                    v: &[k as f64; 60],
                    ..MetricBatch::default()
                };
                assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, 60);
            }
        });
        scope.spawn(|| {
            for _ in 0..20 {
                store.flush().unwrap();
            }
        });
        scope.spawn(|| {
            let mut seen = 0;
            for _ in 0..60 {
                let found = read(&store, &[], TimeRange::new(NOW, i64::MAX));
                let counts: Vec<usize> = found.iter().map(|(_, s)| s.len()).collect();
                assert!(counts.is_empty() || counts.len() == 60, "{counts:?}");
                assert!(counts.iter().all(|c| *c == counts[0]), "{counts:?}");
                let now = counts.first().copied().unwrap_or(0);
                assert!(now >= seen, "what was seen stays");
                seen = now;
            }
        });
    });
    assert_eq!(read(&store, &[], TimeRange::new(NOW, i64::MAX))[59].1.len(), 300);
}

#[test]
fn short_memory_brings_the_flush_forward() {
    let mut fixture = Fixture::new();
    fixture.options.budget = model::Budget::new("head", 2 << 20);
    let store = fixture.open();
    let refs = resolve(&store, &(0..1_000).map(|i| labels("m", i)).collect::<Vec<_>>());
    let append_at = |k: i64| {
        let v: Vec<f64> = (0..1_000).map(|i| ((k * 7_919 + i * 104_729) % 99_991) as f64 / 7.0).collect();
        let batch = MetricBatch { refs: &refs, t: &[NOW + k; 1_000], v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap().accepted
    };
    let full = (0..2_000).find(|k| append_at(*k) < 1_000).expect("memory is limited");
    store.maintain().unwrap();
    assert!(append_at(full + 1) < 1_000, "not at once");
    fixture.clock.advance_ms(10_000);
    store.maintain().unwrap();
    assert_eq!(append_at(full + 2), 1_000);
}

#[test]
fn a_flood_of_series_is_refused_at_the_limit_and_costs_what_it_is_counted_for() {
    let budget = model::Budget::new("test", 16 << 20);
    let mut fixture = Fixture::new();
    fixture.options.budget = budget.clone();
    fixture.options.head_bytes = 8 << 20;
    let store = fixture.open();
    let (mut out, mut taken) = (Vec::new(), 0);
    for i in 0..100_000 {
        store.resolve(&Tenant::default(), &[labels("flood", i)], &mut out).unwrap();
        let Some(series) = out[0] else { break };
        if append(&store, series, NOW, 1.0).unwrap().is_some() {
            break;
        }
        taken += 1;
    }
    let each = budget.used() / taken;
    assert!((150..400).contains(&each), "{each} bytes a series");
    assert!(budget.used() <= 8 << 20, "{} bytes", budget.used());
    // What was reserved ahead may still be used up.
    for i in 100_000..110_000 {
        store.resolve(&Tenant::default(), &[labels("flood", i)], &mut out).unwrap();
    }
    assert!(store.metrics.series_refused.get() > 5_000, "refused and counted");
    assert!(
        store.head_budget().reason().contains("the series in memory"),
        "{}",
        store.head_budget().reason()
    );
    // What was taken stays, and a restart finds it, though it does not fit a smaller limit.
    drop(store);
    fixture.fs.kill();
    let again = model::Budget::new("test", 4 << 20);
    fixture.options.budget = again.clone();
    let store = fixture.open();
    assert!(store.index.read().live().len() >= taken);
    assert!(again.used() > 4 << 20, "what is held counts, {} bytes", again.used());
    store.resolve(&Tenant::default(), &[labels("more", 1)], &mut out).unwrap();
    assert_eq!(out, [None]);
}
