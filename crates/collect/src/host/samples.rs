//! One round's samples in one reused text buffer.
//!
//! Every series is written in the canonical form of [`model::Labels`] as it is collected, so that finding its
//! reference is one look-up by bytes and a known series costs no allocation.

use std::ops::Range;

use model::Labels;
use model::labels::{METRIC_NAME, put};
use model::metrics::Family;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Untyped,
}

/// A metric family as a source declares it.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Full name, or the first part of it where the rest comes from the kernel.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    /// Label names in byte order.
    pub(crate) labels: &'static [&'static str],
}

impl Metric {
    pub(crate) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Counter, help, labels }
    }

    pub(crate) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Gauge, help, labels }
    }

    pub(crate) const fn untyped(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Untyped, help, labels: &[] }
    }

    /// Metadata of the family `name`.
    pub(crate) fn family(&self, name: &str) -> Family {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Untyped => "unknown",
        };
        Family {
            name: name.to_owned(),
            kind: kind.to_owned(),
            help: self.help.to_owned(),
            unit: String::new(),
        }
    }
}

/// One sample of the round.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    series: Range<usize>,
    /// Its family.
    pub(crate) metric: &'static Metric,
    /// Its value.
    pub(crate) value: f64,
}

/// The samples of one round. Buffers keep their memory from round to round.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    text: String,
    entries: Vec<Entry>,
    name: String,
    /// Labels that every series carries, in byte order.
    common: Vec<(&'static str, String)>,
}

impl Samples {
    /// An empty round whose series all carry `common` (in byte order of the names).
    pub(crate) fn new(common: Vec<(&'static str, String)>) -> Self {
        debug_assert!(common.is_sorted_by(|a, b| a.0 < b.0));
        // An empty value is an absent label.
        let common = common.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { common, ..Self::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// A sample of `metric`; `values` belong to `metric.labels`, an empty one leaves its label out.
    pub(crate) fn push(&mut self, metric: &'static Metric, values: &[&str], value: f64) {
        self.write(metric, None, values, value);
    }

    /// A sample of the family whose name is `metric.name` followed by `rest`.
    pub(crate) fn push_named(&mut self, metric: &'static Metric, rest: &[&str], value: f64) {
        self.write(metric, Some(rest), &[], value);
    }

    fn write(&mut self, metric: &'static Metric, rest: Option<&[&str]>, values: &[&str], value: f64) {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        debug_assert!(metric.labels.is_sorted(), "{}", metric.name);
        let start = self.text.len();
        put(&mut self.text, METRIC_NAME);
        match rest {
            None => put(&mut self.text, metric.name),
            Some(rest) => {
                self.name.clear();
                self.name.push_str(metric.name);
                for part in rest {
                    self.name.push_str(part);
                }
                put(&mut self.text, &self.name);
            }
        }
        let mut common = self.common.iter().peekable();
        for (label, text) in metric.labels.iter().zip(values) {
            while let Some((name, text)) = common.next_if(|(name, _)| name < label) {
                put(&mut self.text, name);
                put(&mut self.text, text);
            }
            if !text.is_empty() {
                put(&mut self.text, label);
                put(&mut self.text, text);
            }
        }
        for (name, text) in common {
            put(&mut self.text, name);
            put(&mut self.text, text);
        }
        self.entries.push(Entry { series: start..self.text.len(), metric, value });
    }

    /// Canonical label sets with their samples, in the order of collection.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        // Every range was taken from `text` as it grew.
        self.entries.iter().map(|entry| (&self.text[entry.series.clone()], entry))
    }
}

/// Reads a canonical form that [`Samples`] wrote.
pub(crate) fn labels_of(series: &str) -> Labels {
    Labels::from_canonical(series).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_CPU: Metric = Metric::counter("node_a_total", &["cpu", "mode"], "a");
    static CPU: Metric = BY_CPU;

    #[test]
    fn canonical_with_common_labels_merged_in_order_and_empty_ones_left_out() {
        let mut samples = Samples::new(vec![("instance", "h".into()), ("job", "node-exporter".into())]);
        samples.push(&CPU, &["0", "user"], 1.0);
        samples.push(&CPU, &["", "idle"], 2.0);
        let all: Vec<String> = samples.iter().map(|(series, _)| labels_of(series).to_string()).collect();
        assert_eq!(
            all,
            [
                r#"node_a_total{cpu="0", instance="h", job="node-exporter", mode="user"}"#,
                r#"node_a_total{instance="h", job="node-exporter", mode="idle"}"#,
            ]
        );
    }
}
