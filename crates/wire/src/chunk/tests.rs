use model::{Histogram, ResetHint, SeriesData, Span, stale_nan};
use proptest::prelude::*;

use super::*;

fn chunks(data: &SeriesData, options: Options) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    encode(data, options, |chunk| chunks.push(chunk));
    chunks
}

fn read_back(chunks: &[Chunk]) -> SeriesData {
    let mut out = SeriesData::default();
    for chunk in chunks {
        assert_eq!(sample_count(chunk.encoding, &chunk.bytes), chunk.samples);
        let before = out.t.len() + out.histograms.len();
        decode(chunk.encoding, &chunk.bytes, &mut out).unwrap();
        assert_eq!(out.t.len() + out.histograms.len() - before, chunk.samples);
    }
    out
}

/// All bits, so that stale markers, other NaNs and -0 are told apart.
fn bits(v: &[f64]) -> Vec<u64> {
    v.iter().map(|v| v.to_bits()).collect()
}

/// All that a chunk must keep of a histogram.
fn fingerprint(h: &Histogram) -> (i32, Vec<u64>, Vec<Span>) {
    let numbers = [h.count, h.sum, h.zero_count, h.zero_threshold, h.positive_spans.len() as f64]
        .into_iter()
        .chain(h.positive_buckets.iter().copied())
        .chain(h.negative_buckets.iter().copied())
        .chain(h.custom_values.iter().copied())
        .map(f64::to_bits)
        .collect();
    (h.schema, numbers, h.positive_spans.iter().chain(&h.negative_spans).copied().collect())
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (-50i32..50).prop_map(f64::from),
        2 => any::<f64>(),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(stale_nan()),
        1 => Just(-0.0),
    ]
}

/// Rising times: regular, jittering, and far apart.
fn times(n: usize) -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        6 => Just(15_000i64), 4 => 14_990..15_010i64, 1 => 1..2_000_000i64, 1 => 1..i64::from(u32::MAX) * 64
    ];
    (-1_000_000_000_000i64..2_000_000_000_000, prop::collection::vec(step, n)).prop_map(|(from, steps)| {
        steps
            .iter()
            .scan(from, |t, step| {
                *t += step;
                Some(*t)
            })
            .collect()
    })
}

fn starts(n: usize) -> impl Strategy<Value = Vec<i64>> {
    prop_oneof![
        Just(vec![0; n]),
        (1i64..1_000_000).prop_map(move |s| vec![s; n]),
        prop::collection::vec(0i64..5_000_000_000_000, n),
        (0..n).prop_map(move |from| (0..n).map(|i| if i < from { 0 } else { 77 }).collect()),
    ]
}

fn floats() -> impl Strategy<Value = SeriesData> {
    (1usize..300)
        .prop_flat_map(|n| (times(n), prop::collection::vec(value(), n), starts(n)))
        .prop_map(|(t, v, start)| SeriesData { t, v, start, ..SeriesData::default() })
}

fn histogram(whole: bool) -> impl Strategy<Value = Histogram> {
    let count = move || if whole { (0u32..5000).prop_map(f64::from).boxed() } else { (0.0..1e9).boxed() };
    let spans = || prop::collection::vec((-3i32..5, 0u32..4), 0..4);
    let bounds = prop_oneof![Just(vec![]), Just(vec![0.005, 0.1, 2.5, 33_554.43, -1.5, 1e9, 1.0 / 3.0])];
    let layout = (
        prop_oneof![-4i32..9, Just(-53)],
        prop_oneof![
            Just(0.0),
            Just(2f64.powi(-128)),
            Just(0.3),
            Just(1024.0),
            Just(2f64.powi(-243)),
            Just(2048.0)
        ],
        spans(),
        spans(),
        bounds,
    );
    let hint = prop_oneof![
        Just(ResetHint::Unknown),
        Just(ResetHint::Gauge),
        Just(ResetHint::Reset),
        Just(ResetHint::NotReset)
    ];
    (layout, hint, value(), (count(), count())).prop_flat_map(
        move |(layout, reset_hint, sum, (c, zero_count))| {
            let (schema, zero_threshold, positive, negative, custom_values) = layout;
            let spans =
                |s: &[(i32, u32)]| s.iter().map(|&(offset, length)| Span { offset, length }).collect();
            let buckets = |s: &[(i32, u32)]| s.iter().map(|s| s.1 as usize).sum::<usize>();
            let (positive_spans, negative_spans): (Vec<Span>, Vec<Span>) =
                (spans(&positive), spans(&negative));
            let custom_values = if schema == -53 { custom_values } else { vec![] };
            (
                prop::collection::vec(count(), buckets(&positive)),
                prop::collection::vec(count(), buckets(&negative)),
            )
                .prop_map(move |(positive_buckets, negative_buckets)| Histogram {
                    reset_hint,
                    schema,
                    zero_threshold,
                    zero_count,
                    count: c,
                    sum,
                    positive_spans: positive_spans.clone(),
                    positive_buckets,
                    negative_spans: negative_spans.clone(),
                    negative_buckets,
                    custom_values: custom_values.clone(),
                })
        },
    )
}

