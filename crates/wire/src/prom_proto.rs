//! Prometheus' protobuf exposition format: `io.prometheus.client.MetricFamily` messages, each after its length.
//!
//! The only format with native histograms. [`Parser::next_family`] gives a family, [`Family::metrics`] its metrics one
//! by one; text is borrowed from the body.

mod histogram;

use crate::exposition::Kind;
use crate::remote_write::Error;
use crate::remote_write::proto::{Message, Value as Field};

pub use histogram::{Bucket, HistogramValue};

/// Most labels of a metric or an exemplar; more are refused.
const MAX_LABELS: usize = 1 << 12;
/// Most quantiles of a summary; more are refused.
const MAX_QUANTILES: usize = 1 << 12;

/// Reads a body family by family.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    rest: Message<'a>,
}

/// Metrics of one name.
#[derive(Debug, Clone)]
pub struct Family<'a> {
    /// Name.
    pub name: &'a str,
    /// Help text.
    pub help: &'a str,
    /// Type.
    pub kind: Kind,
    /// Unit, or empty.
    pub unit: &'a str,
    message: Message<'a>,
}

/// One metric: a label set with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric<'a> {
    /// Labels in the order sent.
    pub labels: Vec<(&'a str, &'a str)>,
    /// The timestamp, if there is one, in ms since the Unix epoch.
    pub timestamp_ms: Option<i64>,
    /// Start timestamp in ms, 0: not known.
    pub start_ms: i64,
    /// The value.
    pub value: Value<'a>,
}

/// A value by its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A counter, a gauge, or something without type.
    Number(f64, Option<Exemplar<'a>>),
    /// A summary.
    Summary {
        /// Observations.
        count: f64,
        /// Their sum.
        sum: f64,
        /// Quantile and value.
        quantiles: Vec<(f64, f64)>,
    },
    /// A histogram: classic, native, or both.
    Histogram(Box<HistogramValue<'a>>),
}

/// One observation behind a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exemplar<'a> {
    /// Its labels.
    pub labels: Vec<(&'a str, &'a str)>,
    /// The observed value.
    pub value: f64,
    /// When, if told, in ms since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `body`.
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: Message { bytes: body, at: 0 } }
    }

    /// The next family, `None` at the end. After an error the parser is of no further use.
    pub fn next_family(&mut self) -> Result<Option<Family<'a>>, Error> {
        if self.rest.bytes.is_empty() {
            return Ok(None);
        }
        let message = self.rest.delimited()?;
        let mut family = Family { name: "", help: "", kind: Kind::Counter, unit: "", message };
        let mut fields = message;
        while let Some((number, field)) = fields.field()? {
            match (number, field) {
                (1, Field::Bytes(text)) => family.name = utf8(text)?,
                (2, Field::Bytes(text)) => family.help = utf8(text)?,
                (3, Field::Varint(kind)) => {
                    family.kind = match kind {
                        0 => Kind::Counter,
                        1 => Kind::Gauge,
                        2 => Kind::Summary,
                        3 => Kind::Unknown,
                        4 => Kind::Histogram,
                        5 => Kind::GaugeHistogram,
                        _ => return Err(fields.error("unknown metric type")),
                    }
                }
                (5, Field::Bytes(text)) => family.unit = utf8(text)?,
                (1..=5, Field::Bytes(_)) => {}
                (1..=5, _) => return Err(fields.error("a field of a metric family has the wrong type")),
                _ => {}
            }
        }
        if family.name.is_empty() {
            return Err(message.error("a metric family without name"));
        }
        Ok(Some(family))
    }
}

impl<'a> Family<'a> {
    /// The metrics of the family.
    pub const fn metrics(&self) -> Metrics<'a> {
        Metrics { kind: self.kind, rest: self.message }
    }
}

/// See [`Family::metrics`].
#[derive(Debug, Clone)]
pub struct Metrics<'a> {
    kind: Kind,
    rest: Message<'a>,
}

impl<'a> Metrics<'a> {
    /// The next metric, `None` at the end.
    pub fn next_metric(&mut self) -> Result<Option<Metric<'a>>, Error> {
        while let Some((number, field)) = self.rest.field()? {
            if let (4, Field::Bytes(message)) = (number, field) {
                return metric(self.kind, message).map(Some);
            }
        }
        Ok(None)
    }
}

