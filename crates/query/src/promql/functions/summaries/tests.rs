use model::{Coarse, Ctx, Cuts};
use proptest::prelude::*;

use super::*;
use crate::promql::annotations::Notes;
use crate::promql::ast::Span;
use crate::promql::eval::Steps;

const SPAN: i64 = 100;

fn kernels() -> Vec<Kernel> {
    vec![
        Kernel::Rate { counter: true, per_second: true },
        Kernel::Rate { counter: true, per_second: false },
        Kernel::Rate { counter: false, per_second: false },
        Kernel::Sum,
        Kernel::Avg,
        Kernel::Count,
        Kernel::Present,
        Kernel::Min,
        Kernel::Max,
        Kernel::First,
        Kernel::Last,
        Kernel::TimeOfFirst,
        Kernel::TimeOfLast,
    ]
}

/// Only what a kernel asks for: what it did not ask for must not matter.
fn only(mut s: Digest, fields: Fields) -> Digest {
    if !fields.first {
        (s.first, s.first_t) = (0.0, 0);
    }
    if !fields.last && !fields.resets {
        (s.last, s.last_t) = (0.0, 0);
    }
    if !fields.count {
        s.count = 0;
    }
    for (wanted, value) in [
        (fields.sum, &mut s.sum),
        (fields.min, &mut s.min),
        (fields.max, &mut s.max),
        (fields.resets, &mut s.resets),
    ] {
        if !wanted {
            *value = 0.0;
        }
    }
    s
}

fn summarize(samples: &[(i64, f64)], from: i64, end: i64) -> Digest {
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let numbers = || samples.iter().map(|s| s.1).filter(|v| !v.is_nan());
    Digest {
        from,
        end,
        first_t: first.0,
        first: first.1,
        last_t: last.0,
        last: last.1,
        count: samples.len() as u64,
        sum: samples.iter().map(|s| s.1).sum(),
        min: numbers().fold(f64::NAN, f64::min),
        max: numbers().fold(f64::NAN, f64::max),
        resets: samples.windows(2).filter(|w| w[1].1 < w[0].1).map(|w| w[0].1).sum(),
    }
}

/// Spans that no window cuts become summaries where `choose` says so.
fn downsampled(samples: &[(i64, f64)], cuts: Cuts, fields: Fields, choose: &[bool]) -> Run {
    let mut run = Run::default();
    for part in samples.chunk_by(|a, b| (a.0 - 1).div_euclid(SPAN) == (b.0 - 1).div_euclid(SPAN)) {
        let from = (part[0].0 - 1).div_euclid(SPAN) * SPAN;
        let chosen = choose[(from / SPAN) as usize % choose.len()];
        if chosen && !cuts.each().any(|cut| from < cut && cut < from + SPAN) {
            run.summaries.push(only(summarize(part, from, from + SPAN), fields));
        } else {
            run.t.extend(part.iter().map(|s| s.0));
            run.v.extend(part.iter().map(|s| s.1));
        }
    }
    run
}

fn over(kernel: &Kernel, run: &Run, plan: &Plan<'_>) -> Vec<Option<f64>> {
    let notes = Notes::default();
    let site = Site { notes: &notes, span: Span::new(0, 1), first_arg: Span::new(0, 1), metric: "m" };
    let cells = match run.summaries.is_empty() {
        true => kernel.over_floats(run, plan, &site),
        false => kernel.over_summaries(run, plan, &site),
    };
    (0..plan.steps.len).map(|i| cells.as_ref().and_then(|c| c.float(i))).collect()
}

fn close(a: Option<f64>, b: Option<f64>, scale: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_nan() && b.is_nan() || a == b || (a - b).abs() <= 1e-12 * scale,
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0u32..1000).prop_map(f64::from),
        4 => -1e6..1e6f64,
        1 => Just(f64::NAN),
    ]
}

proptest! {
    #[test]
    fn of_whole_spans_the_result_is_that_of_the_samples(
        gaps in prop::collection::vec((1i64..60, values(), any::<bool>()), 1..120),
        start in 0i64..400, step in prop_oneof![Just(100i64), Just(300), 1i64..500], len in 1usize..12,
        range in prop_oneof![Just(100i64), Just(400), 1i64..900],
        choose in prop::collection::vec(any::<bool>(), 1..8),
        climbing in any::<bool>(),
    ) {
        let (mut t, mut total) = (0, 0.0);
        let samples: Vec<(i64, f64)> = gaps.iter().map(|(gap, v, reset)| {
            t += gap;
            total = if *reset && *gap == 1 { 0.0 } else { total + v.abs() };
            (t, if climbing { total } else { *v })
        }).collect();
        let ctx = Ctx::unbounded();
        let steps = Steps { start, step, len };
        let plan = Plan { steps, ends: steps, range, ctx: &ctx };
        let cuts = Cuts { start, step, len, window: range };
        let scale: f64 = samples.iter().map(|s| s.1.abs()).filter(|v| !v.is_nan()).sum::<f64>() + 1.0;
        for kernel in kernels() {
            // A run remembers what it found out for one function.
            let plain = Run {
                t: samples.iter().map(|s| s.0).collect(),
                v: samples.iter().map(|s| s.1).collect(),
                ..Run::default()
            };
            let fewer = downsampled(&samples, cuts, kernel.fields().unwrap(), &choose);
            let (want, got) = (over(&kernel, &plain, &plan), over(&kernel, &fewer, &plan));
            let rounded = matches!(kernel, Kernel::Rate { .. } | Kernel::Sum | Kernel::Avg);
            for (want, got) in want.into_iter().zip(got) {
                // Increases are stretched to their windows, which rounding errors are, too.
                let scale = if rounded { scale * 1000.0 } else { 0.0 };
                prop_assert!(close(want, got, scale), "{:?}: {:?} instead of {:?}", kernel, got, want);
            }
        }
    }
}

#[test]
fn where_samples_are_gone_windows_move_to_the_nearest_border() {
    let samples: Vec<(i64, f64)> = (1..=50).map(|i| (i * 10, (i * 10) as f64)).collect();
    let spans: Vec<Digest> = samples.chunks(10).map(|p| summarize(p, p[0].0 - 10, p[9].0)).collect();
    let coarse = Some(Coarse { until: 500, resolution: SPAN });
    let run = Run { summaries: spans, coarse, ..Run::default() };
    let ctx = Ctx::unbounded();
    let at = |ends: i64, range: i64, kernel: Kernel| {
        let steps = Steps::at(ends);
        over(&kernel, &run, &Plan { steps, ends: steps, range, ctx: &ctx })[0]
    };
    // (140, 260] is nearest to (100, 300].
    assert_eq!(at(260, 120, Kernel::Max), Some(300.0));
    assert_eq!(at(260, 120, Kernel::Count), Some(20.0));
    // (160, 240] lies within (100, 200] and (200, 300]; of neither is the middle in it, it ends in the second.
    assert_eq!(at(240, 80, Kernel::Max), Some(300.0));
    // One a millisecond, however long the window.
    for (end, range) in [(260, 120), (240, 80), (333, 7), (500, 500)] {
        let rate = at(end, range, Kernel::Rate { counter: true, per_second: true }).unwrap();
        assert!((rate - 1000.0).abs() < 1e-9, "{rate}");
        let increase = at(end, range, Kernel::Rate { counter: true, per_second: false }).unwrap();
        assert!((increase - range as f64).abs() < 1e-9, "{increase} over {range}");
    }
    assert_eq!(at(900, 50, Kernel::Max), None);
}
