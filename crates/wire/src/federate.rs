//! What `/federate` answers: the newest sample of each series, in the text format or as delimited
//! `io.prometheus.client.MetricFamily` messages.
//!
//! As in Prometheus, OpenMetrics is not offered, native histograms go into protobuf only, and those with custom buckets
//! become classic histograms. Field numbers are those of prometheus/client_model `metrics.proto`.

use model::{Histogram, ResetHint, Span};

use crate::exposition::write::{Escaping, push_head, push_number, push_sample};
use crate::histogram::CUSTOM_SCHEMA;
use crate::remote_write::proto::{put_bytes, put_varint};

/// What the asker reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Delimited protobuf, or text.
    pub protobuf: bool,
    /// How names beyond the classic ones are written.
    pub escaping: Escaping,
}

impl Format {
    /// The best of what an `Accept` header names; text where it names nothing known.
    pub fn negotiate(accept: &str) -> Self {
        let mut best = (-1.0, Self { protobuf: false, escaping: Escaping::Underscores });
        for clause in accept.split(',') {
            let mut parts = clause.split(';').map(str::trim);
            let media = parts.next().unwrap_or("");
            let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
            let of = |name: &str| {
                parameters.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.trim_matches('"'))
            };
            let quality: f64 = of("q").parse().unwrap_or(1.0);
            let escaping = Escaping::named(of("escaping"));
            let protobuf = media == "application/vnd.google.protobuf"
                && of("proto") == "io.prometheus.client.MetricFamily"
                && of("encoding") == "delimited";
            let text = media == "text/plain" && matches!(of("version"), "" | "0.0.4" | "1.0.0");
            if (protobuf || text) && quality > best.0 {
                best = (quality, Self { protobuf, escaping });
            }
        }
        best.1
    }

    /// The content type of the answer.
    pub fn content_type(self) -> String {
        let escaping = self.escaping.as_str();
        if self.protobuf {
            format!(
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; \
                 escaping={escaping}"
            )
        } else {
            format!("text/plain; version=0.0.4; charset=utf-8; escaping={escaping}")
        }
    }
}

/// A sample to write.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(&'a Histogram),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    name: String,
    kind: &'static str,
    number: u64,
}

/// Writes samples; those of one name and type must follow each other.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    out: Vec<u8>,
    head: Option<Head>,
    /// The family under way, of protobuf: its metrics.
    metrics: Vec<u8>,
}

impl Writer {
    /// A writer of `format`.
    pub const fn new(format: Format) -> Self {
        Self { format, out: Vec::new(), head: None, metrics: Vec::new() }
    }

    /// Adds a sample; `labels` without the name, in the order in which they are to be written. `false`: the format has
    /// no place for it.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], t: i64, value: Value<'_>) -> bool {
        let (kind, number) = match value {
            Value::Float(_) => ("untyped", 3),
            Value::Histogram(h) if h.schema != CUSTOM_SCHEMA && !self.format.protobuf => return false,
            Value::Histogram(h) if h.reset_hint == ResetHint::Gauge => ("gaugehistogram", 5),
            Value::Histogram(_) => ("histogram", 4),
        };
        let escaping = self.format.escaping;
        let head = Head { name: escaping.metric_name(name).into_owned(), kind, number };
        if self.head.as_ref() != Some(&head) {
            self.end_family();
            if !self.format.protobuf {
                // The text format has no gauge histograms.
                let kind = if kind == "gaugehistogram" { "histogram" } else { kind };
                self.text(|out| push_head(out, &head.name, None, kind));
            }
            self.head = Some(head);
        }
        let labels: Vec<_> = labels.iter().map(|(n, v)| (escaping.label_name(n), *v)).collect();
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (n.as_ref(), *v)).collect();
        if self.format.protobuf {
            put_metric(&mut self.metrics, &labels, t, value);
        } else {
            let name = escaping.metric_name(name);
            self.text(|out| match value {
                Value::Float(v) => push_sample(out, &name, labels, v, Some(t)),
                Value::Histogram(h) => push_classic(out, &name, &labels, t, h),
            });
        }
        true
    }

    fn text(&mut self, write: impl FnOnce(&mut String)) {
        let mut text = String::new();
        write(&mut text);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn end_family(&mut self) {
        let Some(head) = self.head.take() else { return };
        if !self.format.protobuf {
            return;
        }
        let mut family = Vec::with_capacity(self.metrics.len() + head.name.len() + 16);
        put_bytes(&mut family, 1, head.name.as_bytes());
        put_varint(&mut family, 3 << 3);
        put_varint(&mut family, head.number);
        family.append(&mut self.metrics);
        put_varint(&mut self.out, family.len() as u64);
        self.out.append(&mut family);
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len() + self.metrics.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole answer.
    pub fn finish(mut self) -> Vec<u8> {
        self.end_family();
        self.out
    }
}

/// Cumulative counts up to each custom bound.
fn cumulative(h: &Histogram) -> impl Iterator<Item = (f64, f64)> + '_ {
    let mut counts = vec![0.0; h.custom_values.len()];
    let mut index = 0i64;
    let mut buckets = h.positive_buckets.iter();
    for span in &h.positive_spans {
        index += i64::from(span.offset);
        for count in buckets.by_ref().take(span.length as usize) {
            if let Some(held) = usize::try_from(index).ok().and_then(|at| counts.get_mut(at)) {
                *held += count;
            }
            index += 1;
        }
    }
    let mut sum = 0.0;
    h.custom_values.iter().zip(counts).map(move |(bound, count)| {
        sum += count;
        (*bound, sum)
    })
}

