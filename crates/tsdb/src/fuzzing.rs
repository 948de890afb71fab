//! Doors for the fuzzer, past the checksums. Not part of the interface.

use model::metrics::Family;
use model::{Exemplar, Histogram};

use crate::block;
use crate::codec::{
    Reader, decode_histograms, decode_starts, decode_times, decode_values, put_histogram, read_histogram,
};
use crate::wal::{self, Visitor};

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
        }
    }
}
