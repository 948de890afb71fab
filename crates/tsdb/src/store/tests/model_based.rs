//! The store against a map: writes of every kind, out of order and repeated, deletions, flushes, compactions, snapshots
//! and restarts in any order; whatever is read must be what the map holds.

use model::{Histogram, HistogramSample, MetricAdmin};
use proptest::prelude::*;

use super::rich::{Rich, Value, encoded, histogram, read_rich};
use super::*;

const SERIES: u32 = 4;
const FOREVER: i64 = 365 * 86_400_000;

#[derive(Debug, Clone)]
enum Step {
    /// Series, seconds before now, start, kind of value.
    Append(Vec<(u32, i64, i64, u8)>),
    /// Series, seconds before now, seconds long.
    Delete(u32, i64, i64),
    Flush,
    Clean,
    /// Hours pass, so that windows close and are compacted.
    Maintain,
    Snapshot,
    Kill,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Close times make duplicates and late samples frequent; a wide range makes many windows.
    let time = prop_oneof![0i64..200, 0i64..40_000];
    let start = prop_oneof![3 => Just(0i64), 1 => 1i64..4];
    let step = prop_oneof![
        10 => prop::collection::vec((0..SERIES, time.clone(), start, 0u8..16), 1..60).prop_map(Step::Append),
        3 => (0..=SERIES, time, prop_oneof![0i64..100, 0i64..20_000])
            .prop_map(|(series, from, len)| Step::Delete(series, from, len)),
        2 => Just(Step::Flush),
        1 => Just(Step::Clean),
        1 => Just(Step::Maintain),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..30)
}

/// Values that codecs like to lose among them.
fn float(kind: u8) -> f64 {
    match kind {
        8 => model::stale_nan(),
        9 => -0.0,
        10 => f64::from_bits(0x7ff8_dead_beef_0001),
        _ => f64::from(kind) / 4.0,
    }
}

fn value(kind: u8) -> Value {
    if kind >= 8 { Value::Float(float(kind).to_bits()) } else { encoded(&histogram(kind)) }
}

fn at(seconds: i64) -> i64 {
    NOW - seconds * 1_000
}

/// Of each group of samples the floats come first.
fn append_checked(store: &Store, map: &mut Rich, samples: &[(u32, i64, i64, u8)]) {
    let (floats, histograms): (Vec<_>, Vec<_>) = samples.iter().copied().partition(|s| s.3 >= 8);
    let sets: Vec<Labels> = floats.iter().chain(&histograms).map(|s| labels("m", s.0)).collect();
    let refs = resolve(store, &sets);
    let (float_refs, histogram_refs) = refs.split_at(floats.len());
    let values: Vec<Histogram> = histograms.iter().map(|s| histogram(s.3)).collect();
    let rich: Vec<HistogramSample> = histograms
        .iter()
        .zip(histogram_refs.iter().zip(&values))
        .map(|(s, (series, value))| HistogramSample { series: *series, t: at(s.1), start: s.2, value })
        .collect();
    let batch = MetricBatch {
        refs: float_refs,
        t: &floats.iter().map(|s| at(s.1)).collect::<Vec<_>>(),
        v: &floats.iter().map(|s| float(s.3)).collect::<Vec<_>>(),
        start: &floats.iter().map(|s| s.2).collect::<Vec<_>>(),
        histograms: &rich,
        position: None,
        rising: 0,
    };
    let appended = store.append(&Tenant::default(), batch).unwrap();
    assert_eq!(appended.accepted + appended.rejected.len(), samples.len());
    for (index, ((_, seconds, start, kind), set)) in floats.iter().chain(&histograms).zip(&sets).enumerate() {
        let known = map.entry(set.clone()).or_default();
        if let Some(refused) = appended.rejected.iter().find(|r| r.index == index) {
            assert_eq!(refused.reason, RejectReason::Duplicate);
            assert!(known.contains_key(&at(*seconds)), "only a time that is there is refused");
        }
        known.entry(at(*seconds)).or_insert((*start, value(*kind)));
    }
}

