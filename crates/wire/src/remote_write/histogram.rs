//! `prometheus.Histogram` and `io.prometheus.write.v2.Histogram`: the same field numbers, both ways.

use model::histogram::BadHistogram;
use model::{Histogram, ResetHint, Span};

use super::Error;
use super::proto::{Message, Value, put_bytes, put_double, put_int, put_varint};
use crate::histogram::lower_to_stored;

/// Buckets of one side of a histogram; more are refused.
const MAX_BUCKETS: usize = 1 << 16;

/// A native histogram as sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramPoint {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// Start timestamp in milliseconds, 0: not known.
    pub start: i64,
    /// Whether it was sent with whole numbers.
    pub integer: bool,
    /// The histogram.
    pub value: Histogram,
}

impl HistogramPoint {
    /// Lowers a finer resolution than what is stored, and checks the rest.
    pub fn make_storable(&mut self) -> Result<(), BadHistogram> {
        lower_to_stored(&mut self.value);
        if self.integer { self.value.check_whole() } else { self.value.check() }
    }
}

/// Counts of one side: as deltas, or as they are.
#[derive(Default)]
pub(crate) struct Counts {
    deltas: Vec<f64>,
    pub(crate) floats: Vec<f64>,
    running: i64,
}

impl Counts {
    fn delta(&mut self, message: &Message<'_>, raw: u64) -> Result<(), Error> {
        self.running = self.running.wrapping_add(zigzag(raw));
        self.deltas.push(self.running as f64);
        if self.deltas.len() > MAX_BUCKETS { Err(message.error("more than 65536 buckets")) } else { Ok(()) }
    }

    pub(crate) fn take(self, float: bool) -> Vec<f64> {
        if float { self.floats } else { self.deltas }
    }
}

pub(crate) fn read_histogram(mut message: Message<'_>) -> Result<HistogramPoint, Error> {
    let mut point = HistogramPoint { integer: true, ..HistogramPoint::default() };
    let (mut negative, mut positive) = (Counts::default(), Counts::default());
    let value = &mut point.value;
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Value::Varint(count)) => (value.count, point.integer) = (count as f64, true),
            (2, Value::Fixed64(bits)) => (value.count, point.integer) = (f64::from_bits(bits), false),
            (3, Value::Fixed64(bits)) => value.sum = f64::from_bits(bits),
            (4, Value::Varint(raw)) => value.schema = zigzag(raw) as i32,
            (5, Value::Fixed64(bits)) => value.zero_threshold = f64::from_bits(bits),
            (6, Value::Varint(count)) => value.zero_count = count as f64,
            (7, Value::Fixed64(bits)) => value.zero_count = f64::from_bits(bits),
            (8, Value::Bytes(span)) => push_span(&mut value.negative_spans, span)?,
            (11, Value::Bytes(span)) => push_span(&mut value.positive_spans, span)?,
            (9, field) => deltas(&mut negative, &message, field)?,
            (12, field) => deltas(&mut positive, &message, field)?,
            (10, field) => doubles(&mut negative.floats, &message, field)?,
            (13, field) => doubles(&mut positive.floats, &message, field)?,
            (14, Value::Varint(hint)) => value.reset_hint = reset_hint(hint),
            (15, Value::Varint(t)) => point.t = t as i64,
            (16, field) => doubles(&mut value.custom_values, &message, field)?,
            (17, Value::Varint(start)) => point.start = start as i64,
            (1..=17, _) => return Err(message.error("a field of a histogram has the wrong type")),
            _ => {}
        }
    }
    value.negative_buckets = negative.take(!point.integer);
    value.positive_buckets = positive.take(!point.integer);
    Ok(point)
}

pub(crate) const fn zigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

const fn unzigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn reset_hint(number: u64) -> ResetHint {
    match number {
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

pub(crate) fn push_span(spans: &mut Vec<Span>, mut message: Message<'_>) -> Result<(), Error> {
    let mut span = Span { offset: 0, length: 0 };
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(raw)) => span.offset = zigzag(raw) as i32,
            (2, Value::Varint(length)) => span.length = length as u32,
            (1 | 2, _) => return Err(message.error("a field of a bucket span has the wrong type")),
            _ => {}
        }
    }
    if spans.len() >= MAX_BUCKETS {
        return Err(message.error("more than 65536 bucket spans"));
    }
    spans.push(span);
    Ok(())
}