/// Several histograms, each repeated with rising counts as a counter would.
fn histograms() -> impl Strategy<Value = SeriesData> {
    (any::<bool>(), 1usize..5)
        .prop_flat_map(|(whole, kinds)| {
            let kinds = prop::collection::vec((histogram(whole), 1usize..60, any::<bool>()), kinds);
            kinds.prop_flat_map(|kinds| {
                let n = kinds.iter().map(|k| k.1).sum();
                (Just(kinds), times(n), starts(n))
            })
        })
        .prop_map(|(kinds, times, histogram_start)| {
            let all = kinds.iter().flat_map(|(h, n, ends)| {
                (0..*n).map(move |i| {
                    let mut h = h.clone();
                    h.count += i as f64 * 3.0;
                    for (at, bucket) in h.positive_buckets.iter_mut().enumerate() {
                        *bucket += (i * at) as f64;
                    }
                    if *ends && i + 1 == *n {
                        h.sum = stale_nan();
                    }
                    h
                })
            });
            SeriesData {
                histograms: times.into_iter().zip(all).collect(),
                histogram_start,
                ..Default::default()
            }
        })
}

fn as_read(h: &Histogram) -> Histogram {
    if model::is_stale_nan(h.sum) { Histogram { sum: h.sum, ..Histogram::default() } } else { h.clone() }
}

fn known(starts: &[i64]) -> Vec<i64> {
    if starts.iter().all(|s| *s == 0) { Vec::new() } else { starts.to_vec() }
}

proptest! {
    #[test]
    fn floats_survive(data in floats(), max_samples in 1usize..400, start_timestamps: bool) {
        let chunks = chunks(&data, Options { max_samples, start_timestamps });
        let out = read_back(&chunks);
        prop_assert_eq!(&out.t, &data.t);
        prop_assert_eq!(bits(&out.v), bits(&data.v));
        if start_timestamps {
            prop_assert_eq!(known(&out.start), known(&data.start));
        }
        prop_assert!(chunks.iter().all(|c| c.samples <= max_samples));
        prop_assert!(chunks.windows(2).all(|w| w[0].max_time < w[1].min_time));
    }

    #[test]
    fn histograms_survive(data in histograms(), start_timestamps: bool) {
        let chunks = chunks(&data, Options { start_timestamps, ..Options::default() });
        let out = read_back(&chunks);
        prop_assert_eq!(out.histograms.len(), data.histograms.len());
        for ((t, h), (want_t, want)) in out.histograms.iter().zip(&data.histograms) {
            prop_assert_eq!(t, want_t);
            prop_assert_eq!(fingerprint(h), fingerprint(&as_read(want)));
            let gauge = want.reset_hint == ResetHint::Gauge && !model::is_stale_nan(want.sum);
            prop_assert_eq!(h.reset_hint == ResetHint::Gauge, gauge);
        }
        if start_timestamps {
            prop_assert_eq!(known(&out.histogram_start), known(&data.histogram_start));
        }
    }

    /// Whatever the bytes, decoding ends with samples or an error that names the place.
    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), code in 0u8..8) {
        if let Ok(encoding) = Encoding::from_code(code) {
            let mut out = SeriesData::default();
            let result = decode(encoding, &bytes, &mut out);
            prop_assert!(result.is_err() || out.t.len() + out.histograms.len() == sample_count(encoding, &bytes));
        }
    }

    /// So do chunks that were written well and then damaged.
    #[test]
    fn damage_never_panics(data in histograms(), at: prop::sample::Index, byte: u8, start_timestamps: bool) {
        for mut chunk in chunks(&data, Options { start_timestamps, ..Options::default() }) {
            let at = at.index(chunk.bytes.len());
            chunk.bytes[at] = byte;
            decode(chunk.encoding, &chunk.bytes, &mut SeriesData::default()).ok();
            chunk.bytes.truncate(at);
            decode(chunk.encoding, &chunk.bytes, &mut SeriesData::default()).ok();
        }
    }
}

fn counter(count: f64, buckets: [f64; 2]) -> Histogram {
    Histogram {
        count,
        sum: count,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_buckets: buckets.to_vec(),
        ..Histogram::default()
    }
}

