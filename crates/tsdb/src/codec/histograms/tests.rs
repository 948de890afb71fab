use model::ResetHint;
use proptest::prelude::*;

use super::*;
use crate::codec::{put_histogram, read_histogram};

/// Spans and buckets of one side.
fn side() -> impl Strategy<Value = (Vec<Span>, Vec<f64>)> {
    let count = prop_oneof![
        6 => (0u32..2_000).prop_map(f64::from),
        1 => any::<f64>().prop_map(f64::abs),
        1 => Just(0.1),
    ];
    let span = (0i32..5, 0u32..4);
    (-8i32..8, prop::collection::vec(span, 0..4)).prop_flat_map(move |(first, spans)| {
        let mut spans: Vec<Span> =
            spans.into_iter().map(|(offset, length)| Span { offset, length }).collect();
        if let Some(span) = spans.first_mut() {
            span.offset = first;
        }
        let n: u32 = spans.iter().map(|s| s.length).sum();
        (Just(spans), prop::collection::vec(count.clone(), n as usize))
    })
}

prop_compose! {
    fn exponential()(
        hint in 0u8..4, schema in -1i32..2, zero_threshold in prop_oneof![Just(0.0), Just(0.001)],
        zero in 0u32..9, extra in prop_oneof![8 => Just(0.0), 1 => Just(1.0), 1 => Just(f64::NAN)],
        sum in prop_oneof![any::<f64>(), Just(model::stale_nan()), Just(-0.0)],
        (positive_spans, positive_buckets) in side(), (negative_spans, negative_buckets) in side(),
    ) -> Histogram {
        let mut h = Histogram {
            reset_hint: hint_of(hint), schema, zero_threshold, zero_count: f64::from(zero), count: 0.0, sum,
            positive_spans, positive_buckets, negative_spans, negative_buckets, custom_values: Vec::new(),
        };
        h.count = total(&h) + extra;
        h
    }
}

prop_compose! {
    fn custom()(h in exponential(), bounds in prop::collection::vec(-100i32..100, 30)) -> Histogram {
        let mut bounds: Vec<f64> = bounds.into_iter().map(|b| f64::from(b) / 8.0).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let n = h.positive_buckets.len().min(bounds.len()) as u32;
        Histogram {
            schema: model::histogram::CUSTOM_SCHEMA,
            zero_threshold: 0.0,
            zero_count: 0.0,
            positive_spans: vec![Span { offset: 0, length: n }],
            positive_buckets: h.positive_buckets[..n as usize].to_vec(),
            negative_spans: Vec::new(),
            negative_buckets: Vec::new(),
            custom_values: bounds,
            ..h
        }
    }
}

/// Any histogram that may be stored.
pub(crate) fn histogram() -> impl Strategy<Value = Histogram> {
    prop_oneof![4 => exponential(), 1 => custom()].prop_filter("contradicts itself", |h| h.check().is_ok())
}

/// A form in which all bits count.
fn bits(h: &Histogram) -> Vec<u8> {
    let mut out = Vec::new();
    put_histogram(&mut out, h);
    out
}

fn round_trip(histograms: &[Histogram], effort: Effort) {
    let (mut from, mut back) = (0, Vec::new());
    while from < histograms.len() {
        let n = run_length(histograms[from..].iter());
        let run: Vec<&Histogram> = histograms[from..from + n].iter().collect();
        let mut out = Vec::new();
        encode_histograms(&run, effort, &mut out).unwrap();
        decode_histograms(&out, n, &mut |h| back.push(h)).unwrap();
        from += n;
    }
    let all = |list: &[Histogram]| list.iter().map(bits).collect::<Vec<_>>();
    assert_eq!(all(&back), all(histograms));
}

proptest! {
    #[test]
    fn one_comes_back_with_all_its_bits(h in histogram()) {
        let out = bits(&h);
        let back = read_histogram(&mut Reader::new(&out)).unwrap();
        prop_assert_eq!(bits(&back), out);
        prop_assert_eq!(back.positive_buckets.iter().map(|b| b.to_bits()).collect::<Vec<_>>(),
            h.positive_buckets.iter().map(|b| b.to_bits()).collect::<Vec<_>>());
        prop_assert_eq!((back.sum.to_bits(), back.count.to_bits()), (h.sum.to_bits(), h.count.to_bits()));
        prop_assert_eq!((back.positive_spans, back.negative_spans), (h.positive_spans, h.negative_spans));
        prop_assert_eq!((back.custom_values, back.reset_hint, back.schema), (h.custom_values, h.reset_hint, h.schema));
    }

    #[test]
    fn runs_of_any_histograms_come_back(run in prop::collection::vec(histogram(), 1..40)) {
        round_trip(&run, Effort::Fast);
        round_trip(&run, Effort::Thorough);
    }

    #[test]
    fn mutated_runs_are_read_or_refused(
        run in prop::collection::vec(histogram(), 1..10), at in any::<prop::sample::Index>(), with: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let refs: Vec<&Histogram> = run.iter().collect();
        let mut out = Vec::new();
        encode_histograms(&refs, Effort::Fast, &mut out).unwrap();
        let _ = decode_histograms(&out[..cut.index(out.len())], run.len(), &mut |h| drop(h));
        let at = at.index(out.len());
        out[at] = with;
        let mut count = 0;
        if decode_histograms(&out, run.len(), &mut |_| count += 1).is_ok() {
            prop_assert_eq!(count, run.len());
        }
    }
}

/// Latencies of a service as a client library counts them: `k` scrapes in, some 60 buckets, most of them rarely hit.
fn growing(k: u64) -> Histogram {
    let buckets: Vec<f64> = (0..60u64)
        .map(|b| {
            let rate = 4_000 / (1 + (b as i64 - 25).unsigned_abs().pow(2));
            (rate * k / 40 + (k * (b + 7) * 7_919) % (1 + rate / 10)) as f64
        })
        .collect();
    let mut h = Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        sum: k as f64 * 17.3 + (k % 7) as f64 * 0.013,
        positive_spans: vec![Span { offset: -20, length: 60 }],
        positive_buckets: buckets,
        ..Histogram::default()
    };
    h.count = total(&h);
    h
}

#[test]
fn long_runs_are_cut_and_shared_layouts_cost_once() {
    let run: Vec<Histogram> = (0..1_200).map(growing).collect();
    assert_eq!(run_length(run.iter()), RUN);
    round_trip(&run, Effort::Thorough);
    let refs: Vec<&Histogram> = run[..RUN].iter().collect();
    let mut out = Vec::new();
    encode_histograms(&refs, Effort::Thorough, &mut out).unwrap();
    assert!(out.len() < 60 * RUN, "{} bytes a histogram", out.len() / RUN);
    let wide = Histogram {
        positive_spans: vec![Span { offset: 0, length: 16_000 }],
        positive_buckets: vec![1.0; 16_000],
        count: 16_000.0,
        ..growing(1)
    };
    assert!((1..70).contains(&run_length(std::iter::repeat_n(&wide, 300))), "decoding takes bounded memory");
    round_trip(&vec![wide; 100], Effort::Fast);
}