fn inside(map: &Rich, range: TimeRange) -> Rich {
    let cut = map.iter().map(|(labels, samples)| {
        let kept = samples.iter().filter(|(t, _)| range.contains(**t)).map(|(t, s)| (*t, s.clone()));
        (labels.clone(), kept.collect())
    });
    cut.filter(|(_, samples): &(_, std::collections::BTreeMap<_, _>)| !samples.is_empty()).collect()
}

/// All ways to read give what the map holds.
fn check_reads(store: &Store, map: &Rich, range: TimeRange) {
    let want = inside(map, range);
    assert_eq!(read_rich(store, range), want);
    let names = |m: &[Matcher]| -> Vec<Labels> {
        let hints = SelectHints { labels_only: true, ..SelectHints::default() };
        read_with(store, m, range, &hints).into_iter().map(|(labels, _)| labels).collect()
    };
    // A series whose pages reach into the range may be named; one that has a sample there must be.
    let named = names(&[]);
    assert!(want.keys().all(|labels| named.contains(labels)), "{named:?}");
    let two = [Matcher::equal("i", "2")];
    let floats = |samples: &std::collections::BTreeMap<i64, (i64, Value)>| -> Vec<(i64, u64)> {
        let of = |(t, s): (&i64, &(i64, Value))| match s.1 {
            Value::Float(bits) => Some((*t, bits)),
            Value::Histogram(_) => None,
        };
        samples.iter().filter_map(of).collect()
    };
    let wanted: Samples =
        want.iter().filter(|(l, _)| l.get("i") == Some("2")).map(|(l, s)| (l.clone(), floats(s))).collect();
    assert_eq!(read(store, &two, range), wanted);
}

fn open_snapshot(fixture: &Fixture, name: &str) -> Store {
    let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
    let dir = Path::new("/data/metrics/snapshots").join(name);
    Store::open(Arc::new(fixture.fs.clone()), &dir, fixture.options.clone(), clock).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_holds_what_a_map_holds(steps in steps(), from in 0i64..45_000, len in 0i64..45_000) {
        let mut fixture = Fixture::new();
        fixture.options.out_of_order_ms = FOREVER;
        let mut store = fixture.open();
        let mut map = Rich::new();
        let mut snapshots: Vec<(String, Rich)> = Vec::new();
        for step in steps {
            match step {
                Step::Append(samples) => append_checked(&store, &mut map, &samples),
                Step::Delete(series, from, len) => {
                    let range = TimeRange::new(at(from), at(from - len));
                    let matchers = [Matcher::equal("i", series.to_string())];
                    store.delete_series(&Ctx::unbounded(), &matchers, range).unwrap();
                    if let Some(samples) = map.get_mut(&labels("m", series)) {
                        samples.retain(|t, _| !range.contains(*t));
                    }
                }
                Step::Flush => store.flush().unwrap(),
                Step::Clean => store.clean_tombstones().unwrap(),
                Step::Maintain => {
                    store.set_out_of_order(0); // windows close at once
                    fixture.clock.advance_ms(3 * 3_600_000);
                    store.maintain().unwrap();
                    store.set_out_of_order(FOREVER);
                }
                Step::Snapshot => {
                    let name = store.snapshot(false).unwrap();
                    prop_assert_eq!(read_rich(&open_snapshot(&fixture, &name), TimeRange::ALL), inside(&map, TimeRange::ALL));
                    snapshots.push((name, map.clone()));
                }
                Step::Kill => {
                    drop(store);
                    fixture.fs.kill();
                    store = fixture.open();
                }
                Step::Restart => {
                    store.close().unwrap();
                    drop(store);
                    store = fixture.open();
                }
            }
            prop_assert_eq!(read_rich(&store, TimeRange::ALL), inside(&map, TimeRange::ALL));
        }
        check_reads(&store, &map, TimeRange::ALL);
        check_reads(&store, &map, TimeRange::new(at(from), at(from - len)));
        for (name, then) in snapshots {
            prop_assert_eq!(read_rich(&open_snapshot(&fixture, &name), TimeRange::ALL), inside(&then, TimeRange::ALL));
        }
    }
}
