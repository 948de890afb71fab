//! `toJson`: values as Go's encoder writes them, with the names that Alertmanager's types have there.

use std::sync::Arc;

use gotmpl::Value;
use query::template::{print, times};

use super::member::{Kind, kind};

/// Fields of the data, in order.
const DATA: [(&str, &str); 9] = [
    ("Receiver", "receiver"),
    ("Status", "status"),
    ("Alerts", "alerts"),
    ("NotificationReason", "notification_reason"),
    ("GroupLabels", "groupLabels"),
    ("CommonLabels", "commonLabels"),
    ("CommonAnnotations", "commonAnnotations"),
    ("RouteLabels", "routeLabels"),
    ("ExternalURL", "externalURL"),
];
/// Fields of an alert, in order.
const ALERT: [(&str, &str); 7] = [
    ("Status", "status"),
    ("Labels", "labels"),
    ("Annotations", "annotations"),
    ("StartsAt", "startsAt"),
    ("EndsAt", "endsAt"),
    ("GeneratorURL", "generatorURL"),
    ("Fingerprint", "fingerprint"),
];

/// A value as JSON.
pub(super) fn of(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Uint(number) => out.push_str(&number.to_string()),
        Value::Float(number) if number.is_finite() => out.push_str(&print::number(*number)),
        Value::Float(number) => return Err(format!("json: unsupported value: {}", print::number(*number))),
        Value::String(text) => string(text, out),
        Value::Safe { s, .. } => string(s, out),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                comma(at, out);
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let entries: Vec<(&str, &str, &Value)> = match kind(map) {
                Kind::Data => fields(&DATA, map),
                Kind::Alert => fields(&ALERT, map),
                Kind::Pairs | Kind::Other => {
                    map.iter().map(|(name, value)| (&**name, &**name, value)).collect()
                }
            };
            let alert = kind(map) == Kind::Alert;
            out.push('{');
            for (at, (name, key, value)) in entries.into_iter().enumerate() {
                comma(at, out);
                string(key, out);
                out.push(':');
                match value {
                    Value::String(text) if alert && name.ends_with("At") => match times::read_time(text) {
                        Some(time) => string(&time.to_string(), out),
                        None => string(text, out),
                    },
                    other => write(other, out)?,
                }
            }
            out.push('}');
        }
        Value::Function(_) => return Err("json: unsupported type: func()".to_owned()),
    }
    Ok(())
}

fn fields<'a>(
    names: &[(&'static str, &'static str)],
    map: &'a std::collections::BTreeMap<Arc<str>, Value>,
) -> Vec<(&'static str, &'static str, &'a Value)> {
    names.iter().map(|(name, key)| (*name, *key, map.get(*name).unwrap_or(&Value::Nil))).collect()
}

fn comma(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

/// Go also escapes what HTML would read.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
