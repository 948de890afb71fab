//! Records of the log: `type`, then entries.

use model::{Histogram, Labels, ResetHint, Span, TimeRange, is_stale_nan};

use crate::prometheus_block::cursor::{Cursor, Short};

/// A series gets its number.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRecord {
    /// The number.
    pub reference: u64,
    /// The labels.
    pub labels: Labels,
}

/// A float sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRecord {
    /// Which series.
    pub reference: u64,
    /// When, ms.
    pub t: i64,
    /// Start timestamp, ms; 0: not known.
    pub start: i64,
    /// The value.
    pub v: f64,
}

/// A native histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramRecord {
    /// Which series.
    pub reference: u64,
    /// When, ms.
    pub t: i64,
    /// Start timestamp, ms; 0: not known.
    pub start: i64,
    /// The value.
    pub value: Histogram,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// New series.
    Series(Vec<SeriesRecord>),
    /// Float samples.
    Samples(Vec<SampleRecord>),
    /// Native histograms.
    Histograms(Vec<HistogramRecord>),
    /// Deleted ranges of series.
    Deleted(Vec<(u64, TimeRange)>),
    /// Exemplars, metadata, marks: not needed for samples.
    Other,
    /// A type that is not known here.
    Unknown(u8),
}

/// Reads a record; `None` where it ends too early or a number does not fit.
pub fn read_record(bytes: &[u8]) -> Option<Record> {
    let mut cursor = Cursor::new(bytes);
    read(&mut cursor).ok()
}

fn read(cursor: &mut Cursor<'_>) -> Result<Record, Short> {
    Ok(match cursor.byte()? {
        1 => Record::Series(entries(cursor, |cursor| {
            Ok(SeriesRecord { reference: cursor.be64()?, labels: labels(cursor)? })
        })?),
        2 => {
            let mut places = Places::first(cursor)?;
            Record::Samples(entries(cursor, |cursor| sample(places.next(cursor)?, cursor))?)
        }
        11 => {
            let mut places = Places::second();
            Record::Samples(entries(cursor, |cursor| sample(places.next(cursor)?, cursor))?)
        }
        3 => Record::Deleted(entries(cursor, |cursor| {
            Ok((cursor.be64()?, TimeRange::new(cursor.varint()?, cursor.varint()?)))
        })?),
        kind @ 7..=10 => {
            let (mut places, whole) = (Places::first(cursor)?, matches!(kind, 7 | 9));
            Record::Histograms(entries(cursor, |cursor| histogram(places.next(cursor)?, whole, cursor))?)
        }
        kind @ (12 | 13) => {
            let (mut places, whole) = (Places::second(), kind == 12);
            Record::Histograms(entries(cursor, |cursor| histogram(places.next(cursor)?, whole, cursor))?)
        }
        4..=6 => Record::Other,
        kind => Record::Unknown(kind),
    })
}

/// Entries up to the end of the record.
fn entries<'a, T>(
    cursor: &mut Cursor<'a>,
    mut entry: impl FnMut(&mut Cursor<'a>) -> Result<T, Short>,
) -> Result<Vec<T>, Short> {
    let mut entries = Vec::new();
    while !cursor.is_empty() {
        entries.push(entry(cursor)?);
    }
    Ok(entries)
}

fn labels(cursor: &mut Cursor<'_>) -> Result<Labels, Short> {
    let mut pairs = Vec::new();
    for _ in 0..cursor.count(2)? {
        pairs.push((cursor.text()?, cursor.text()?));
    }
    Ok(Labels::from_pairs(pairs))
}

/// Series, time and start of one entry.
#[derive(Clone, Copy)]
struct Place {
    reference: u64,
    t: i64,
    start: i64,
}

/// How an entry's series and time are written.
enum Places {
    /// As differences to a base in front.
    First { reference: u64, t: i64 },
    /// The series as difference to the entry before, the time to the first entry's; the start as one of three cases.
    Second { first: Option<Place>, last: Place },
}

impl Places {
    fn first(cursor: &mut Cursor<'_>) -> Result<Self, Short> {
        if cursor.is_empty() {
            return Ok(Self::First { reference: 0, t: 0 });
        }
        Ok(Self::First { reference: cursor.be64()?, t: cursor.be64()? as i64 })
    }

    fn second() -> Self {
        Self::Second { first: None, last: Place { reference: 0, t: 0, start: 0 } }
    }

    fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<Place, Short> {
        match self {
            Self::First { reference, t } => Ok(Place {
                reference: reference.wrapping_add_signed(cursor.varint()?),
                t: t.wrapping_add(cursor.varint()?),
                start: 0,
            }),
            Self::Second { first, last } => {
                let reference = last.reference.wrapping_add_signed(cursor.varint()?);
                let base = first.unwrap_or(Place { reference: 0, t: 0, start: 0 });
                let t = base.t.wrapping_add(cursor.varint()?);
                let start = match first {
                    None => cursor.varint()?,
                    Some(_) => match cursor.byte()? {
                        0 => 0,
                        1 => last.start,
                        _ => base.start.wrapping_add(cursor.varint()?),
                    },
                };
                *last = Place { reference, t, start };
                first.get_or_insert(*last);
                Ok(*last)
            }
        }
    }
}

fn sample(place: Place, cursor: &mut Cursor<'_>) -> Result<SampleRecord, Short> {
    let Place { reference, t, start } = place;
    Ok(SampleRecord { reference, t, start, v: cursor.float()? })
}

fn histogram(place: Place, whole: bool, cursor: &mut Cursor<'_>) -> Result<HistogramRecord, Short> {
    let mut h = Histogram {
        reset_hint: match cursor.byte()? {
            1 => ResetHint::Reset,
            2 => ResetHint::NotReset,
            3 => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        },
        schema: i32::try_from(cursor.varint()?).map_err(|_| Short)?,
        zero_threshold: cursor.float()?,
        ..Histogram::default()
    };
    if whole {
        (h.zero_count, h.count) = (cursor.uvarint()? as f64, cursor.uvarint()? as f64);
    } else {
        (h.zero_count, h.count) = (cursor.float()?, cursor.float()?);
    }
    h.sum = cursor.float()?;
    h.positive_spans = spans(cursor)?;
    h.negative_spans = spans(cursor)?;
    h.positive_buckets = buckets(whole, cursor)?;
    h.negative_buckets = buckets(whole, cursor)?;
    if h.schema == -53 {
        h.custom_values = buckets(false, cursor)?;
    }
    if is_stale_nan(h.sum) {
        h = Histogram { sum: h.sum, ..Histogram::default() };
    }
    let Place { reference, t, start } = place;
    Ok(HistogramRecord { reference, t, start, value: h })
}

fn spans(cursor: &mut Cursor<'_>) -> Result<Vec<Span>, Short> {
    let mut spans = Vec::new();
    for _ in 0..cursor.count(2)? {
        let offset = i32::try_from(cursor.varint()?).map_err(|_| Short)?;
        spans.push(Span { offset, length: u32::try_from(cursor.uvarint()?).map_err(|_| Short)? });
    }
    Ok(spans)
}

/// Absolute floats, or whole numbers as differences.
fn buckets(whole: bool, cursor: &mut Cursor<'_>) -> Result<Vec<f64>, Short> {
    let n = cursor.count(if whole { 1 } else { 8 })?;
    let mut current = 0i64;
    let mut buckets = Vec::with_capacity(n);
    for _ in 0..n {
        buckets.push(if whole {
            current = current.wrapping_add(cursor.varint()?);
            current as f64
        } else {
            cursor.float()?
        });
    }
    Ok(buckets)
}