/// Packed or one by one.
pub(crate) fn deltas(counts: &mut Counts, message: &Message<'_>, field: Value<'_>) -> Result<(), Error> {
    match field {
        Value::Varint(raw) => counts.delta(message, raw),
        Value::Bytes(mut packed) => {
            while !packed.bytes.is_empty() {
                let raw = packed.varint()?;
                counts.delta(&packed, raw)?;
            }
            Ok(())
        }
        _ => Err(message.error("a bucket delta has the wrong type")),
    }
}

pub(crate) fn doubles(out: &mut Vec<f64>, message: &Message<'_>, field: Value<'_>) -> Result<(), Error> {
    match field {
        Value::Fixed64(bits) => out.push(f64::from_bits(bits)),
        Value::Bytes(packed) => {
            let (eights, rest) = packed.bytes.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(packed.error("packed doubles are not a multiple of 8 bytes"));
            }
            if eights.len() > MAX_BUCKETS {
                return Err(packed.error("more than 65536 buckets"));
            }
            out.extend(eights.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        }
        _ => return Err(message.error("a bucket count has the wrong type")),
    }
    if out.len() > MAX_BUCKETS { Err(message.error("more than 65536 buckets")) } else { Ok(()) }
}

/// Writes a histogram message into `out`. Whole counts are sent as whole numbers, as an integer histogram.
pub(crate) fn put_histogram(out: &mut Vec<u8>, t: i64, start: i64, h: &Histogram) {
    let integer = whole(h);
    if integer {
        put_varint(out, 1 << 3);
        put_varint(out, h.count as u64);
    } else {
        put_always(out, 2, h.count);
    }
    put_double(out, 3, h.sum);
    put_int(out, 4, unzigzag(i64::from(h.schema)) as i64);
    put_double(out, 5, h.zero_threshold);
    if integer {
        put_varint(out, 6 << 3);
        put_varint(out, h.zero_count as u64);
    } else {
        put_always(out, 7, h.zero_count);
    }
    put_side(out, 8, integer, &h.negative_spans, &h.negative_buckets);
    put_side(out, 11, integer, &h.positive_spans, &h.positive_buckets);
    let hint = match h.reset_hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    };
    put_int(out, 14, hint);
    put_int(out, 15, t);
    put_packed(out, 16, &h.custom_values);
    put_int(out, 17, start);
}

/// Whether every count can be sent as a whole number. A stale marker has no counts: it is whole.
fn whole(h: &Histogram) -> bool {
    let whole = |v: f64| (0.0..9e15).contains(&v) && v.fract() == 0.0;
    let adds_up = h.check_whole().is_ok();
    adds_up
        && whole(h.count)
        && whole(h.zero_count)
        && h.positive_buckets.iter().chain(&h.negative_buckets).all(|v| whole(*v))
}

fn put_always(out: &mut Vec<u8>, number: u32, value: f64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

/// Spans, then deltas or counts, in fields `first`, `first + 1` and `first + 2`.
fn put_side(out: &mut Vec<u8>, first: u32, integer: bool, spans: &[Span], counts: &[f64]) {
    let mut field = Vec::new();
    for span in spans {
        field.clear();
        put_int(&mut field, 1, unzigzag(i64::from(span.offset)) as i64);
        put_int(&mut field, 2, i64::from(span.length));
        put_bytes(out, first, &field);
    }
    if !integer {
        put_packed(out, first + 2, counts);
        return;
    }
    field.clear();
    let mut last = 0i64;
    for count in counts {
        let count = *count as i64;
        put_varint(&mut field, unzigzag(count - last));
        last = count;
    }
    if !field.is_empty() {
        put_bytes(out, first + 1, &field);
    }
}

fn put_packed(out: &mut Vec<u8>, number: u32, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    put_bytes(out, number, &bytes);
}
