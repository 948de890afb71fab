//! Expected and found: when they are the same, and how both are shown.

use std::fmt::Write as _;

use model::rule::Texts;
use model::{Histogram, Labels, ResetHint, Span};
use query::promql::SampleValue;

/// Labels and annotations of an alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alert {
    pub(super) labels: Labels,
    pub(super) annotations: Texts,
}

/// A sample, its histogram in the notation of series descriptions.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) histogram: Option<String>,
}

impl Sample {
    /// A sample of a result.
    pub(super) fn new(labels: Labels, value: &SampleValue) -> Self {
        match value {
            SampleValue::Float(v) => Self { labels, value: *v, histogram: None },
            SampleValue::Histogram(h) => Self { labels, value: 0.0, histogram: Some(expression(h)) },
        }
    }

    /// Whether the same, with the last bit of the value open where `fuzzy` says so.
    pub(super) fn same(&self, other: &Self, fuzzy: bool) -> bool {
        let (a, b) = (self.value, other.value);
        self.labels == other.labels
            && self.histogram == other.histogram
            && (a == b || fuzzy && (a.next_up() == b || a.next_down() == b))
    }

    pub(super) fn shown(&self) -> String {
        match &self.histogram {
            Some(histogram) => format!("{} {histogram}", all_labels(&self.labels)),
            None => format!("{} {}", all_labels(&self.labels), scientific(self.value)),
        }
    }
}

/// Samples in one line.
pub(super) fn shown_samples(samples: &[Sample]) -> String {
    match samples {
        [] => "nil".to_owned(),
        samples => samples.iter().map(Sample::shown).collect::<Vec<_>>().join(", "),
    }
}

/// Alerts, each on lines of its own, as promtool shows them.
pub(super) fn shown_alerts(alerts: &[Alert]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let mut out = String::from("[");
    for (at, alert) in alerts.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let (labels, annotations) = (
            all_labels(&alert.labels),
            shown_pairs(alert.annotations.iter().map(|(n, v)| (n.as_str(), v.as_str()))),
        );
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{comma}\n            {at}:\n              Labels:{labels}\n              Annotations:{annotations}"
        );
    }
    out.push_str("\n            ]");
    out
}

/// `{__name__="a", b="c"}`, as Go's client library writes labels.
fn all_labels(labels: &Labels) -> String {
    shown_pairs(labels.iter())
}

fn shown_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (at, (name, value)) in pairs.enumerate() {
        let plain = model::labels::is_plain_label_name(name);
        let name = if plain { name.to_owned() } else { format!("{name:?}") };
        let _ = write!(out, "{}{name}={value:?}", if at == 0 { "" } else { ", " });
    }
    out.push('}');
    out
}

/// Go's `strconv.FormatFloat(v, 'E', -1, 64)`.
fn scientific(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let text = format!("{v:E}");
    match text.split_once('E') {
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or(0);
            format!("{digits}E{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        None => text,
    }
}

/// A histogram in the notation of series descriptions, its buckets as one run.
pub(super) fn expression(h: &Histogram) -> String {
    let mut parts = Vec::new();
    match h.reset_hint {
        ResetHint::Unknown => {}
        ResetHint::Reset => parts.push("counter_reset_hint:reset".to_owned()),
        ResetHint::NotReset => parts.push("counter_reset_hint:not_reset".to_owned()),
        ResetHint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
    }
    if h.schema != 0 {
        parts.push(format!("schema:{}", h.schema));
    }
    for (name, value) in
        [("count", h.count), ("sum", h.sum), ("z_bucket", h.zero_count), ("z_bucket_w", h.zero_threshold)]
    {
        if value != 0.0 {
            parts.push(format!("{name}:{value}"));
        }
    }
    if !h.custom_values.is_empty() {
        parts.push(format!("custom_values:{}", list(&h.custom_values)));
    }
    for (buckets, offset, spans, counts) in [
        ("buckets", "offset", &h.positive_spans, &h.positive_buckets),
        ("n_buckets", "n_offset", &h.negative_spans, &h.negative_buckets),
    ] {
        let (first, counts) = one_run(spans, counts);
        if !counts.is_empty() {
            if first != 0 {
                parts.push(format!("{offset}:{first}"));
            }
            parts.push(format!("{buckets}:{}", list(&counts)));
        }
    }
    format!("{{{{{}}}}}", parts.join(" "))
}

fn list(values: &[f64]) -> String {
    format!("[{}]", values.iter().map(f64::to_string).collect::<Vec<_>>().join(" "))
}

/// The index of the first bucket that is not empty, and all counts from there to the last one.
fn one_run(spans: &[Span], counts: &[f64]) -> (i32, Vec<f64>) {
    /// A longer gap is no test's.
    const LONGEST: usize = 100_000;
    let (mut index, mut first, mut run) = (0i32, None, Vec::new());
    let mut rest = counts.iter();
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length {
            let Some(count) = rest.next() else { break };
            if *count != 0.0 {
                let first = *first.get_or_insert(index);
                let at = usize::try_from(index.saturating_sub(first)).unwrap_or(0);
                run.resize(at.min(LONGEST), 0.0);
                run.push(*count);
            }
            index = index.saturating_add(1);
        }
    }
    (first.unwrap_or(0), run)
}
