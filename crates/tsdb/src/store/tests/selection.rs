//! Selections of what is in memory: what they hold, and for how long it stays readable.

use std::ops::Range;

use model::{Budget, MetricAdmin};
use proptest::prelude::*;

use super::*;

const SERIES: u32 = 5;

fn fill(store: &Store, series: Range<u32>, t: i64) {
    let sets: Vec<Labels> = series.clone().map(|i| labels("m", i)).collect();
    for (i, one) in series.zip(resolve(store, &sets)) {
        append(store, one, t, f64::from(i)).unwrap();
    }
}

/// What the partitions of a selection give.
fn drain(selection: model::Selection) -> Samples {
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let (mut found, mut data) = (Vec::new(), SeriesData::default());
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            found.push((
                data.labels.clone(),
                data.t.iter().zip(&data.v).map(|(t, v)| (*t, v.to_bits())).collect(),
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_removed_stays_readable_for_those_who_began_before() {
    let store = Fixture::new().open();
    let ctx = Ctx::unbounded();
    fill(&store, 0..200, NOW);
    let before = all(&store);
    assert_eq!(before.len(), 200);
    let select = || store.select(&ctx, &[], TimeRange::ALL, &SelectHints::default()).unwrap();
    let selection = select();
    // The slots, the lists and the pairs of those that go are wanted by those that come.
    store.delete_series(&ctx, &[Matcher::equal("job", "test")], TimeRange::ALL).unwrap();
    assert_eq!(store.stats(1).unwrap().head_series, 0);
    let sets: Vec<Labels> = (0..300)
        .map(|i| Labels::from_pairs([("__name__", "new"), ("other", "y"), ("z", &i.to_string())]))
        .collect();
    for one in resolve(&store, &sets) {
        append(&store, one, NOW + 1_000, 9.0).unwrap();
    }
    let second = select();
    assert_eq!(drain(selection), before);
    assert_eq!(drain(second).iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>(), {
        let mut sets = sets.clone();
        sets.sort();
        sets
    });
    // Now nobody reads any more: places are used again.
    fill(&store, 0..50, NOW + 2_000);
    let found = all(&store);
    assert_eq!(found.len(), 350);
    assert!(
        found.iter().all(|(labels, _)| labels.metric_name() == "new" || labels.get("job") == Some("test"))
    );
}

#[test]
fn a_selection_of_memory_is_small_and_reserved_before_it_is_made() {
    let store = Fixture::new().open();
    const MANY: u64 = 20_000;
    fill(&store, 0..MANY as u32, NOW);
    let budget = Budget::new("queries", 1 << 30);
    let ctx = Ctx { budget: budget.clone(), ..Ctx::unbounded() };
    let range = TimeRange::new(NOW - 60_000, NOW);
    let selection = store.select(&ctx, &[], range, &SelectHints::default()).unwrap();
    let each = budget.used() / MANY;
    assert!((48..160).contains(&each), "{each} bytes a series");
    assert_eq!(drain(selection).len() as u64, MANY);
    assert_eq!(budget.used(), 0);
    let short = Ctx { budget: Budget::new("queries", 48 * MANY), ..Ctx::unbounded() };
    let refused = store.select(&short, &[], range, &SelectHints::default()).err().unwrap();
    assert_eq!(refused.kind, model::ErrorKind::Limited);
}

#[test]
fn a_limit_counts_series_wherever_they_are() {
    let store = Fixture::new().open();
    fill(&store, 0..10, NOW - 1_000);
    store.flush().unwrap();
    fill(&store, 5..30, NOW);
    for limit in [1, 9, 10, 11, 29] {
        let hints = SelectHints { limit, ..SelectHints::default() };
        let found = read_with(&store, &[], TimeRange::ALL, &hints);
        assert_eq!(found.len(), limit);
        assert!(found.iter().zip(found.iter().skip(1)).all(|(a, b)| a.0 != b.0));
    }
    let found = all(&store);
    assert_eq!(found.len(), 30);
    assert_eq!(found.iter().map(|(_, samples)| samples.len()).sum::<usize>(), 35);
}

#[test]
fn few_series_named_by_equality_are_little() {
    let store = Fixture::new().open();
    fill(&store, 0..100, NOW - 1_000);
    let one = [Matcher::equal("job", "test"), Matcher::equal("i", "7")];
    let range = TimeRange::new(NOW - 60_000, NOW);
    assert!(store.is_little(&one, range));
    assert!(!store.is_little(&one[..1], range), "too many");
    assert!(
        !store.is_little(&[Matcher::new("i", MatchOp::Regex, "7").unwrap()], range),
        "found by going through values"
    );
    assert!(!store.is_little(&[Matcher::equal("none", "")], range), "all that lack it");
    store.flush().unwrap();
    assert!(store.is_little(&one, range) && !store.is_little(&one[..1], range));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_newest_is_the_newest(
        steps in prop::collection::vec((0..SERIES, 0i64..400, 0u8..10), 1..300), flushes in prop::collection::vec(0usize..300, 0..3),
        ends in prop::collection::vec((0i64..400, 1i64..300), 1..8),
    ) {
        let store = Fixture::new().open();
        let refs = resolve(&store, &(0..SERIES).map(|i| labels("m", i)).collect::<Vec<_>>());
        let at = |seconds: i64| NOW - 400_000 + seconds * 1_000;
        for (n, (series, t, value)) in steps.iter().enumerate() {
            // Mostly in order, so that chunks are sealed; some come late.
            let t = if *value == 0 { *t } else { n as i64 + *t / 200 };
            append(&store, refs[*series as usize], at(t), f64::from(*value)).unwrap();
            if flushes.contains(&n) {
                store.flush().unwrap();
            }
        }
        for (end, len) in ends {
            let range = TimeRange::new(at(end - len), at(end));
            let newest = |hints: &SelectHints| -> Vec<_> {
                let found = read_with(&store, &[], range, hints);
                found.into_iter().map(|(labels, samples)| (labels, samples.last().copied())).collect()
            };
            let only = SelectHints { newest_only: true, ..SelectHints::default() };
            prop_assert_eq!(newest(&only), newest(&SelectHints::default()));
        }
    }
}
