//! The store against a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Series, seconds before now, value.
    Append(Vec<(u32, i64, u8)>),
    Flush,
    /// Hours pass, so that windows close and are compacted.
    Maintain,
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Close times make duplicates and late samples frequent; a wide range makes many windows.
    let time = prop_oneof![0i64..200, 0i64..40_000];
    let step = prop_oneof![
        8 => prop::collection::vec((0u32..5, time, 0u8..4), 1..40).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Maintain),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..25)
}

/// Values that codecs like to lose.
fn value(kind: u8) -> f64 {
    match kind {
        0 => 1.25,
        1 => -0.0,
        2 => model::stale_nan(),
        _ => f64::from_bits(0x7ff8_dead_beef_0001),
    }
}

type Model = BTreeMap<Labels, BTreeMap<i64, u64>>;

fn check_append(store: &Store, model: &mut Model, samples: &[(u32, i64, u8)]) {
    let sets: Vec<Labels> = samples.iter().map(|(s, ..)| labels("m", *s)).collect();
    let refs = resolve(store, &sets);
    let t: Vec<i64> = samples.iter().map(|(_, s, _)| NOW - s * 1_000).collect();
    let v: Vec<f64> = samples.iter().map(|(.., k)| value(*k)).collect();
    let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
    let appended = store.append(&Tenant::default(), batch).unwrap();
    assert_eq!(appended.accepted + appended.rejected.len(), samples.len());
    for (index, set) in sets.iter().enumerate() {
        let known = model.entry(set.clone()).or_default();
        let refused = appended.rejected.iter().find(|r| r.index == index);
        if let Some(refused) = refused {
            assert_eq!(refused.reason, RejectReason::Duplicate);
            assert!(known.contains_key(&t[index]), "only a time that is there is refused");
        }
        known.entry(t[index]).or_insert(v[index].to_bits());
    }
}

fn inside(model: &Model, range: TimeRange) -> Samples {
    let cut = |m: &BTreeMap<i64, u64>| {
        m.iter().filter(|(t, _)| range.contains(**t)).map(|(t, v)| (*t, *v)).collect()
    };
    let all = model.iter().map(|(l, m)| (l.clone(), cut(m)));
    all.filter(|(_, samples): &(Labels, Vec<_>)| !samples.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_holds_what_a_map_holds(steps in steps(), from in 0i64..45_000, len in 0i64..45_000) {
        let mut fixture = Fixture::new();
        fixture.options.out_of_order_ms = 365 * 86_400_000;
        let mut store = fixture.open();
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Append(samples) => check_append(&store, &mut model, &samples),
                Step::Flush => store.flush().unwrap(),
                Step::Maintain => {
                    fixture.options.out_of_order_ms = 0; // windows close at once
                    fixture.clock.advance_ms(3 * 3_600_000);
                    store.maintain().unwrap();
                }
                Step::Kill => {
                    drop(store);
                    fixture.fs.kill();
                    fixture.options.out_of_order_ms = 365 * 86_400_000;
                    store = fixture.open();
                }
            }
            prop_assert_eq!(all(&store), inside(&model, TimeRange::ALL));
        }
        let range = TimeRange::new(NOW - from * 1_000, NOW - from * 1_000 + len * 1_000);
        prop_assert_eq!(read(&store, &[], range), inside(&model, range));
        let one = [Matcher::equal("i", "2")];
        let want: Vec<_> = inside(&model, range).into_iter().filter(|(l, _)| l.get("i") == Some("2")).collect();
        prop_assert_eq!(read(&store, &one, range), want);
    }
}