fn push_classic(out: &mut String, name: &str, labels: &[(&str, &str)], t: i64, h: &Histogram) {
    for (bound, count) in cumulative(h).chain([(f64::INFINITY, h.count)]) {
        let mut le = String::new();
        push_number(&mut le, bound);
        let labels = labels.iter().copied().chain([("le", le.as_str())]);
        push_sample(out, &format!("{name}_bucket"), labels, count, Some(t));
    }
    push_sample(out, &format!("{name}_sum"), labels.iter().copied(), h.sum, Some(t));
    push_sample(out, &format!("{name}_count"), labels.iter().copied(), h.count, Some(t));
}

fn put_metric(out: &mut Vec<u8>, labels: &[(&str, &str)], t: i64, value: Value<'_>) {
    let (mut metric, mut field) = (Vec::new(), Vec::new());
    for (name, value) in labels {
        field.clear();
        put_bytes(&mut field, 1, name.as_bytes());
        put_bytes(&mut field, 2, value.as_bytes());
        put_bytes(&mut metric, 1, &field);
    }
    field.clear();
    match value {
        Value::Float(v) => {
            put_f64(&mut field, 1, v);
            put_bytes(&mut metric, 5, &field);
        }
        Value::Histogram(h) => {
            put_f64(&mut field, 4, h.count);
            put_f64(&mut field, 2, h.sum);
            if h.schema == CUSTOM_SCHEMA {
                put_classic(&mut field, h);
            } else {
                put_native(&mut field, h);
            }
            put_bytes(&mut metric, 7, &field);
        }
    }
    put_varint(&mut metric, 6 << 3);
    put_varint(&mut metric, t as u64);
    put_bytes(out, 4, &metric);
}

fn put_classic(out: &mut Vec<u8>, h: &Histogram) {
    for (bound, count) in cumulative(h) {
        let mut bucket = Vec::new();
        put_f64(&mut bucket, 2, bound);
        put_f64(&mut bucket, 4, count);
        put_bytes(out, 3, &bucket);
    }
}

fn put_native(out: &mut Vec<u8>, h: &Histogram) {
    put_varint(out, 5 << 3);
    put_varint(out, zigzag(h.schema));
    put_f64(out, 6, h.zero_threshold);
    put_f64(out, 8, h.zero_count);
    let sides =
        [(9, &h.negative_spans, 11, &h.negative_buckets), (12, &h.positive_spans, 14, &h.positive_buckets)];
    for (spans_field, spans, counts_field, counts) in sides {
        for Span { offset, length } in spans {
            let mut span = Vec::new();
            put_varint(&mut span, 1 << 3);
            put_varint(&mut span, zigzag(*offset));
            put_varint(&mut span, 2 << 3);
            put_varint(&mut span, u64::from(*length));
            put_bytes(out, spans_field, &span);
        }
        for count in counts {
            put_f64(out, counts_field, *count);
        }
    }
}

const fn zigzag(value: i32) -> u64 {
    ((value << 1) ^ (value >> 31)) as u32 as u64
}

