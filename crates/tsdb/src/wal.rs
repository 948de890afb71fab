//! Records of the write-ahead log. docs/formats/wal.md draws them.
//!
//! A samples record is a stream of entries. Most are one control byte and the value's significant bytes: the high
//! half of the control byte is how far the series number moved, the low half how many bytes of the value follow.

use disk::header::Kind;
use model::{Exemplar, Histogram, Labels, SeriesRef};

use crate::codec::{Corrupt, Reader, put_bytes, put_i64, put_u64, read_histogram};

/// Segments of the metric log.
pub(crate) const KIND: Kind = Kind { tag: b'w', name: "metric log segment", version: 3, oldest: 1 };

const SAMPLES: u8 = 1;
const FAMILIES: u8 = 2;
const POSITIONS: u8 = 3;
const EXEMPLARS: u8 = 4;
const KEPT_EXEMPLARS: u8 = 5;

/// Control bytes that are no sample. A sample's low half is at most 8.
const TIME: u8 = 0x0f;
const DEFINE: u8 = 0x1f;
const POSITION: u8 = 0x2f;
/// Start timestamps of what follows: as far from the last one as the number says, or none.
const START: u8 = 0x3f;
const NO_START: u8 = 0x4f;
/// A native histogram.
const HISTOGRAM: u8 = 0x5f;
/// A record that has reached this many bytes goes out; what is left goes with the next.
pub(crate) const RECORD_BYTES: usize = 1 << 20;
/// A definition that begins or ends as the one before it in the record.
const DEFINE_LIKE: u8 = 0x6f;
/// In the high half: the distance follows as a number.
const FAR: u64 = 15;

/// Builds one samples record.
pub(crate) struct SamplesWriter<'a> {
    out: &'a mut Vec<u8>,
    last_ref: u64,
    last_t: i64,
    count: usize,
    /// The start that holds for what follows, and the last one that was not 0.
    start: i64,
    last_start: i64,
    /// What was defined last.
    defined: String,
}

impl<'a> SamplesWriter<'a> {
    /// Begins a record in `out`, which is cleared.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        out.clear();
        out.push(SAMPLES);
        Self { out, last_ref: 0, last_t: 0, count: 0, start: 0, last_start: 0, defined: String::new() }
    }

    /// Says where the source of these samples stands.
    pub(crate) fn position(&mut self, position: model::Position<'_>) {
        self.out.push(POSITION);
        put_bytes(self.out, position.source.as_bytes());
        put_bytes(self.out, position.position);
    }

    /// Says which labels the series of the next sample has.
    pub(crate) fn define(&mut self, canonical: &str) {
        /// Bytes that two lengths may take.
        const WORTH: usize = 8;
        let (front, back) = shared(&self.defined, canonical);
        match canonical.get(front..canonical.len() - back) {
            Some(middle) if front + back > WORTH => {
                self.out.push(DEFINE_LIKE);
                put_u64(self.out, front as u64);
                put_u64(self.out, back as u64);
                put_bytes(self.out, middle.as_bytes());
            }
            _ => {
                self.out.push(DEFINE);
                put_bytes(self.out, canonical.as_bytes());
            }
        }
        self.defined.clear();
        self.defined.push_str(canonical);
    }

    #[inline]
    pub(crate) fn sample(&mut self, series: SeriesRef, t: i64, start: i64, bits: u64) {
        self.at(t, start);
        let raw = series.0.get();
        let moved = crate::codec::zigzag(raw.wrapping_sub(self.last_ref) as i64);
        self.last_ref = raw;
        let significant = 8 - (bits.trailing_zeros() / 8).min(8) as u8;
        if moved < FAR {
            self.out.push((moved as u8) << 4 | significant);
        } else {
            self.out.push((FAR as u8) << 4 | significant);
            put_u64(self.out, moved);
        }
        // A copy of eight bytes is an instruction, one of a few bytes a call.
        let end = self.out.len() + usize::from(significant);
        self.out.extend_from_slice(&bits.to_be_bytes());
        self.out.truncate(end);
    }

    /// Adds a histogram, encoded by [`crate::codec::put_histogram`].
    pub(crate) fn histogram(&mut self, series: SeriesRef, t: i64, start: i64, encoded: &[u8]) {
        self.at(t, start);
        self.out.push(HISTOGRAM);
        let raw = series.0.get();
        put_i64(self.out, raw.wrapping_sub(self.last_ref) as i64);
        self.last_ref = raw;
        self.out.extend_from_slice(encoded);
    }

    /// Says time and start of the next sample where they are others.
    #[inline]
    fn at(&mut self, t: i64, start: i64) {
        if t != self.last_t || self.count == 0 {
            self.out.push(TIME);
            put_i64(self.out, t.wrapping_sub(self.last_t));
            self.last_t = t;
        }
        self.count += 1;
        if start != self.start {
            self.start_from(start);
        }
    }

    #[cold]
    fn start_from(&mut self, start: i64) {
        self.start = start;
        if start == 0 {
            self.out.push(NO_START);
        } else {
            self.out.push(START);
            put_i64(self.out, start.wrapping_sub(self.last_start));
            self.last_start = start;
        }
    }

    /// Bytes so far; 1 is an empty record.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }
}

