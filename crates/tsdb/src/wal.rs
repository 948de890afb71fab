//! Records of the write-ahead log. docs/formats/wal.md draws them.
//!
//! A samples record is a stream of entries. Most are one control byte and the value's significant bytes: the high
//! half of the control byte is how far the series number moved, the low half how many bytes of the value follow.

use disk::header::Kind;
use model::SeriesRef;

use crate::codec::{Corrupt, Reader, put_bytes, put_i64, put_u64};

/// Segments of the metric log.
pub(crate) const KIND: Kind = Kind { tag: b'w', name: "metric log segment", version: 1, oldest: 1 };

const SAMPLES: u8 = 1;
const FAMILIES: u8 = 2;
const POSITIONS: u8 = 3;

/// Control bytes that are no sample. A sample's low half is at most 8.
const TIME: u8 = 0x0f;
const DEFINE: u8 = 0x1f;
const POSITION: u8 = 0x2f;
/// In the high half: the distance follows as a number.
const FAR: u64 = 15;

/// Builds one samples record.
pub(crate) struct SamplesWriter<'a> {
    out: &'a mut Vec<u8>,
    last_ref: u64,
    last_t: i64,
    count: usize,
}

impl<'a> SamplesWriter<'a> {
    /// Begins a record in `out`, which is cleared.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        out.clear();
        out.push(SAMPLES);
        Self { out, last_ref: 0, last_t: 0, count: 0 }
    }

    /// Says where the source of these samples stands.
    pub(crate) fn position(&mut self, position: model::Position<'_>) {
        self.out.push(POSITION);
        put_bytes(self.out, position.source.as_bytes());
        put_bytes(self.out, position.position);
    }

    /// Says which labels the series of the next sample has.
    pub(crate) fn define(&mut self, canonical: &str) {
        self.out.push(DEFINE);
        put_bytes(self.out, canonical.as_bytes());
    }

    #[inline]
    pub(crate) fn sample(&mut self, series: SeriesRef, t: i64, bits: u64) {
        if t != self.last_t || self.count == 0 {
            self.out.push(TIME);
            put_i64(self.out, t.wrapping_sub(self.last_t));
            self.last_t = t;
        }
        let raw = series.0.get();
        let moved = crate::codec::zigzag(raw.wrapping_sub(self.last_ref) as i64);
        self.last_ref = raw;
        self.count += 1;
        let significant = 8 - (bits.trailing_zeros() / 8).min(8) as u8;
        if moved < FAR {
            self.out.push((moved as u8) << 4 | significant);
        } else {
            self.out.push((FAR as u8) << 4 | significant);
            put_u64(self.out, moved);
        }
        self.out.extend_from_slice(&bits.to_be_bytes()[..usize::from(significant)]);
    }

    /// Bytes so far; 1 is an empty record.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }
}

/// A record of families.
pub(crate) fn families<'a>(families: impl Iterator<Item = &'a model::metrics::Family>) -> Vec<u8> {
    let mut out = vec![FAMILIES];
    for family in families {
        for text in [&family.name, &family.kind, &family.help, &family.unit] {
            put_bytes(&mut out, text.as_bytes());
        }
    }
    out
}

/// A record of positions.
pub(crate) fn positions<'a>(positions: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<u8> {
    let mut out = vec![POSITIONS];
    for (source, position) in positions {
        put_bytes(&mut out, source.as_bytes());
        put_bytes(&mut out, position);
    }
    out
}

/// Receives what a record says, in its order.
pub(crate) trait Visitor {
    /// The number `series` stands for these labels (canonical form) from here on.
    fn define(&mut self, series: u64, canonical: &str);
    /// A sample.
    fn sample(&mut self, series: u64, t: i64, bits: u64);
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
        _ => Err(Corrupt("unknown record")),
    }
}

fn read_samples(mut reader: Reader<'_>, visitor: &mut dyn Visitor) -> Result<(), Corrupt> {
    let (mut raw, mut t, mut definition) = (0u64, 0i64, None);
    while !reader.is_empty() {
        let control = reader.u8()?;
        match control {
            TIME => t = t.wrapping_add(reader.i64()?),
            DEFINE => definition = Some(reader.str()?),
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
                if let Some(canonical) = definition.take() {
                    visitor.define(raw, canonical);
                }
                visitor.sample(raw, t, u64::from_be_bytes(whole));
            }
        }
    }
    Ok(())
}
