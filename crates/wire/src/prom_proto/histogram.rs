//! `io.prometheus.client.Histogram`: classic buckets and native ones in one message.

use model::{Histogram, ResetHint};

use super::{Exemplar, exemplar, timestamp};
use crate::remote_write::Error;
use crate::remote_write::proto::{Message, Value as Field};
use crate::remote_write::{Counts, deltas, doubles, push_span, zigzag};

/// Classic buckets of a histogram; more are refused.
const MAX_BUCKETS: usize = 1 << 16;
/// Exemplars of a histogram; more are refused.
const MAX_EXEMPLARS: usize = 1 << 12;

/// A classic bucket.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bucket<'a> {
    /// Upper bound.
    pub upper: f64,
    /// Observations up to it.
    pub count: f64,
    /// One of them.
    pub exemplar: Option<Exemplar<'a>>,
}

/// A histogram as sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramValue<'a> {
    /// Whether the counts of the native part are whole numbers.
    pub integer: bool,
    /// The native part; count and sum are those of both.
    pub native: Histogram,
    /// The classic part.
    pub buckets: Vec<Bucket<'a>>,
    /// Exemplars of the native part.
    pub exemplars: Vec<Exemplar<'a>>,
    no_op: bool,
}

impl HistogramValue<'_> {
    /// Whether there is a native part. A histogram without observations says so with an empty span.
    pub const fn is_native(&self) -> bool {
        self.no_op || self.native.zero_threshold > 0.0 || self.native.zero_count > 0.0
    }

    /// The native part, as a gauge's if it belongs to one.
    pub fn native(&self, gauge: bool) -> Histogram {
        let mut native = self.native.clone();
        if gauge {
            native.reset_hint = ResetHint::Gauge;
        }
        native
    }
}

pub(super) fn read<'a>(mut message: Message<'a>, start_ms: &mut i64) -> Result<HistogramValue<'a>, Error> {
    let mut value = HistogramValue::default();
    let native = &mut value.native;
    let (mut count, mut count_float, mut zero, mut zero_float) = (0.0, 0.0, 0.0, 0.0);
    let (mut negative, mut positive) = (Counts::default(), Counts::default());
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Varint(v)) => count = v as f64,
            (4, Field::Fixed64(bits)) => count_float = f64::from_bits(bits),
            (2, Field::Fixed64(bits)) => native.sum = f64::from_bits(bits),
            (3, Field::Bytes(bytes)) => {
                if value.buckets.len() >= MAX_BUCKETS {
                    return Err(message.error("more than 65536 buckets"));
                }
                value.buckets.push(bucket(bytes)?);
            }
            (5, Field::Varint(raw)) => native.schema = zigzag(raw) as i32,
            (6, Field::Fixed64(bits)) => native.zero_threshold = f64::from_bits(bits),
            (7, Field::Varint(v)) => zero = v as f64,
            (8, Field::Fixed64(bits)) => zero_float = f64::from_bits(bits),
            (9, Field::Bytes(span)) => push_span(&mut native.negative_spans, span)?,
            (12, Field::Bytes(span)) => push_span(&mut native.positive_spans, span)?,
            (10, field) => deltas(&mut negative, &message, field)?,
            (13, field) => deltas(&mut positive, &message, field)?,
            (11, field) => doubles(&mut negative.floats, &message, field)?,
            (14, field) => doubles(&mut positive.floats, &message, field)?,
            (15, Field::Bytes(bytes)) => *start_ms = timestamp(bytes)?,
            (16, Field::Bytes(bytes)) => {
                if value.exemplars.len() >= MAX_EXEMPLARS {
                    return Err(message.error("more than 4096 exemplars"));
                }
                value.exemplars.push(exemplar(bytes)?);
            }
            (1..=16, _) => return Err(message.error("a field of a histogram has the wrong type")),
            _ => {}
        }
    }
    let float = count_float > 0.0 || zero_float > 0.0;
    value.integer = !float;
    native.count = if float { count_float } else { count };
    native.zero_count = if float { zero_float } else { zero };
    value.no_op = !native.positive_spans.is_empty() || !native.negative_spans.is_empty();
    native.negative_buckets = negative.take(float);
    native.positive_buckets = positive.take(float);
    // Spans without buckets say only that the histogram is native.
    native.negative_spans.retain(|span| span.length > 0 || span.offset != 0);
    native.positive_spans.retain(|span| span.length > 0 || span.offset != 0);
    Ok(value)
}

fn bucket(mut message: Message<'_>) -> Result<Bucket<'_>, Error> {
    let mut bucket = Bucket::default();
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Varint(count)) if bucket.count == 0.0 => bucket.count = count as f64,
            (4, Field::Fixed64(bits)) if bits != 0 => bucket.count = f64::from_bits(bits),
            (2, Field::Fixed64(bits)) => bucket.upper = f64::from_bits(bits),
            (3, Field::Bytes(bytes)) => bucket.exemplar = Some(exemplar(bytes)?),
            (1, Field::Varint(_)) | (4, Field::Fixed64(_)) => {}
            (1..=4, _) => return Err(message.error("a field of a bucket has the wrong type")),
            _ => {}
        }
    }
    Ok(bucket)
}
