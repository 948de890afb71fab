//! Summaries: what queries make of them is what they would make of the samples.

use model::{MetricAdmin, stale_nan};
use proptest::prelude::*;
use query::promql::{Engine, EngineOptions, QueryOutput, Value};

use super::*;
use crate::retention::{Downsampling, SeriesRetention};

mod upkeep;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// Midnight, some days before [`NOW`].
const FIRST: i64 = NOW / DAY * DAY - 6 * DAY;

/// More than the samples of any window here add up to, signs aside.
const MAGNITUDES: f64 = 4e6;

type One = (Labels, Vec<(i64, f64)>);

/// Imports history, day by day.
fn import(store: &Store, series: &[One]) {
    let last = series.iter().flat_map(|s| s.1.last()).map(|s| s.0).max().unwrap();
    for day in (FIRST..=last).step_by(DAY as usize) {
        let range = TimeRange::new(day, day + DAY - 1);
        let mut left = series.iter();
        let mut next = |out: &mut SeriesData| {
            for (labels, samples) in left.by_ref() {
                let inside = samples.iter().filter(|s| range.contains(s.0));
                out.labels = labels.clone();
                inside.for_each(|(t, v)| out.push_float(0, *t, *v));
                if !out.t.is_empty() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        store.import(range, &mut next).unwrap();
    }
}

/// A counter with resets, a gauge with gaps and stale markers, a constant: a sample in `step` or so.
fn history(days: i64, step: i64, seed: i64) -> Vec<One> {
    let mut x = seed as u64 * 2 + 1;
    let mut random = move |n: u64| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (x >> 33) % n
    };
    let (mut counter, mut gauge, mut constant) = (Vec::new(), Vec::new(), Vec::new());
    let mut total = 0.0;
    let mut quiet_until = 0;
    for t in (FIRST..FIRST + days * DAY).step_by(step as usize) {
        let t = if random(3) == 0 { t } else { t + random(50) as i64 };
        total = if random(60) == 0 { 0.0 } else { total + random(1000) as f64 / 8.0 };
        counter.push((t, total));
        if t >= quiet_until {
            match random(150) {
                0 => {
                    gauge.push((t, stale_nan()));
                    quiet_until = t + random(3 * HOUR as u64) as i64;
                }
                1 => quiet_until = t + random(2 * HOUR as u64) as i64,
                2 => gauge.push((t, f64::NAN)),
                _ => gauge.push((t, random(100_000) as f64 / 7.0 - 5_000.0)),
            }
        }
        constant.push((t, 42.0));
    }
    let mut all = vec![
        (labels("requests_total", 0), counter),
        (labels("temperature", 0), gauge),
        (labels("temperature", 1), constant),
    ];
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn maintained(store: &Store) {
    // More than one call may do at once.
    (0..12).for_each(|_| store.maintain().unwrap());
}

fn ask(store: &Store, query: &str, summaries: bool, times: (i64, i64, i64)) -> QueryOutput {
    let engine = Engine::new(EngineOptions { summaries, threads: 1, ..EngineOptions::default() });
    let (start, end, step) = times;
    engine.range(&Ctx::unbounded(), store, query, start, end, step).unwrap()
}

fn points(output: &QueryOutput) -> Vec<One> {
    let Value::Matrix(series) = &output.value else { panic!("no matrix") };
    series.iter().map(|s| (s.labels.clone(), s.points.clone())).collect()
}

/// Whether two results differ by rounding at most: `scale` is the sum of the magnitudes that went in.
fn assert_close(got: &QueryOutput, want: &QueryOutput, scale: f64, what: &str) {
    let (got, want) = (points(got), points(want));
    assert_eq!(got.len(), want.len(), "{what}: series");
    for ((a, got), (b, want)) in got.iter().zip(&want) {
        assert_eq!(a, b, "{what}");
        assert_eq!(got.len(), want.len(), "{what}: points of {a}");
        for (got, want) in got.iter().zip(want) {
            let same = got.1.is_nan() && want.1.is_nan()
                || (got.1 - want.1).abs() <= scale * 4.0 * f64::EPSILON
                || got.1.to_bits() == want.1.to_bits();
            assert!(got.0 == want.0 && same, "{what}: {got:?} instead of {want:?} in {a}");
        }
    }
}

const ROUNDED: [&str; 6] = [
    "rate(requests_total[W])",
    "increase(requests_total[W])",
    "delta(temperature[W])",
    "sum_over_time(temperature[W])",
    "avg_over_time(temperature[W])",
    "sum by (job) (rate(requests_total[W]))",
];

const EXACT: [&str; 9] = [
    "min_over_time(temperature[W])",
    "max_over_time(temperature[W])",
    "count_over_time(temperature[W])",
    "first_over_time(temperature[W])",
    "last_over_time(temperature[W])",
    "present_over_time(temperature[W])",
    "absent_over_time(nothing[W])",
    "temperature",
    "timestamp(temperature)",
];

fn built(seed: i64) -> (Fixture, Store) {
    let fixture = Fixture::new();
    let store = fixture.open();
    import(&store, &history(5, 60_000, seed));
    maintained(&store);
    (fixture, store)
}

fn tier_blocks(store: &Store) -> Vec<(i64, u64)> {
    store.tier_sizes().iter().map(|tier| (tier.resolution, tier.blocks)).collect()
}

#[test]
fn queries_use_summaries_by_themselves_and_results_stay() {
    let (fixture, store) = built(1);
    assert_eq!(
        tier_blocks(&store).iter().map(|t| (t.0, t.1 > 0)).collect::<Vec<_>>(),
        [(HOUR, true), (300_000, true)]
    );
    let times = |step: i64| (FIRST + DAY / 2, FIRST + 4 * DAY, step);
    for (window, step, want) in [
        ("1h", HOUR, vec![HOUR]),
        ("6h", 2 * HOUR, vec![HOUR]),
        ("5m", 300_000, vec![300_000]),
        ("30m", 900_000, vec![300_000]),
        ("90m", HOUR, vec![300_000]),
    ] {
        for query in ROUNDED.iter().chain(&EXACT) {
            let text = query.replace("[W]", &format!("[{window}]"));
            let want_output = ask(&store, &text, false, times(step));
            let got = ask(&store, &text, true, times(step));
            let scale = if ROUNDED.contains(query) { MAGNITUDES } else { 0.0 };
            assert_close(&got, &want_output, scale, &text);
            assert!(want_output.resolutions.is_empty() && got.infos == want_output.infos);
            if query.contains("[W]") && !query.contains("nothing") {
                assert_eq!(got.resolutions, want, "{text} at {step}");
                assert!(got.cost.samples * 3 < want_output.cost.samples, "{text}: {:?}", got.cost);
            }
        }
    }
    // What needs the samples gets them.
    for query in [
        "quantile_over_time(0.9, temperature[1h])",
        "stddev_over_time(temperature[1h])",
        "irate(requests_total[1h])",
    ] {
        assert!(ask(&store, query, true, times(HOUR)).resolutions.is_empty(), "{query}");
    }
    // ... and so does a window that begins elsewhere.
    let odd = (FIRST + DAY / 2 + 1, FIRST + 4 * DAY, 600_000);
    assert!(ask(&store, "rate(requests_total[10m])", true, odd).resolutions.is_empty());
    // One long window reads samples at its two ends only.
    let late = (FIRST + 4 * DAY + 12_345, FIRST + 4 * DAY + 12_345, 1_000);
    let (got, want) = (
        ask(&store, "increase(requests_total[4d])", true, late),
        ask(&store, "increase(requests_total[4d])", false, late),
    );
    assert!(!got.resolutions.is_empty());
    assert_close(&got, &want, MAGNITUDES, "one window");
    // A switch turns it off.
    let retention = Retention {
        downsampling: Downsampling { queries: false, ..Downsampling::default() },
        ..(*store.retention()).clone()
    };
    store.set_retention(retention);
    assert!(ask(&store, "rate(requests_total[1h])", true, times(HOUR)).resolutions.is_empty());
    // It is all there after a restart.
    let before = tier_blocks(&store);
    drop(store);
    let store = fixture.open();
    assert_eq!(tier_blocks(&store), before);
    assert_eq!(ask(&store, "rate(requests_total[1h])", true, times(HOUR)).resolutions, [HOUR]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_window_at_any_step_gives_what_the_samples_give(
        seed in 0i64..1_000, start in 0i64..300, step in prop_oneof![1i64..40, Just(5), Just(60), Just(30)],
        window in prop_oneof![1i64..300, Just(5), Just(60), Just(120)], shift in prop_oneof![3 => Just(0i64), 1 => 0i64..60_000],
        hours in 1i64..72,
    ) {
        let (_fixture, store) = built(seed);
        let start = FIRST + DAY + start * 300_000 + shift;
        let times = (start, start + hours * HOUR, step * 60_000);
        for query in ROUNDED.iter().chain(&EXACT) {
            let text = query.replace("[W]", &format!("[{window}m]"));
            let (got, want) = (ask(&store, &text, true, times), ask(&store, &text, false, times));
            assert_close(&got, &want, if ROUNDED.contains(query) { MAGNITUDES } else { 0.0 }, &text);
        }
    }
}

#[test]
fn where_samples_are_gone_summaries_answer_any_step_and_say_so() {
    let (_fixture, store) = built(2);
    let times = (FIRST + DAY, FIRST + 2 * DAY, HOUR);
    let odd = (FIRST + DAY + 100_000, FIRST + 2 * DAY, 17 * 60_000);
    let query = "increase(requests_total[1h])";
    let (aligned, before) = (ask(&store, query, false, times), ask(&store, query, false, odd));
    let plain = ask(&store, "temperature", false, odd);
    store.set_retention(Retention {
        time_ms: NOW - (FIRST + 3 * DAY),
        downsampling: Downsampling { keep_5m_ms: Some(0), keep_1h_ms: Some(0), ..Downsampling::default() },
        ..(*store.retention()).clone()
    });
    maintained(&store);
    assert!(store.oldest().unwrap() >= FIRST + 2 * DAY, "samples are gone");
    assert_close(&ask(&store, query, true, times), &aligned, MAGNITUDES, "whole spans");
    let after = ask(&store, query, true, odd);
    assert!(after.infos.iter().any(|i| i.contains("deleted for their age")), "{:?}", after.infos);
    let (after, before) = (points(&after), points(&before));
    assert_eq!(after[0].1.len(), before[0].1.len());
    // Windows move by half a span at most, which here is a twelfth of them, so that most of what they saw is the same.
    let sum = |all: &[One]| all[0].1.iter().map(|p| p.1).sum::<f64>();
    assert!((sum(&after) / sum(&before) - 1.0).abs() < 0.1, "{} {}", sum(&after), sum(&before));
    // Also where the switch is off, and where a function needs samples.
    assert!(!points(&ask(&store, query, false, odd)).is_empty());
    assert!(!points(&ask(&store, "quantile_over_time(0.5, temperature[1h])", true, odd)).is_empty());
    let left: usize = points(&ask(&store, "temperature", true, odd)).iter().map(|s| s.1.len()).sum();
    let were: usize = points(&plain).iter().map(|s| s.1.len()).sum();
    assert!(left * 10 >= were * 9, "{left} of {were}");
    let listed =
        store.label_values(&Ctx::unbounded(), "__name__", &[], TimeRange::new(times.0, times.1), 0).unwrap();
    assert_eq!(listed.items, ["requests_total", "temperature"]);
}

#[test]
fn where_only_spans_of_an_hour_are_left_plain_selectors_have_no_holes() {
    let (_fixture, store) = built(10);
    let odd = (FIRST + DAY + 100_000, FIRST + 2 * DAY, 17 * 60_000);
    let queries =
        ["temperature{i=\"1\"}", "count(temperature{i=\"1\"})", "timestamp(temperature{i=\"1\"}) > 0"];
    let before = queries.map(|query| points(&ask(&store, query, false, odd))[0].1.len());
    store.set_retention(Retention {
        time_ms: NOW - (FIRST + 3 * DAY),
        downsampling: Downsampling { keep_5m_ms: Some(1), keep_1h_ms: Some(0), ..Downsampling::default() },
        ..(*store.retention()).clone()
    });
    maintained(&store);
    assert!(store.oldest().unwrap() >= FIRST + 2 * DAY, "samples are gone");
    assert_eq!(queries.map(|query| points(&ask(&store, query, true, odd))[0].1.len()), before);
    // However many windows cut them, spans are read at one go.
    let hint = model::DigestHint {
        cuts: model::Cuts { start: odd.0, step: odd.2, len: 80, window: 0 },
        need: model::Need::Newest,
    };
    let hints = SelectHints { summary: Some(hint), ..SelectHints::default() };
    let plan = store.tier_plan(TimeRange::new(odd.0, odd.1), &hints, &[]).unwrap();
    assert!(plan.parts.iter().all(|part| part.exact.len() + part.fill.len() <= 1));
}

#[test]
fn late_samples_count_at_once_and_summaries_are_made_anew() {
    let (fixture, store) = built(3);
    let times = (FIRST + DAY, FIRST + 3 * DAY, HOUR);
    let count = |summaries| ask(&store, "sum(count_over_time(temperature[1h]))", summaries, times);
    let before = points(&count(true));
    let late = [(labels("temperature", 7), vec![(FIRST + 2 * DAY + 1, 1.0), (FIRST + 2 * DAY + 2, 2.0)])];
    import(&store, &late);
    assert_ne!(points(&count(true)), before);
    assert_eq!(points(&count(true)), points(&count(false)));
    maintained(&store);
    assert_eq!(points(&count(true)), points(&count(false)));
    fixture.clock.set_ms(NOW + HOUR);
    maintained(&store);
    let after = count(true);
    assert_eq!(points(&after), points(&count(false)));
    assert_eq!(after.resolutions, [HOUR], "{:?}", tier_blocks(&store));
}

#[test]
fn deletions_are_seen_in_summaries() {
    let (_fixture, store) = built(4);
    let gone = [Matcher::equal("__name__", "requests_total")];
    let times = (FIRST + DAY, FIRST + 4 * DAY, HOUR);
    let check = |query: &str| {
        assert_close(&ask(&store, query, true, times), &ask(&store, query, false, times), MAGNITUDES, query);
    };
    // Part of a span, whole spans, a whole series.
    for range in [
        TimeRange::new(FIRST + 2 * DAY + 1_234_567, FIRST + 2 * DAY + 9_876_543),
        TimeRange::new(FIRST + DAY + 1, FIRST + DAY + 2 * HOUR),
    ] {
        assert_eq!(store.delete_series(&Ctx::unbounded(), &gone, range).unwrap(), 1);
        check("sum(count_over_time(requests_total[1h]))");
        maintained(&store);
        check("increase(requests_total[1h])");
        store.clean_tombstones().unwrap();
        maintained(&store);
        check("increase(requests_total[1h])");
    }
    store.delete_series(&Ctx::unbounded(), &gone, TimeRange::ALL).unwrap();
    assert!(points(&ask(&store, "increase(requests_total[1h])", true, times)).is_empty());
    let names = |store: &Store| {
        store.label_values(&Ctx::unbounded(), "__name__", &[], TimeRange::ALL, 0).unwrap().items
    };
    assert_eq!(names(&store), ["temperature"], "before anything is rewritten");
    store.clean_tombstones().unwrap();
    assert_eq!(names(&store), ["temperature"]);
    store.delete_series(&Ctx::unbounded(), &[Matcher::equal("job", "test")], TimeRange::ALL).unwrap();
    let left = store.label_names(&Ctx::unbounded(), &[], TimeRange::ALL, 0).unwrap().items;
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn blocks_of_summaries_grow_and_late_ones_stay_apart() {
    let mut fixture = Fixture::new();
    fixture.options.retention_ms = 60 * DAY;
    let store = fixture.open();
    import(&store, &history(2, 60_000, 5));
    maintained(&store);
    let few = tier_blocks(&store);
    import(&store, &[(labels("temperature", 9), (2..5).map(|d| (FIRST + d * DAY + 5, 1.0)).collect())]);
    maintained(&store);
    fixture.clock.set_ms(NOW + 70 * DAY);
    store.set_retention(Retention { time_ms: 0, ..(*store.retention()).clone() });
    maintained(&store);
    maintained(&store);
    assert!(few.iter().all(|t| t.1 > 0));
    assert!(tier_blocks(&store).iter().all(|t| t.1 <= 2), "{:?}", tier_blocks(&store));
    let times = (FIRST, FIRST + 5 * DAY, HOUR);
    let query = "count_over_time(temperature[1h])";
    let got = ask(&store, query, true, times);
    assert_close(&got, &ask(&store, query, false, times), 0.0, query);
    assert_eq!(got.resolutions, [HOUR]);
}

/// Makes summaries with a failure from operation `at` on, then a crash. Returns whether all went through.
fn crash_at(at: u64, history: &[One]) -> bool {
    let fixture = Fixture::new();
    let store = fixture.open();
    import(&store, history);
    let times = (FIRST, FIRST + 2 * DAY, HOUR);
    let query = "increase(requests_total[2h])";
    let want = ask(&store, query, false, times);
    fixture.fs.fail_from(at);
    for _ in 0..6 {
        let _ = store.maintain();
    }
    let survived = !fixture.fs.failed();
    drop(store);
    fixture.fs.crash();
    let store = fixture.open();
    assert!(store.warnings().is_empty(), "{:?}, failure at {at}", store.warnings());
    assert_close(&ask(&store, query, true, times), &want, MAGNITUDES, &format!("failure at {at}"));
    maintained(&store);
    let after = ask(&store, query, true, times);
    assert_eq!(after.resolutions, [HOUR], "failure at {at}");
    assert_close(&after, &want, MAGNITUDES, &format!("made after a failure at {at}"));
    survived
}

#[test]
fn a_crash_at_any_operation_leaves_summaries_whole_or_none() {
    let history = history(2, 600_000, 6);
    assert!((0..2_000).any(|at| crash_at(at, &history)));
}

#[test]
fn series_are_kept_as_long_as_their_rule_says() {
    let fixture = Fixture::new();
    let store = fixture.open();
    import(&store, &history(5, 600_000, 7));
    let rule = |name: &str, days: i64| SeriesRetention {
        matchers: vec![Matcher::equal("__name__", name)],
        time_ms: days * DAY,
    };
    let age = NOW - FIRST;
    let oldest = |name: &str| {
        read(&store, &[Matcher::equal("__name__", name)], TimeRange::ALL)
            .iter()
            .flat_map(|s| s.1.first())
            .map(|s| s.0)
            .min()
    };
    // One shorter than all others, one longer.
    store.set_retention(Retention {
        time_ms: age - 2 * DAY,
        series: vec![rule("temperature", 3), rule("requests_total", 30)],
        ..(*store.retention()).clone()
    });
    maintained(&store);
    assert_eq!(oldest("requests_total").unwrap() / DAY * DAY, FIRST, "longer than the others");
    assert!(oldest("temperature").unwrap() >= NOW - 3 * DAY - DAY / 2, "shorter");
    let blocks = |store: &Store| store.blocks.all().iter().map(|b| b.name.clone()).collect::<Vec<_>>();
    let before = blocks(&store);
    maintained(&store);
    assert_eq!(blocks(&store), before, "nothing is rewritten again and again");
    // A step of the clock is believed after a day.
    fixture.clock.set_ms(NOW + 40 * DAY);
    maintained(&store);
    fixture.clock.set_ms(NOW + 42 * DAY);
    maintained(&store);
    assert!(all(&store).is_empty() && blocks(&store).is_empty());
}

#[test]
fn over_the_limit_the_oldest_samples_go_and_summaries_keep_their_share() {
    let (_fixture, store) = built(8);
    let samples: u64 = store.blocks.all().iter().map(|b| b.bytes).sum();
    let limit = store.log.bytes().unwrap() + samples * 2 / 3;
    assert!(store.tiers.bytes() > limit / 4);
    store.set_retention(Retention { bytes: limit, ..(*store.retention()).clone() });
    let first = store.oldest().unwrap();
    store.maintain().unwrap();
    let used = store.blocks.all().iter().map(|b| b.bytes).sum::<u64>() + store.tiers.bytes();
    assert!(used + store.log.bytes().unwrap() <= limit);
    assert!(store.oldest().unwrap() > first);
    assert!(store.tiers.bytes() <= limit / 4);
}

#[test]
fn without_a_limit_the_file_system_is_not_filled() {
    const CAPACITY: u64 = 8 << 20;
    let mut fixture = Fixture::new();
    fixture.options.retention_bytes = None;
    fixture.options.retention_ms = 10 * DAY;
    fixture.fs.set_capacity(CAPACITY);
    let store = fixture.open();
    assert_eq!(store.retention().bytes, CAPACITY / 5 * 4);
    let mut x = 1u64;
    for day in 0..6 {
        let mut samples = Vec::new();
        for t in (FIRST + day * DAY..FIRST + (day + 1) * DAY).step_by(500) {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            samples.push((t, (x >> 11) as f64));
        }
        import(&store, &[(labels("noise", day as u32), samples)]);
        store.maintain().unwrap();
        let used = disk::space::used_bytes(&fixture.fs, Path::new("/data")).unwrap();
        assert!(used <= CAPACITY / 5 * 4, "day {day}: {used} of {CAPACITY}");
    }
    assert!(store.oldest().unwrap() > FIRST, "the oldest went");
    let newest = read(&store, &[Matcher::equal("i", "5")], TimeRange::ALL);
    assert_eq!(newest[0].1.len(), 172_800, "the newest is there");
}

#[test]
fn native_histograms_are_read_from_samples_while_there_are_any() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let one = |t: i64, count: f64| {
        let buckets = vec![count];
        let positive_spans = vec![model::Span { offset: 0, length: 1 }];
        (
            t,
            model::Histogram {
                count,
                sum: count,
                positive_spans,
                positive_buckets: buckets,
                ..Default::default()
            },
        )
    };
    let histograms: Vec<_> = (0..2 * 1440).map(|m| one(FIRST + m * 60_000, (m % 700) as f64)).collect();
    let range = TimeRange::new(FIRST, FIRST + 2 * DAY - 1);
    let mut given = false;
    let mut next = |out: &mut SeriesData| {
        out.labels = labels("latency", 0);
        out.histograms = histograms.clone();
        Ok(!std::mem::replace(&mut given, true))
    };
    store.import(range, &mut next).unwrap();
    let times = (FIRST + DAY / 2, FIRST + 3 * DAY / 2, HOUR);
    let query = "histogram_count(increase(latency[2h]))";
    maintained(&store);
    let (got, want) = (ask(&store, query, true, times), ask(&store, query, false, times));
    assert!(got.resolutions.is_empty() && !points(&want).is_empty());
    assert_close(&got, &want, 0.0, query);
    store.set_retention(Retention {
        time_ms: NOW - (FIRST + 3 * DAY),
        downsampling: Downsampling { keep_5m_ms: Some(0), keep_1h_ms: Some(0), ..Downsampling::default() },
        ..(*store.retention()).clone()
    });
    maintained(&store);
    assert_eq!(store.oldest(), None);
    let left = ask(&store, query, true, times);
    let total = |o: &QueryOutput| points(o)[0].1.iter().map(|p| p.1).sum::<f64>();
    assert!((total(&left) / total(&want) - 1.0).abs() < 0.05, "{} {}", total(&left), total(&want));
}
