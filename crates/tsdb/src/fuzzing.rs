//! Doors for the fuzzer, past the checksums. Not part of the interface.

use model::metrics::Family;
use model::{Exemplar, Histogram};

use crate::block;
use crate::codec::{
    Effort, Reader, decode_histograms, decode_starts, decode_times, decode_values, encode_histograms,
    encode_starts, encode_times, encode_values, put_histogram, read_histogram, run_length,
};
use crate::feed;
use crate::wal::{self, Visitor};

/// Any bytes as a record of the places of followers.
pub fn places_record(bytes: &[u8]) {
    feed::read_any_places(bytes);
}

/// Any bytes as values, times, start timestamps and histograms: what is encoded comes back, bit by bit. The first byte
/// says how alike neighbours are.
pub fn codec_round_trip(bytes: &[u8]) {
    let Some((likeness, bytes)) = bytes.split_first() else { return };
    let words: Vec<u64> = bytes
        .chunks(if likeness & 1 == 0 { 8 } else { 2 })
        .map(|chunk| chunk.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
        .take(20_000)
        .collect();
    if words.is_empty() {
        return;
    }
    values_round_trip(&words, *likeness);
    let mut times: Vec<i64> = words.iter().map(|w| *w as i64 >> (likeness >> 2 & 31)).collect();
    let mut encoded = Vec::new();
    encode_starts(&times, &mut encoded);
    let mut back = Vec::new();
    assert!(decode_starts(&encoded, times.len(), &mut back).is_ok() && back == times);
    times.sort_unstable();
    times.dedup();
    encoded.clear();
    encode_times(&times, &mut encoded);
    back.clear();
    assert!(decode_times(&encoded, times.len(), &mut back).is_ok() && back == times);
    histograms_round_trip(bytes);
}

fn values_round_trip(words: &[u64], likeness: u8) {
    let values: Vec<f64> = match likeness >> 1 & 3 {
        0 => words.iter().map(|w| f64::from_bits(*w)).collect(),
        1 => words.iter().map(|w| *w as f64 / 100.0).collect(),
        2 => words
            .iter()
            .scan(0u64, |sum, w| {
                Some({
                    *sum = sum.wrapping_add(w & 0xfff);
                    *sum as f64
                })
            })
            .collect(),
        _ => words.iter().map(|w| f64::from(*w as u16) * 0.1).collect(),
    };
    for effort in [Effort::Fast, Effort::Thorough] {
        let (mut encoded, mut back) = (Vec::new(), Vec::new());
        encode_values(&values, effort, &mut encoded);
        assert!(decode_values(&encoded, values.len(), &mut Vec::new(), &mut back).is_ok());
        assert!(values.iter().map(|v| v.to_bits()).eq(back.iter().map(|v| v.to_bits())));
    }
}

fn histograms_round_trip(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut histograms = Vec::new();
    while !reader.is_empty() && histograms.len() < 200 {
        match read_histogram(&mut reader) {
            Ok(histogram) if histogram.check().is_ok() => histograms.push(histogram),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    let run = &histograms[..run_length(histograms.iter()).min(histograms.len())];
    if run.is_empty() {
        return;
    }
    let written = |h: &Histogram| {
        let mut out = Vec::new();
        put_histogram(&mut out, h);
        out
    };
    let mut encoded = Vec::new();
    if encode_histograms(&run.iter().collect::<Vec<_>>(), Effort::Fast, &mut encoded).is_ok() {
        let mut back = Vec::new();
        assert!(decode_histograms(&encoded, run.len(), &mut |h| back.push(written(&h))).is_ok());
        assert!(run.iter().map(written).eq(back));
    }
}

/// Any bytes as a record of the log; what was read and written again must read the same.
pub fn wal_record(bytes: &[u8]) {
    let mut seen = Seen::default();
    if wal::read(bytes, &mut seen).is_err() {
        return;
    }
    let mut again = Vec::new();
    let mut writer = wal::SamplesWriter::new(&mut again);
    let mut samples = 0;
    for event in &seen.events {
        match event {
            Said::Define(_, canonical) => writer.define(canonical),
            Said::Sample(series, t, start, bits) => {
                let Some(number) = std::num::NonZeroU64::new(*series) else { return };
                writer.sample(model::SeriesRef(number), *t, *start, *bits);
                samples += 1;
            }
            Said::Histogram(series, t, start, encoded) => {
                let Some(number) = std::num::NonZeroU64::new(*series) else { return };
                writer.histogram(model::SeriesRef(number), *t, *start, encoded);
                samples += 1;
            }
        }
    }
    if samples > 0 {
        let mut back = Seen::default();
        assert!(wal::read(&again, &mut back).is_ok(), "what we write is readable");
        assert_eq!(back.events, seen.events);
    }
}

#[derive(Debug, PartialEq)]
enum Said {
    Define(u64, String),
    Sample(u64, i64, i64, u64),
    /// Encoded: a histogram with a NaN is not equal to itself.
    Histogram(u64, i64, i64, Vec<u8>),
}

#[derive(Default)]
struct Seen {
    events: Vec<Said>,
}

impl Visitor for Seen {
    fn define(&mut self, series: u64, canonical: &str) {
        self.events.push(Said::Define(series, canonical.to_owned()));
    }

    fn sample(&mut self, series: u64, t: i64, start: i64, bits: u64) {
        self.events.push(Said::Sample(series, t, start, bits));
    }

    fn histogram(&mut self, series: u64, t: i64, start: i64, histogram: Histogram) {
        let mut encoded = Vec::new();
        put_histogram(&mut encoded, &histogram);
        self.events.push(Said::Histogram(series, t, start, encoded));
    }

    fn exemplar(&mut self, _series: u64, _exemplar: Exemplar) {}

    fn kept_exemplar(&mut self, _canonical: &str, _exemplar: Exemplar) {}

    fn position(&mut self, _source: &str, _position: &[u8]) {}

    fn family(&mut self, _family: Family) {}
}

/// Any bytes as each part of a block.
pub fn block_parts(bytes: &[u8]) {
    let Some((n, rest)) = bytes.split_first_chunk::<2>() else { return };
    let n = usize::from(u16::from_le_bytes(*n));
    let _ = decode_times(rest, n, &mut Vec::new());
    let _ = decode_values(rest, n, &mut Vec::new(), &mut Vec::new());
    let _ = decode_starts(rest, n, &mut Vec::new());
    let _ = decode_histograms(rest, n, &mut |h| drop(h));
    if let Ok(histogram) = read_histogram(&mut Reader::new(rest)) {
        put_histogram(&mut Vec::new(), &histogram);
    }
    block::read_any(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(i: u64) -> Histogram {
        Histogram {
            schema: 3,
            count: 10.0 * i as f64,
            sum: 0.5 * i as f64,
            positive_spans: vec![model::Span { offset: -4, length: 2 }, model::Span { offset: 3, length: 1 }],
            positive_buckets: vec![i as f64, 2.0, if i % 20 == 3 { 0.5 } else { 3.0 }],
            ..Histogram::default()
        }
    }

    fn record() -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = wal::SamplesWriter::new(&mut out);
        let canonical = model::Labels::from_pairs([("a", "b")]);
        for i in 1u64..50 {
            if i % 7 == 1 {
                writer.define(canonical.canonical());
            }
            let number = std::num::NonZeroU64::new((i * i) << (i % 40)).unwrap();
            writer.sample(
                model::SeriesRef(number),
                1_000 * (i as i64 / 3),
                if i % 5 == 0 { 0 } else { 900 * (i as i64 / 10) },
                (i as f64 / 3.0).to_bits() << (i % 30),
            );
            if i % 10 == 3 {
                let mut encoded = Vec::new();
                put_histogram(&mut encoded, &histogram(i));
                writer.histogram(model::SeriesRef(number), 1_000 * i as i64, 5, &encoded);
            }
        }
        writer.position(model::Position { source: "s", position: b"p" });
        out
    }

    proptest! {
        #[test]
        fn mutated_records_are_read_or_refused(at in any::<prop::sample::Index>(), with: u8, cut in any::<prop::sample::Index>()) {
            let mut bytes = record();
            wal_record(&bytes);
            let at = at.index(bytes.len());
            bytes[at] = with;
            wal_record(&bytes);
            wal_record(&bytes[..cut.index(bytes.len())]);
        }

        #[test]
        fn foreign_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            wal_record(&bytes);
            block_parts(&bytes);
            places_record(&bytes);
            codec_round_trip(&bytes);
        }
    }
}