fn put_f64(out: &mut Vec<u8>, number: u32, value: f64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom() -> Histogram {
        Histogram {
            schema: CUSTOM_SCHEMA,
            count: 6.0,
            sum: 9.5,
            positive_spans: vec![Span { offset: 0, length: 1 }, Span { offset: 1, length: 1 }],
            positive_buckets: vec![1.0, 5.0],
            custom_values: vec![0.5, 1.0],
            ..Histogram::default()
        }
    }

    #[test]
    fn the_format_is_what_is_asked_for() {
        let of = |accept: &str| (Format::negotiate(accept).protobuf, Format::negotiate(accept).escaping);
        assert_eq!(of(""), (false, Escaping::Underscores));
        assert_eq!(of("*/*"), (false, Escaping::Underscores));
        assert_eq!(
            of("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"),
            (false, Escaping::Underscores)
        );
        let prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;\
                          escaping=allow-utf-8;q=0.7,text/plain;version=0.0.4;q=0.3";
        assert_eq!(of(prometheus), (true, Escaping::AllowUtf8));
        assert_eq!(of("text/plain;version=0.0.4;escaping=dots"), (false, Escaping::Dots));
        assert_eq!(of("text/plain;version=0.0.4;escaping=values"), (false, Escaping::Values));
        assert_eq!(
            of("application/vnd.google.protobuf;q=0.9,text/plain;q=0.8"),
            (false, Escaping::Underscores)
        );
    }

    #[test]
    fn text_has_a_head_for_each_name_and_no_native_histograms() {
        let mut writer = Writer::new(Format { protobuf: false, escaping: Escaping::Underscores });
        assert!(writer.sample("a.b", &[("job", "x"), ("instance", "")], 5, Value::Float(1.0)));
        assert!(writer.sample("a.b", &[("job", "y")], 6, Value::Float(1e6)));
        assert!(!writer.sample("n", &[], 6, Value::Histogram(&Histogram::default())));
        assert!(writer.sample("h", &[("job", "x")], 7, Value::Histogram(&custom())));
        assert_eq!(
            String::from_utf8(writer.finish()).unwrap(),
            "# TYPE a_b untyped\na_b{job=\"x\",instance=\"\"} 1 5\na_b{job=\"y\"} 1e+06 6\n# TYPE h histogram\n\
             h_bucket{job=\"x\",le=\"0.5\"} 1 7\nh_bucket{job=\"x\",le=\"1\"} 1 7\nh_bucket{job=\"x\",le=\"+Inf\"} 6 7\n\
             h_sum{job=\"x\"} 9.5 7\nh_count{job=\"x\"} 6 7\n"
        );
    }

    #[test]
    fn protobuf_is_delimited_family_by_family() {
        use crate::remote_write::proto::{Message, Value as Field};
        let mut writer = Writer::new(Format { protobuf: true, escaping: Escaping::AllowUtf8 });
        writer.sample("a", &[("job", "x")], 5, Value::Float(1.0));
        writer.sample("a", &[("job", "y")], 5, Value::Float(1.0));
        writer.sample("n", &[], 6, Value::Histogram(&Histogram { schema: -1, ..Histogram::default() }));
        writer.sample("h", &[], 6, Value::Histogram(&custom()));
        let bytes = writer.finish();
        let mut stream = Message { bytes: &bytes, at: 0 };
        let mut seen = Vec::new();
        while !stream.bytes.is_empty() {
            let size = stream.varint().unwrap() as usize;
            let mut family = Message { bytes: &stream.bytes[..size], at: 0 };
            stream.bytes = &stream.bytes[size..];
            let (mut name, mut kind, mut metrics) = (String::new(), 0, 0);
            while let Some((number, value)) = family.field().unwrap() {
                match (number, value) {
                    (1, Field::Bytes(text)) => name = String::from_utf8(text.bytes.to_vec()).unwrap(),
                    (3, Field::Varint(number)) => kind = number,
                    (4, Field::Bytes(_)) => metrics += 1,
                    other => panic!("{other:?}"),
                }
            }
            seen.push((name, kind, metrics));
        }
        assert_eq!(seen, [("a".to_owned(), 3, 2), ("n".to_owned(), 4, 1), ("h".to_owned(), 4, 1)]);
    }
}