fn metric(kind: Kind, mut message: Message<'_>) -> Result<Metric<'_>, Error> {
    let empty = match kind {
        Kind::Summary => Value::Summary { count: 0.0, sum: 0.0, quantiles: Vec::new() },
        Kind::Histogram | Kind::GaugeHistogram => Value::Histogram(Box::default()),
        _ => Value::Number(0.0, None),
    };
    let mut metric = Metric { labels: Vec::new(), timestamp_ms: None, start_ms: 0, value: empty };
    while let Some((number, field)) = message.field()? {
        match (number, field, kind) {
            (1, Field::Bytes(pair), _) => push_label(&mut metric.labels, pair)?,
            (2, Field::Bytes(value), Kind::Gauge) | (5, Field::Bytes(value), Kind::Unknown) => {
                metric.value = number_value(value, &mut 0)?;
            }
            (3, Field::Bytes(value), Kind::Counter) => {
                metric.value = number_value(value, &mut metric.start_ms)?;
            }
            (4, Field::Bytes(value), Kind::Summary) => metric.value = summary(value, &mut metric.start_ms)?,
            (7, Field::Bytes(value), Kind::Histogram | Kind::GaugeHistogram) => {
                let histogram = histogram::read(value, &mut metric.start_ms)?;
                metric.value = Value::Histogram(Box::new(histogram));
            }
            // Not set and 0 cannot be told apart by every sender: 0 is no timestamp.
            (6, Field::Varint(ms), _) => metric.timestamp_ms = Some(ms as i64).filter(|ms| *ms != 0),
            (1..=7, Field::Bytes(_), _) => {}
            (1..=7, _, _) => return Err(message.error("a field of a metric has the wrong type")),
            _ => {}
        }
    }
    Ok(metric)
}

/// A gauge, a counter or something without type: the value is always field 1.
fn number_value<'a>(mut message: Message<'a>, start_ms: &mut i64) -> Result<Value<'a>, Error> {
    let (mut value, mut found) = (0.0, None);
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Fixed64(bits)) => value = f64::from_bits(bits),
            (2, Field::Bytes(bytes)) => found = Some(exemplar(bytes)?),
            (3, Field::Bytes(bytes)) => *start_ms = timestamp(bytes)?,
            (1..=3, _) => return Err(message.error("a field of a value has the wrong type")),
            _ => {}
        }
    }
    Ok(Value::Number(value, found))
}

fn summary<'a>(mut message: Message<'a>, start_ms: &mut i64) -> Result<Value<'a>, Error> {
    let (mut count, mut sum, mut quantiles) = (0.0, 0.0, Vec::new());
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Varint(value)) => count = value as f64,
            (2, Field::Fixed64(bits)) => sum = f64::from_bits(bits),
            (3, Field::Bytes(mut quantile)) => {
                if quantiles.len() >= MAX_QUANTILES {
                    return Err(quantile.error("more than 4096 quantiles"));
                }
                let mut pair = [0.0; 2];
                while let Some((number, field)) = quantile.field()? {
                    match (number, field) {
                        (1, Field::Fixed64(bits)) => pair[0] = f64::from_bits(bits),
                        (2, Field::Fixed64(bits)) => pair[1] = f64::from_bits(bits),
                        (1 | 2, _) => return Err(quantile.error("a field of a quantile has the wrong type")),
                        _ => {}
                    }
                }
                quantiles.push((pair[0], pair[1]));
            }
            (4, Field::Bytes(bytes)) => *start_ms = timestamp(bytes)?,
            (1..=4, _) => return Err(message.error("a field of a summary has the wrong type")),
            _ => {}
        }
    }
    Ok(Value::Summary { count, sum, quantiles })
}

fn exemplar(mut message: Message<'_>) -> Result<Exemplar<'_>, Error> {
    let mut exemplar = Exemplar::default();
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Bytes(pair)) => push_label(&mut exemplar.labels, pair)?,
            (2, Field::Fixed64(bits)) => exemplar.value = f64::from_bits(bits),
            (3, Field::Bytes(bytes)) => exemplar.timestamp_ms = Some(timestamp(bytes)?),
            (1..=3, _) => return Err(message.error("a field of an exemplar has the wrong type")),
            _ => {}
        }
    }
    Ok(exemplar)
}

/// `google.protobuf.Timestamp` in ms.
fn timestamp(mut message: Message<'_>) -> Result<i64, Error> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Varint(value)) => seconds = value as i64,
            (2, Field::Varint(value)) => nanos = value as i64,
            (1 | 2, _) => return Err(message.error("a field of a timestamp has the wrong type")),
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}

fn push_label<'a>(labels: &mut Vec<(&'a str, &'a str)>, mut message: Message<'a>) -> Result<(), Error> {
    if labels.len() >= MAX_LABELS {
        return Err(message.error("more than 4096 labels"));
    }
    let mut pair = ("", "");
    while let Some((number, field)) = message.field()? {
        match (number, field) {
            (1, Field::Bytes(text)) => pair.0 = utf8(text)?,
            (2, Field::Bytes(text)) => pair.1 = utf8(text)?,
            (1 | 2, _) => return Err(message.error("a field of a label has the wrong type")),
            _ => {}
        }
    }
    labels.push(pair);
    Ok(())
}

fn utf8<'a>(message: Message<'a>) -> Result<&'a str, Error> {
    std::str::from_utf8(message.bytes).map_err(|_| message.error("text that is not UTF-8"))
}

#[cfg(test)]
mod tests;
