//! Families as delimited `io.prometheus.client.MetricFamily` messages (prometheus/client_model `metrics.proto`).

mod write;

use std::collections::BTreeMap;

use model::{Histogram, ResetHint, Span};
pub use write::write;

use super::{Family, Kind, Native, Sample};
use crate::exposition::write::push_number;
use crate::remote_write::Error;
use crate::remote_write::proto::{Message, Value};

/// Samples of one push.
const MAX_SAMPLES: usize = 1 << 20;

/// Reads a body, by name.
pub fn read(body: &[u8]) -> Result<BTreeMap<String, Family>, Error> {
    let mut families = BTreeMap::new();
    let mut stream = Message { bytes: body, at: 0 };
    let mut samples = 0;
    while !stream.bytes.is_empty() {
        let size = usize::try_from(stream.varint()?).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = stream.bytes.split_at_checked(size) else {
            return Err(stream.error("a message is longer than the body"));
        };
        let mut family = read_family(Message { bytes, at: stream.at })?;
        stream = Message { bytes: rest, at: stream.at + size };
        samples += family.samples.len() + family.native.len();
        if samples > MAX_SAMPLES {
            return Err(stream.error("more than 1048576 samples in one push"));
        }
        super::text::arrange(&mut family);
        families.insert(family.name.clone(), family);
    }
    Ok(families)
}

fn text(message: Message<'_>) -> Result<String, Error> {
    match std::str::from_utf8(message.bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(message.error("a string is not valid UTF-8")),
    }
}

fn read_family(mut message: Message<'_>) -> Result<Family, Error> {
    let mut family = Family::new("", Kind::Counter, "");
    let mut metrics = Vec::new();
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Bytes(name)) => family.name = text(name)?,
            (2, Value::Bytes(help)) => family.help = text(help)?,
            (3, Value::Varint(kind)) => {
                family.kind = match kind {
                    0 => Kind::Counter,
                    1 => Kind::Gauge,
                    2 => Kind::Summary,
                    3 => Kind::Untyped,
                    4 => Kind::Histogram,
                    5 => Kind::GaugeHistogram,
                    _ => return Err(message.error("unknown type of a metric family")),
                };
            }
            (4, Value::Bytes(metric)) => metrics.push(metric),
            (1..=4, _) => return Err(message.error("a field of a metric family has the wrong type")),
            _ => {}
        }
    }
    for metric in metrics {
        read_metric(metric, &mut family)?;
    }
    Ok(family)
}

fn read_metric(mut message: Message<'_>, family: &mut Family) -> Result<(), Error> {
    let mut labels = Vec::new();
    let mut content = None;
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Bytes(pair)) => labels.push(read_label(pair)?),
            (2..=5 | 7, Value::Bytes(inner)) => content = Some((number, inner)),
            (6, Value::Varint(_)) => family.timestamped = true,
            (1..=7, _) => return Err(message.error("a field of a metric has the wrong type")),
            _ => {}
        }
    }
    labels.sort();
    // Without a value message the value is the default of its type.
    let (number, inner) = content.unwrap_or((5, Message { bytes: &[], at: message.at }));
    match number {
        4 => read_summary(inner, labels, family),
        7 => read_histogram(inner, labels, family),
        _ => {
            let value = read_number(inner)?;
            family.samples.push(Sample { suffix: String::new(), labels, value });
            Ok(())
        }
    }
}

fn read_label(mut message: Message<'_>) -> Result<(String, String), Error> {
    let mut pair = (String::new(), String::new());
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Bytes(name)) => pair.0 = text(name)?,
            (2, Value::Bytes(value)) => pair.1 = text(value)?,
            (1 | 2, _) => return Err(message.error("a label's name or value is not a string")),
            _ => {}
        }
    }
    Ok(pair)
}

/// `value` of a gauge, counter or untyped metric.
fn read_number(mut message: Message<'_>) -> Result<f64, Error> {
    let mut number = 0.0;
    while let Some((field, value)) = message.field()? {
        if let (1, Value::Fixed64(bits)) = (field, value) {
            number = f64::from_bits(bits);
        }
    }
    Ok(number)
}

fn with(labels: &[(String, String)], name: &str, value: f64) -> Vec<(String, String)> {
    let mut text = String::new();
    push_number(&mut text, value);
    let mut labels = labels.to_vec();
    labels.push((name.to_owned(), text));
    labels.sort();
    labels
}

fn totals(family: &mut Family, labels: Vec<(String, String)>, sum: f64, count: f64) {
    family.samples.push(Sample { suffix: "_sum".to_owned(), labels: labels.clone(), value: sum });
    family.samples.push(Sample { suffix: "_count".to_owned(), labels, value: count });
}

fn read_summary(
    mut message: Message<'_>,
    labels: Vec<(String, String)>,
    family: &mut Family,
) -> Result<(), Error> {
    let (mut sum, mut count) = (0.0, 0.0);
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(n)) => count = n as f64,
            (2, Value::Fixed64(bits)) => sum = f64::from_bits(bits),
            (3, Value::Bytes(mut quantile)) => {
                let (mut at, mut v) = (0.0, 0.0);
                while let Some((number, value)) = quantile.field()? {
                    match (number, value) {
                        (1, Value::Fixed64(bits)) => at = f64::from_bits(bits),
                        (2, Value::Fixed64(bits)) => v = f64::from_bits(bits),
                        _ => {}
                    }
                }
                let labels = with(&labels, "quantile", at);
                family.samples.push(Sample { suffix: String::new(), labels, value: v });
            }
            (1..=3, _) => return Err(message.error("a field of a summary has the wrong type")),
            _ => {}
        }
    }
    totals(family, labels, sum, count);
    Ok(())
}

