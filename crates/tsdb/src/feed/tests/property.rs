//! What was accepted after the follower began is what it returns, in order within each series, whatever happens.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Series.
    Append(Vec<u32>),
    Flush,
    Kill,
    /// Read up to so many at once, and acknowledge.
    Read(usize),
    /// Read and do not acknowledge.
    Peek(usize),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec(0u32..6, 1..20).prop_map(Step::Append),
        3 => Just(Step::Flush),
        1 => Just(Step::Kill),
        4 => (1usize..40).prop_map(Step::Read),
        2 => (1usize..40).prop_map(Step::Peek),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_follower_returns_what_was_accepted(steps in steps()) {
        let mut fixture = Fixture::new();
        fixture.options.out_of_order_ms = 365 * 86_400_000;
        let mut store = fixture.open();
        let mut follower = store.follow("f", u64::MAX).unwrap();
        let (mut want, mut got) = (Got::new(), Got::new());
        let mut number = 0i64;
        let mut batch = FeedBatch::default();
        for step in steps {
            match step {
                Step::Append(samples) => for i in samples {
                    // Each time once, many of them late.
                    let (set, t) = (labels("m", i), NOW - number * 7_919 % 100_000);
                    number += 1;
                    let series = resolve(&store, std::slice::from_ref(&set))[0];
                    append(&store, series, t, f64::from(i)).unwrap();
                    want.entry(set).or_default().push((t, f64::from(i).to_bits()));
                },
                Step::Flush => store.flush().unwrap(),
                Step::Kill => {
                    drop(follower);
                    drop(store);
                    fixture.fs.kill();
                    store = fixture.open();
                    follower = store.follow("f", u64::MAX).unwrap();
                }
                Step::Reopen => {
                    drop(follower);
                    follower = store.follow("f", u64::MAX).unwrap();
                }
                Step::Read(max) => {
                    follower.next(max, &mut batch).unwrap();
                    take(&batch, &mut got);
                    follower.acknowledge(batch.position).unwrap();
                }
                Step::Peek(max) => {
                    follower.next(max, &mut batch).unwrap();
                    drop(follower);
                    follower = store.follow("f", u64::MAX).unwrap();
                }
            }
        }
        drain(&mut *follower, 7, &mut got);
        prop_assert_eq!(got, want);
        prop_assert_eq!(store.metrics().feed_orphans.get(), 0);
        store.maintain().unwrap();
        prop_assert_eq!(kept(&fixture), Vec::<PathBuf>::new());
    }
}
