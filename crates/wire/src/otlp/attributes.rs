//! Attributes as labels.

use base64::Engine as _;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// An attribute's value as text: scalars as they are, bytes in base64, lists and maps as JSON.
pub(super) fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BytesValue(bytes)) => base64::engine::general_purpose::STANDARD.encode(bytes),
        None => String::new(),
        Some(_) => {
            let mut out = String::new();
            push_json(&mut out, value);
            out
        }
    }
}

fn push_json(out: &mut String, value: Option<&AnyValue>) {
    use std::fmt::Write as _;
    match value.and_then(|v| v.value.as_ref()) {
        None | Some(Value::StringValueStrindex(_)) => out.push_str("null"),
        Some(Value::StringValue(text)) => push_string(out, text),
        Some(Value::BytesValue(bytes)) => {
            push_string(out, &base64::engine::general_purpose::STANDARD.encode(bytes));
        }
        Some(Value::BoolValue(b)) => out.push_str(if *b { "true" } else { "false" }),
        Some(Value::IntValue(n)) => {
            let _ = write!(out, "{n}");
        }
        Some(Value::DoubleValue(v)) => push_double(out, *v),
        Some(Value::ArrayValue(list)) => {
            out.push('[');
            for (at, item) in list.values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_json(out, Some(item));
            }
            out.push(']');
        }
        Some(Value::KvlistValue(map)) => {
            let mut pairs: Vec<&KeyValue> = map.values.iter().collect();
            pairs.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (at, pair) in pairs.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_string(out, &pair.key);
                out.push(':');
                push_json(out, pair.value.as_ref());
            }
            out.push('}');
        }
    }
}

/// As JSON encoders of Go write floats: an exponent below 1e-6 and from 1e21 on.
fn push_double(out: &mut String, v: f64) {
    use std::fmt::Write as _;
    let size = v.abs();
    if !v.is_finite() {
        out.push_str(if v.is_nan() {
            "NaN"
        } else if v > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        });
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        let _ = write!(out, "{v}");
    } else {
        let text = format!("{v:e}");
        let _ = write!(out, "{}", if size >= 1e21 { text.replace('e', "e+") } else { text });
    }
}

fn push_string(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The value of `key`, if the attribute is there.
pub(super) fn find(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().find(|a| a.key == key).map(|a| text(a.value.as_ref()))
}