#[test]
fn a_counter_reset_begins_a_chunk_that_says_so() {
    let histograms =
        vec![(1, counter(3.0, [1.0, 2.0])), (2, counter(5.0, [1.0, 4.0])), (3, counter(5.0, [2.0, 3.0]))];
    let chunks = chunks(&SeriesData { histograms, ..SeriesData::default() }, Options::default());
    assert_eq!(chunks.iter().map(|c| c.samples).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((chunks[0].bytes[2] & 0xc0, chunks[1].bytes[2] & 0xc0), (0, 0x80));
    let hints: Vec<_> = read_back(&chunks).histograms.iter().map(|(_, h)| h.reset_hint).collect();
    assert_eq!(hints, [ResetHint::Unknown, ResetHint::NotReset, ResetHint::Unknown]);
}

#[test]
fn floats_and_histograms_take_turns() {
    let data = SeriesData {
        t: vec![10, 30],
        v: vec![1.0, 2.0],
        histograms: vec![(20, counter(0.5, [0.25, 0.25])), (40, counter(3.0, [1.0, 2.0]))],
        ..SeriesData::default()
    };
    let chunks = chunks(&data, Options::default());
    let kinds: Vec<_> = chunks.iter().map(|c| (c.encoding, c.min_time)).collect();
    let want =
        [(Encoding::Xor, 10), (Encoding::FloatHistogram, 20), (Encoding::Xor, 30), (Encoding::Histogram, 40)];
    assert_eq!(kinds, want);
}

#[test]
fn unknown_encodings_are_refused_with_a_reason() {
    let message = Encoding::from_code(9).unwrap_err().to_string();
    assert!(message.starts_with("chunk encoding 9 is not known"), "{message}");
}

#[test]
fn an_announced_multitude_of_buckets_is_refused_before_it_is_allocated() {
    let mut w = bits::BitWriter::after(&[0, 1, 0]);
    w.bits(0, 8); // zero threshold
    w.varbit(0); // schema
    w.varbit_unsigned(1);
    w.varbit_unsigned(u64::from(u32::MAX));
    w.varbit(0);
    w.varbit_unsigned(0);
    let error = decode(Encoding::Histogram, &w.bytes, &mut SeriesData::default()).unwrap_err();
    assert_eq!(error, Error::Malformed { sample: 1, message: "the spans announce more buckets than follow" });
}

#[test]
fn many_small_samples_of_a_wide_layout_are_refused_over_the_cap() {
    let mut w = bits::BitWriter::after(&[0xff, 0xff, 0]);
    w.bits(0, 8);
    w.varbit(0);
    w.varbit_unsigned(20_000);
    for _ in 0..20_000 {
        w.varbit_unsigned(0); // empty spans
        w.varbit(0);
    }
    w.varbit_unsigned(0);
    w.bytes.resize(60_000, 0);
    let error = decode(Encoding::Histogram, &w.bytes, &mut SeriesData::default()).unwrap_err();
    assert_eq!(error, Error::TooLarge);
}

/// The bytes Prometheus writes for (0, 1.5), (15 s, 1.5), (30 s, 2.5).
#[test]
fn bytes_are_the_drawn_ones() {
    let data = SeriesData { t: vec![0, 15_000, 30_000], v: vec![1.5, 1.5, 2.5], ..SeriesData::default() };
    let chunks = chunks(&data, Options::default());
    let mut w = bits::BitWriter::after(&[0, 3]);
    w.bits(0, 8);
    w.bits(1.5f64.to_bits(), 64);
    w.bits(0x98, 8);
    w.bits(0x75, 8); // uvarint 15000
    w.bits(0, 1);
    w.bits(0, 1);
    let difference = 1.5f64.to_bits() ^ 2.5f64.to_bits();
    w.bits(0b11, 2);
    w.bits(difference.leading_zeros().into(), 5);
    let significant = 64 - difference.leading_zeros() - difference.trailing_zeros();
    w.bits(significant.into(), 6);
    w.bits(difference >> difference.trailing_zeros(), significant);
    assert_eq!(chunks[0].bytes, w.bytes);
}

#[test]
fn a_finer_schema_than_is_stored_is_lowered() {
    for (schema, ok) in [(9, true), (52, true), (53, false), (-5, false)] {
        let mut data = SeriesData::default();
        for t in 0..3 {
            let positive_spans = vec![Span { offset: -3, length: 4 }, Span { offset: 5, length: 1 }];
            let positive_buckets = vec![1.0, 2.0, 4.0, 8.0, 16.0];
            let fine =
                Histogram { schema, count: 31.0, positive_spans, positive_buckets, ..Histogram::default() };
            data.push_histogram(0, t * 15_000, fine);
        }
        let all = chunks(&data, Options::default());
        if !ok {
            assert!(decode(all[0].encoding, &all[0].bytes, &mut SeriesData::default()).is_err());
            continue;
        }
        let read = read_back(&all);
        assert_eq!(read.histograms.len(), 3);
        for (_, h) in &read.histograms {
            assert_eq!((h.schema, h.positive_buckets.iter().sum::<f64>()), (8, 31.0));
            h.check_whole().unwrap();
        }
    }
}