/// A histogram under way: classic buckets, or the parts of a native one.
#[derive(Default)]
struct Parts {
    count: Option<f64>,
    count_float: Option<f64>,
    zero_float: Option<f64>,
    buckets: Vec<(f64, f64)>,
    native: bool,
    deltas: [Vec<i64>; 2],
}

fn read_histogram(
    mut message: Message<'_>,
    labels: Vec<(String, String)>,
    family: &mut Family,
) -> Result<(), Error> {
    let mut parts = Parts::default();
    let mut value = Histogram::default();
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Value::Varint(n)) => parts.count = Some(n as f64),
            (2, Value::Fixed64(bits)) => value.sum = f64::from_bits(bits),
            (3, Value::Bytes(bucket)) => parts.buckets.push(read_bucket(bucket)?),
            (4, Value::Fixed64(bits)) => parts.count_float = Some(f64::from_bits(bits)),
            (5, Value::Varint(raw)) => value.schema = zigzag(raw) as i32,
            (6, Value::Fixed64(bits)) => value.zero_threshold = f64::from_bits(bits),
            (7, Value::Varint(n)) => value.zero_count = n as f64,
            (8, Value::Fixed64(bits)) => parts.zero_float = Some(f64::from_bits(bits)),
            (9, Value::Bytes(span)) => value.negative_spans.push(read_span(span)?),
            (12, Value::Bytes(span)) => {
                parts.native = true;
                value.positive_spans.push(read_span(span)?);
            }
            (10 | 13, field) => deltas(&mut parts.deltas[usize::from(number == 13)], &message, field)?,
            (11, field) => doubles(&mut value.negative_buckets, &message, field)?,
            (14, field) => doubles(&mut value.positive_buckets, &message, field)?,
            _ => {}
        }
    }
    parts.native |= !value.negative_spans.is_empty();
    value.count = parts.count_float.filter(|c| *c > 0.0).or(parts.count).unwrap_or(0.0);
    if parts.native {
        let integer = parts.count_float.is_none_or(|c| c == 0.0);
        if integer {
            let [negative, positive] = &parts.deltas;
            value.negative_buckets = absolute(negative);
            value.positive_buckets = absolute(positive);
        } else {
            value.zero_count = parts.zero_float.unwrap_or(value.zero_count);
        }
        if family.kind == Kind::GaugeHistogram {
            value.reset_hint = ResetHint::Gauge;
        }
        let (sum, count) = (value.sum, value.count);
        family.native.push(Native { labels: labels.clone(), value, integer });
        put_classic(family, parts.buckets, labels, sum, count);
    } else {
        put_classic(family, parts.buckets, labels, value.sum, value.count);
    }
    Ok(())
}

/// The classic part, which every histogram has: its count is that of the last bucket.
fn put_classic(
    family: &mut Family,
    mut buckets: Vec<(f64, f64)>,
    labels: Vec<(String, String)>,
    sum: f64,
    count: f64,
) {
    if !buckets.iter().any(|(bound, _)| *bound == f64::INFINITY) {
        buckets.push((f64::INFINITY, count));
    }
    for (bound, count) in buckets {
        let labels = with(&labels, "le", bound);
        family.samples.push(Sample { suffix: "_bucket".to_owned(), labels, value: count });
    }
    totals(family, labels, sum, count);
}

fn read_bucket(mut message: Message<'_>) -> Result<(f64, f64), Error> {
    let (mut bound, mut count) = (0.0, 0.0);
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(n)) => count = n as f64,
            (2, Value::Fixed64(bits)) => bound = f64::from_bits(bits),
            (4, Value::Fixed64(bits)) if bits != 0 => count = f64::from_bits(bits),
            _ => {}
        }
    }
    Ok((bound, count))
}

fn read_span(mut message: Message<'_>) -> Result<Span, Error> {
    let mut span = Span { offset: 0, length: 0 };
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(raw)) => span.offset = zigzag(raw) as i32,
            (2, Value::Varint(length)) => span.length = length as u32,
            _ => {}
        }
    }
    Ok(span)
}

const fn zigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

fn deltas(out: &mut Vec<i64>, message: &Message<'_>, field: Value<'_>) -> Result<(), Error> {
    match field {
        Value::Varint(raw) => out.push(zigzag(raw)),
        Value::Bytes(mut packed) => {
            while !packed.bytes.is_empty() {
                out.push(zigzag(packed.varint()?));
            }
        }
        _ => return Err(message.error("a bucket delta has the wrong type")),
    }
    Ok(())
}

fn doubles(out: &mut Vec<f64>, message: &Message<'_>, field: Value<'_>) -> Result<(), Error> {
    match field {
        Value::Fixed64(bits) => out.push(f64::from_bits(bits)),
        Value::Bytes(packed) => {
            let (eights, rest) = packed.bytes.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(packed.error("packed doubles are not a multiple of 8 bytes"));
            }
            out.extend(eights.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        }
        _ => return Err(message.error("a bucket count has the wrong type")),
    }
    Ok(())
}

fn absolute(deltas: &[i64]) -> Vec<f64> {
    let mut sum = 0i64;
    let next = |delta: &i64| {
        sum = sum.wrapping_add(*delta);
        sum as f64
    };
    deltas.iter().map(next).collect()
}