/// How many bytes `text` has in common with `before` at its beginning, and after these at its end: whole characters.
fn shared(before: &str, text: &str) -> (usize, usize) {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let mut front = before.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    while !text.is_char_boundary(front) {
        front -= 1;
    }
    let (a, b) = (&before.as_bytes()[front..], &text.as_bytes()[front..]); // both are at least so long
    let mut back = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    while !text.is_char_boundary(text.len() - back) {
        back -= 1;
    }
    (front, back)
}

/// The definition that shares `front` and `back` bytes with `before`.
fn like(before: &str, front: u64, back: u64, middle: &str, out: &mut String) -> Result<(), Corrupt> {
    let parts = || {
        let (front, back) = (usize::try_from(front).ok()?, usize::try_from(back).ok()?);
        let tail = before.len().checked_sub(back).filter(|tail| *tail >= front)?;
        Some((before.get(..front)?, before.get(tail..)?))
    };
    let (head, tail) = parts().ok_or(Corrupt("a definition with more than there was"))?;
    out.clear();
    [head, middle, tail].iter().for_each(|part| out.push_str(part));
    Ok(())
}

/// Records of families.
pub(crate) fn families<'a>(families: impl Iterator<Item = &'a model::metrics::Family>) -> Vec<Vec<u8>> {
    records(FAMILIES, families, |family, out| {
        for text in [&family.name, &family.kind, &family.help, &family.unit] {
            put_bytes(out, text.as_bytes());
        }
    })
}

/// Records of a kind with all of these: as many as it takes for none to be long.
fn records<T>(kind: u8, all: impl Iterator<Item = T>, put: impl Fn(T, &mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut out = vec![kind];
    for one in all {
        put(one, &mut out);
        if out.len() >= RECORD_BYTES {
            records.push(std::mem::replace(&mut out, vec![kind]));
        }
    }
    if out.len() > 1 {
        records.push(out);
    }
    records
}

/// Records of positions.
pub(crate) fn positions<'a>(positions: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<Vec<u8>> {
    records(POSITIONS, positions, |(source, position), out| {
        put_bytes(out, source.as_bytes());
        put_bytes(out, position);
    })
}

/// Builds one record of exemplars.
pub(crate) struct ExemplarsWriter {
    out: Vec<u8>,
    last_ref: u64,
    last_t: i64,
}

impl ExemplarsWriter {
    pub(crate) fn new() -> Self {
        Self { out: vec![EXEMPLARS], last_ref: 0, last_t: 0 }
    }

    /// Adds an exemplar; `canonical` are the labels of its series, where the log does not know them.
    pub(crate) fn exemplar(&mut self, series: SeriesRef, canonical: Option<&str>, exemplar: &Exemplar) {
        let raw = series.0.get();
        put_i64(&mut self.out, raw.wrapping_sub(self.last_ref) as i64);
        self.last_ref = raw;
        put_bytes(&mut self.out, canonical.unwrap_or_default().as_bytes());
        self.last_t = put_exemplar(&mut self.out, self.last_t, exemplar);
    }

    /// The record.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// Builds one record of exemplars that were logged before, in a segment that goes.
pub(crate) struct KeptExemplarsWriter<'a> {
    out: Vec<u8>,
    known: std::collections::HashMap<&'a str, u64, foldhash::fast::RandomState>,
    last_t: i64,
}

impl<'a> KeptExemplarsWriter<'a> {
    pub(crate) fn new() -> Self {
        Self { out: vec![KEPT_EXEMPLARS], known: std::collections::HashMap::default(), last_t: 0 }
    }

    pub(crate) fn exemplar(&mut self, canonical: &'a str, exemplar: &Exemplar) {
        let new = self.known.len() as u64;
        let number = *self.known.entry(canonical).or_insert(new);
        put_u64(&mut self.out, number);
        if number == new {
            put_bytes(&mut self.out, canonical.as_bytes());
        }
        self.last_t = put_exemplar(&mut self.out, self.last_t, exemplar);
    }

