use model::Ctx;
use proptest::prelude::*;

use super::*;

/// Window by window, as the definition has it.
fn one_by_one(run: &Run, plan: &Plan<'_>, counter: bool, per_second: bool) -> Vec<Option<u64>> {
    let cells = windows(run, plan, |w| {
        let (first, last) = (w.v[0], w.v[w.v.len() - 1]);
        let mut increase = last - first;
        for pair in w.v.windows(2).filter(|pair| counter && pair[1] < pair[0]) {
            increase += pair[0];
        }
        let shape =
            Shape { start: w.start, end: w.end, first: w.t[0], last: w.t[w.t.len() - 1], count: w.v.len() };
        let factor = shape.extension(None, counter.then_some(first), increase)?;
        let divided = if per_second { factor / (plan.range as f64 / 1000.0) } else { factor };
        Some(increase * divided)
    });
    bits(cells, plan.steps.len)
}

fn bits(cells: Option<Cells>, len: usize) -> Vec<Option<u64>> {
    (0..len).map(|i| cells.as_ref().and_then(|c| c.float(i)).map(f64::to_bits)).collect()
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        10 => (0u32..50).prop_map(f64::from),
        4 => -1e3..1e9f64,
        1 => prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX]),
    ]
}

proptest! {
    #[test]
    fn the_quick_way_gives_the_bits_of_the_plain_one(
        series in prop::collection::vec(prop::collection::vec((1i64..40, value()), 0..60), 1..4),
        same_times in any::<bool>(), climbing in any::<bool>(),
        start in -50i64..500, step in 1i64..90, len in 1usize..20, range in 1i64..300, fixed in any::<bool>(),
    ) {
        let ctx = Ctx::unbounded();
        let steps = Steps { start, step, len };
        let ends = if fixed { Steps::at(start + 100) } else { steps };
        let plan = Plan { steps, ends, range, ctx: &ctx };
        // Buffers go from series to series; what is kept in them must not matter.
        let mut run = Run::default();
        for (counter, per_second) in [(true, true), (true, false), (false, false)] {
            for samples in &series {
                let gaps = if same_times { &series[0] } else { samples };
                let (mut t, mut total) = (0, 0.0);
                run.t = gaps.iter().map(|(gap, _)| { t += gap; t }).collect();
                run.v = samples.iter().map(|(_, v)| {
                    total = if climbing && *v > 1.0 { total + v } else { *v };
                    total
                }).collect();
                let most = run.t.len().min(run.v.len());
                run.t.truncate(most);
                run.v.truncate(most);
                let quick = plain(&run, &plan, counter, per_second);
                prop_assert_eq!(bits(quick, len), one_by_one(&run, &plan, counter, per_second));
            }
        }
    }
}
