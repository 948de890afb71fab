//! Values of templates from ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::Value;
use model::{Histogram, Labels, Span};
use query::promql::{InstantSample, SampleValue};

/// A map with these entries.
pub(super) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(Arc::new(entries.into_iter().map(|(name, value)| (Arc::from(name), value)).collect()))
}

/// A text.
pub(super) fn text(text: impl AsRef<str>) -> Value {
    Value::String(Arc::from(text.as_ref()))
}

/// Labels by name.
pub(super) fn of_labels(labels: &Labels) -> Value {
    Value::Map(Arc::new(labels.iter().map(|(name, value)| (Arc::from(name), text(value))).collect()))
}

/// A number, or a native histogram in its printed form.
pub(super) fn of_sample_value(value: &SampleValue) -> Value {
    match value {
        SampleValue::Float(v) => Value::Float(*v),
        SampleValue::Histogram(h) => text(of_histogram(h)),
    }
}

/// A native histogram in the form in which Prometheus prints it: `{count:2, sum:3, (0.5,1]:2}`.
fn of_histogram(h: &Histogram) -> String {
    let number = query::template::print::number;
    let mut parts = vec![format!("count:{}", number(h.count)), format!("sum:{}", number(h.sum))];
    let mut negative = buckets(&h.negative_spans, &h.negative_buckets);
    negative.reverse();
    for (index, count) in negative {
        let (inner, outer) = (bound(h, index - 1), bound(h, index));
        parts.push(format!("[{},{}):{}", number(-outer), number(-inner), number(count)));
    }
    if h.zero_count > 0.0 {
        let width = number(h.zero_threshold);
        let zero = if h.zero_threshold == 0.0 { "[-0,0]".to_owned() } else { format!("[-{width},{width}]") };
        parts.push(format!("{zero}:{}", number(h.zero_count)));
    }
    for (index, count) in buckets(&h.positive_spans, &h.positive_buckets) {
        parts.push(format!(
            "({},{}]:{}",
            number(bound(h, index - 1)),
            number(bound(h, index)),
            number(count)
        ));
    }
    format!("{{{}}}", parts.join(", "))
}

/// Index and count of every bucket that is not empty.
fn buckets(spans: &[Span], counts: &[f64]) -> Vec<(i32, f64)> {
    let mut index = 0i32;
    let mut indices = Vec::with_capacity(counts.len());
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length.min(u32::try_from(counts.len()).unwrap_or(u32::MAX)) {
            indices.push(index);
            index = index.saturating_add(1);
        }
    }
    indices.into_iter().zip(counts.iter().copied()).filter(|(_, count)| *count != 0.0).collect()
}

/// The upper bound of bucket `index`.
fn bound(h: &Histogram, index: i32) -> f64 {
    if h.schema == -53 {
        return match usize::try_from(index) {
            Ok(at) => h.custom_values.get(at).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
    }
    (f64::from(index) * (-f64::from(h.schema)).exp2()).exp2()
}

/// The result of a query: a list of `{Labels, Value}`.
pub(super) fn of_result(samples: &[InstantSample]) -> Value {
    let sample =
        |s: &InstantSample| map([("Labels", of_labels(&s.labels)), ("Value", of_sample_value(&s.value))]);
    list(samples.iter().map(sample).collect())
}

/// What a map stands for; Go knows by the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The data of the template.
    Data,
    /// One element of a result.
    Sample,
    /// What `args` made.
    Args,
    /// Labels.
    Labels,
}

/// What `map` stands for.
pub(super) fn kind(map: &BTreeMap<Arc<str>, Value>) -> Kind {
    let labels = matches!(map.get("Labels"), Some(Value::Map(_)));
    if labels && map.contains_key("ExternalURL") {
        Kind::Data
    } else if labels && map.len() == 2 && map.contains_key("Value") {
        Kind::Sample
    } else if map.keys().any(|key| key.starts_with("arg"))
        && map.values().any(|v| !matches!(v, Value::String(_)))
    {
        Kind::Args
    } else {
        Kind::Labels
    }
}

/// The Go type of a value, as its errors name it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Map(map) => match kind(map) {
            Kind::Data => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
            }
            Kind::Sample => "*template.sample",
            Kind::Args => "map[string]interface {}",
            Kind::Labels => "map[string]string",
        },
        Value::List(_) => "template.queryResult",
        other => other.type_name(),
    }
}

/// A list of these values.
pub(super) fn list(values: Vec<Value>) -> Value {
    Value::List(Arc::from(values))
}