    /// Bytes so far; 1 is an empty record.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// The record.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }
}

fn put_exemplar(out: &mut Vec<u8>, last_t: i64, exemplar: &Exemplar) -> i64 {
    put_i64(out, exemplar.t.wrapping_sub(last_t));
    out.extend_from_slice(&exemplar.v.to_bits().to_le_bytes());
    put_bytes(out, exemplar.labels.canonical().as_bytes());
    exemplar.t
}

fn read_exemplar(reader: &mut Reader<'_>, last_t: &mut i64) -> Result<Exemplar, Corrupt> {
    *last_t = last_t.wrapping_add(reader.i64()?);
    let v = f64::from_bits(u64::from_le_bytes(reader.array()?));
    let labels = Labels::from_canonical(reader.str()?).ok_or(Corrupt("labels of an exemplar"))?;
    Ok(Exemplar { labels, t: *last_t, v })
}

/// Receives what a record says, in its order.
pub(crate) trait Visitor {
    /// The number `series` stands for these labels (canonical form) from here on.
    fn define(&mut self, series: u64, canonical: &str);
    /// A sample; a start of 0 is not known.
    fn sample(&mut self, series: u64, t: i64, start: i64, bits: u64);
    /// A native histogram.
    fn histogram(&mut self, series: u64, t: i64, start: i64, histogram: Histogram);
    /// An exemplar.
    fn exemplar(&mut self, series: u64, exemplar: Exemplar);
    /// An exemplar of the series with these labels (canonical form), repeated from a segment before: nothing new.
    fn kept_exemplar(&mut self, canonical: &str, exemplar: Exemplar);
    /// A source stands here.
    fn position(&mut self, source: &str, position: &[u8]);
    /// Metadata.
    fn family(&mut self, family: model::metrics::Family);
}

/// Reads one record. What came before a corrupt place has been visited.
pub(crate) fn read(record: &[u8], visitor: &mut dyn Visitor) -> Result<(), Corrupt> {
    let mut reader = Reader::new(record);
    match reader.u8()? {
        SAMPLES => read_samples(reader, visitor),
        FAMILIES => {
            while !reader.is_empty() {
                let mut text = || reader.str().map(str::to_owned);
                visitor.family(model::metrics::Family {
                    name: text()?,
                    kind: text()?,
                    help: text()?,
                    unit: text()?,
                });
            }
            Ok(())
        }
        POSITIONS => {
            while !reader.is_empty() {
                let source = reader.str()?;
                visitor.position(source, reader.bytes()?);
            }
            Ok(())
        }
        EXEMPLARS => {
            let (mut raw, mut t) = (0u64, 0i64);
            while !reader.is_empty() {
                raw = raw.wrapping_add(reader.i64()? as u64);
                let canonical = reader.str()?;
                let exemplar = read_exemplar(&mut reader, &mut t)?;
                if !canonical.is_empty() {
                    visitor.define(raw, canonical);
                }
                visitor.exemplar(raw, exemplar);
            }
            Ok(())
        }
        KEPT_EXEMPLARS => {
            let (mut known, mut t) = (Vec::new(), 0i64);
            while !reader.is_empty() {
                let number = reader.count(known.len())?;
                if number == known.len() {
                    known.push(reader.str()?);
                }
                let exemplar = read_exemplar(&mut reader, &mut t)?;
                visitor.kept_exemplar(known[number], exemplar); // `count` and `push` made sure of it
            }
            Ok(())
        }
        _ => Err(Corrupt("unknown record")),
    }
}

