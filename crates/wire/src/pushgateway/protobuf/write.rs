//! Families as delimited messages, native histograms included.

use crate::exposition::parse_float;
use crate::exposition::write::Escaping;
use crate::pushgateway::{Family, Kind, Native, Sample};
use crate::remote_write::proto::{put_bytes, put_varint};

/// Labels without the one that tells a bucket or a quantile.
type Base<'f> = Vec<&'f (String, String)>;

/// Writes families as Pushgateway exposes them to those that ask for protobuf.
pub fn write<'f>(families: impl IntoIterator<Item = &'f Family>, escaping: Escaping) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        let mut message = Vec::new();
        put_bytes(&mut message, 1, escaping.metric_name(&family.name).as_bytes());
        if !family.help.is_empty() {
            put_bytes(&mut message, 2, family.help.as_bytes());
        }
        put_tagged(&mut message, 3, number(family.kind));
        let mut natives: Vec<&Native> = family.native.iter().collect();
        // Samples of one metric follow each other: they are arranged.
        for samples in family.samples.chunk_by(|a, b| {
            matches!(family.kind, Kind::Summary | Kind::Histogram | Kind::GaugeHistogram)
                && base(a) == base(b)
        }) {
            let labels = samples.first().map(base).unwrap_or_default();
            let at = natives.iter().position(|native| native.labels.iter().eq(labels.iter().copied()));
            let native = at.map(|at| natives.swap_remove(at));
            put_metric(&mut message, family.kind, &labels, samples, native, escaping);
        }
        for native in natives {
            put_metric(
                &mut message,
                family.kind,
                &native.labels.iter().collect(),
                &[],
                Some(native),
                escaping,
            );
        }
        put_varint(&mut out, message.len() as u64);
        out.append(&mut message);
    }
    out
}

fn base(sample: &Sample) -> Base<'_> {
    sample.labels.iter().filter(|(name, _)| name != "le" && name != "quantile").collect()
}

const fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Summary => 2,
        Kind::Untyped => 3,
        Kind::Histogram => 4,
        Kind::GaugeHistogram => 5,
    }
}

fn put_metric(
    out: &mut Vec<u8>,
    kind: Kind,
    labels: &Base<'_>,
    samples: &[Sample],
    native: Option<&Native>,
    escaping: Escaping,
) {
    let (mut metric, mut field) = (Vec::new(), Vec::new());
    // Where it tells nothing, `le` is a label as any other.
    let plain: Base<'_> = match samples {
        [one] if matches!(kind, Kind::Counter | Kind::Gauge | Kind::Untyped) => one.labels.iter().collect(),
        _ => labels.clone(),
    };
    for (name, value) in plain {
        field.clear();
        put_bytes(&mut field, 1, escaping.label_name(name).as_bytes());
        put_bytes(&mut field, 2, value.as_bytes());
        put_bytes(&mut metric, 1, &field);
    }
    field.clear();
    let content = match kind {
        Kind::Gauge => 2,
        Kind::Counter => 3,
        Kind::Summary => 4,
        Kind::Untyped => 5,
        Kind::Histogram | Kind::GaugeHistogram => 7,
    };
    match kind {
        Kind::Summary => put_parts(&mut field, samples, "quantile"),
        Kind::Histogram | Kind::GaugeHistogram => {
            put_parts(&mut field, samples, "le");
            if let Some(native) = native {
                put_native(&mut field, native, samples.is_empty());
            }
        }
        _ => {
            for sample in samples {
                put_double(&mut field, 1, sample.value);
            }
        }
    }
    put_bytes(&mut metric, content, &field);
    put_bytes(out, 4, &metric);
}

/// Count, sum, and the quantiles or buckets.
fn put_parts(out: &mut Vec<u8>, samples: &[Sample], of: &str) {
    for sample in samples {
        match sample.suffix.as_str() {
            "_count" => put_tagged(out, 1, sample.value as u64),
            "_sum" => put_double(out, 2, sample.value),
            _ => {
                let text = sample.labels.iter().find(|(name, _)| name == of).map_or("", |(_, v)| v);
                let (at, mut part) = (parse_float(text).unwrap_or(f64::NAN), Vec::new());
                if of == "quantile" {
                    put_double(&mut part, 1, at);
                    put_double(&mut part, 2, sample.value);
                } else if at == f64::INFINITY {
                    // The count says it, as in Go's library.
                    continue;
                } else {
                    put_tagged(&mut part, 1, sample.value as u64);
                    put_double(&mut part, 2, at);
                }
                put_bytes(out, 3, &part);
            }
        }
    }
}

fn put_native(out: &mut Vec<u8>, native: &Native, with_totals: bool) {
    let h = &native.value;
    if !native.integer {
        put_double(out, 4, h.count);
    } else if with_totals {
        put_tagged(out, 1, h.count as u64);
    }
    if with_totals {
        put_double(out, 2, h.sum);
    }
    put_tagged(out, 5, zigzag(i64::from(h.schema)));
    put_double(out, 6, h.zero_threshold);
    if native.integer {
        put_tagged(out, 7, h.zero_count as u64);
    } else {
        put_double(out, 8, h.zero_count);
    }
    for (spans, counts, field) in
        [(&h.negative_spans, &h.negative_buckets, 9), (&h.positive_spans, &h.positive_buckets, 12)]
    {
        for span in spans {
            let mut message = Vec::new();
            put_tagged(&mut message, 1, zigzag(i64::from(span.offset)));
            put_tagged(&mut message, 2, u64::from(span.length));
            put_bytes(out, field, &message);
        }
        let mut before = 0;
        for count in counts {
            if native.integer {
                let count = *count as i64;
                put_tagged(out, field + 1, zigzag(count.wrapping_sub(before)));
                before = count;
            } else {
                put_double(out, field + 2, *count);
            }
        }
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn put_tagged(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

/// A zero is written, too: the fields are optional ones.
fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}