fn read_samples(mut reader: Reader<'_>, visitor: &mut dyn Visitor) -> Result<(), Corrupt> {
    let (mut raw, mut t) = (0u64, 0i64);
    // What was defined last, and whether its series is still to come.
    let (mut defined, mut scratch, mut waits) = (String::new(), String::new(), false);
    let (mut start, mut last_start) = (0i64, 0i64);
    while !reader.is_empty() {
        let control = reader.u8()?;
        match control {
            TIME => t = t.wrapping_add(reader.i64()?),
            DEFINE => {
                defined.clear();
                defined.push_str(reader.str()?);
                waits = true;
            }
            DEFINE_LIKE => {
                let (front, back) = (reader.u64()?, reader.u64()?);
                like(&defined, front, back, reader.str()?, &mut scratch)?;
                std::mem::swap(&mut defined, &mut scratch);
                waits = true;
            }
            START => {
                last_start = last_start.wrapping_add(reader.i64()?);
                start = last_start;
            }
            NO_START => start = 0,
            HISTOGRAM => {
                raw = raw.wrapping_add(reader.i64()? as u64);
                let histogram = read_histogram(&mut reader)?;
                if std::mem::take(&mut waits) {
                    visitor.define(raw, &defined);
                }
                visitor.histogram(raw, t, start, histogram);
            }
            POSITION => {
                let source = reader.str()?;
                visitor.position(source, reader.bytes()?);
            }
            _ => {
                let moved = match u64::from(control >> 4) {
                    FAR => reader.u64()?,
                    near => near,
                };
                raw = raw.wrapping_add(crate::codec::unzigzag(moved) as u64);
                let front = reader.take(usize::from(control & 0xf))?;
                let mut whole = [0; 8];
                whole.get_mut(..front.len()).ok_or(Corrupt("value over 8 bytes"))?.copy_from_slice(front);
                if std::mem::take(&mut waits) {
                    visitor.define(raw, &defined);
                }
                visitor.sample(raw, t, start, u64::from_be_bytes(whole));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_without_start_have_the_bytes_of_version_1() {
        let series = |n: u64| SeriesRef(std::num::NonZeroU64::new(n).unwrap());
        let mut out = Vec::new();
        let mut writer = SamplesWriter::new(&mut out);
        writer.define("\u{1}a\u{1}b");
        writer.sample(series(1), 1_000, 0, 1.5f64.to_bits());
        writer.sample(series(2), 1_000, 0, 0);
        writer.sample(series(500), 2_000, 0, 2f64.to_bits());
        let drawn: &[&[u8]] = &[
            &[SAMPLES, 0x1f, 4, 1, b'a', 1, b'b'],
            &[0x0f, 0xd0, 0x0f, 0x22, 0x3f, 0xf8],
            &[0x20],
            &[0x0f, 0xd0, 0x0f, 0xf1, 0xe4, 0x07, 0x40],
        ];
        assert_eq!(out, drawn.concat());
    }

    #[test]
    fn definitions_share_what_they_have_in_common() {
        struct Names(Vec<String>);
        impl Visitor for Names {
            fn define(&mut self, _: u64, canonical: &str) {
                self.0.push(canonical.to_owned());
            }
            fn sample(&mut self, _: u64, _: i64, _: i64, _: u64) {}
            fn histogram(&mut self, _: u64, _: i64, _: i64, _: Histogram) {}
            fn exemplar(&mut self, _: u64, _: Exemplar) {}
            fn kept_exemplar(&mut self, _: &str, _: Exemplar) {}
            fn position(&mut self, _: &str, _: &[u8]) {}
            fn family(&mut self, _: model::metrics::Family) {}
        }
        let sets = [
            "abcdefghij-1-klmno",
            "abcdefghij-22-klmno",
            "abcdefghij-22-klmno",
            "aaaa",
            "",
            "aaaa",
            "aaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaa",
            "0123456789\u{d55c}",
            "0123456789\u{d55d}",
            "0123456789\u{d55d}0123456789",
            "x\u{e9}0123456789",
            "x\u{a9}0123456789",
            "0123456789",
        ];
        let mut out = Vec::new();
        let mut writer = SamplesWriter::new(&mut out);
        for (n, text) in (1..).zip(sets) {
            writer.define(text);
            writer.sample(SeriesRef(std::num::NonZeroU64::new(n).unwrap()), 0, 0, 0);
        }
        let drawn =
            [&[DEFINE, 18][..], b"abcdefghij-1-klmno", &[0x0f, 0, 0x20, 0x6f, 11, 6, 2], b"22", &[0x20]]
                .concat();
        assert_eq!(out[1..=drawn.len()], drawn);
        let mut names = Names(Vec::new());
        read(&out, &mut names).unwrap();
        assert_eq!(names.0, sets);
        for broken in [[DEFINE_LIKE, 0, 1, 0], [DEFINE_LIKE, 1, 0, 0]] {
            assert!(read(&[&[SAMPLES], &broken[..]].concat(), &mut names).is_err(), "nothing was before");
        }
    }

    #[test]
    fn starts_are_written_where_they_change() {
        let series = |n: u64| SeriesRef(std::num::NonZeroU64::new(n).unwrap());
        let bytes = |starts: &[i64]| {
            let mut out = Vec::new();
            let mut writer = SamplesWriter::new(&mut out);
            (1..).zip(starts).for_each(|(n, start)| writer.sample(series(n), 1_000, *start, 0));
            out.len()
        };
        let none = bytes(&[0; 6]);
        assert_eq!(bytes(&[500; 6]) - none, 3);
        assert_eq!(bytes(&[500, 0, 500, 0, 500, 0]) - none, 3 + 1 + 2 + 1 + 2 + 1);
    }
}
