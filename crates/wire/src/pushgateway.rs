//! What is pushed to a Pushgateway: metric families in the text format or as delimited protobuf, the labels in its
//! paths, and the checks that keep what several pushers bring scrapable together.
//!
//! A [`Family`] holds its samples flat, in the order in which they are exposed: of a histogram the buckets, the sum, the
//! count; native histograms beside them.

mod check;
mod path;
mod protobuf;
mod text;

use std::collections::HashSet;

use model::metrics::Family as Metadata;
use model::{Histogram, Labels};
use serde::{Deserialize, Serialize};

pub use check::{Merged, check, merge};
pub use path::{PathError, grouping};
pub use protobuf::{read as read_protobuf, write as write_protobuf};
pub use text::{read as read_text, write as write_text};

use crate::collected::Collected;
use crate::remote_write::{HistogramPoint, Point};

/// When a group was last pushed to.
pub const PUSH_TIME: &str = "push_time_seconds";
/// When a push to a group last failed.
pub const PUSH_FAILURE_TIME: &str = "push_failure_time_seconds";

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Quantiles.
    Summary,
    /// Not told.
    Untyped,
    /// Counts in buckets.
    Histogram,
    /// Counts in buckets that may fall.
    GaugeHistogram,
}

impl Kind {
    /// The word of the text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Summary => "summary",
            Self::Untyped => "untyped",
            Self::Histogram | Self::GaugeHistogram => "histogram",
        }
    }

    /// The word of client_model's enumeration.
    pub const fn enum_name(self) -> &'static str {
        match self {
            Self::Counter => "COUNTER",
            Self::Gauge => "GAUGE",
            Self::Summary => "SUMMARY",
            Self::Untyped => "UNTYPED",
            Self::Histogram => "HISTOGRAM",
            Self::GaugeHistogram => "GAUGE_HISTOGRAM",
        }
    }
}

/// One sample of a family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// What follows the family's name: nothing, `_bucket`, `_sum` or `_count`.
    pub suffix: String,
    /// Labels in byte order of their names, `le` and `quantile` included. Values may be empty.
    pub labels: Vec<(String, String)>,
    /// The value.
    #[serde(with = "number")]
    pub value: f64,
}

/// A native histogram of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Native {
    /// Labels in byte order of their names.
    pub labels: Vec<(String, String)>,
    /// The histogram.
    pub value: Histogram,
    /// Whether its counts are whole numbers.
    pub integer: bool,
}

/// A metric family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Help text, or empty.
    pub help: String,
    /// Its samples.
    pub samples: Vec<Sample>,
    /// Its native histograms. Each has its classic part among the samples.
    #[serde(default, with = "kept", skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<Native>,
    /// Whether a sample came with a timestamp.
    #[serde(skip)]
    pub timestamped: bool,
}

impl Family {
    /// An empty family.
    pub fn new(name: impl Into<String>, kind: Kind, help: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            help: help.into(),
            samples: Vec::new(),
            native: Vec::new(),
            timestamped: false,
        }
    }

    /// A gauge with one sample and the labels of `group`.
    pub fn gauge(name: &str, help: &str, value: f64, group: &[(String, String)]) -> Self {
        let mut family = Self::new(name, Kind::Gauge, help);
        family.samples.push(Sample { suffix: String::new(), labels: Vec::new(), value });
        family.put_under(group);
        family
    }

    /// Gives every sample the labels of its group, whatever it had, and an empty `instance` where it has none, so that
    /// a scraping server does not add its own.
    pub fn put_under(&mut self, group: &[(String, String)]) {
        let labels = self.samples.iter_mut().map(|s| &mut s.labels);
        for labels in labels.chain(self.native.iter_mut().map(|n| &mut n.labels)) {
            labels.retain(|(name, _)| !group.iter().any(|(known, _)| known == name));
            labels.extend_from_slice(group);
            if !labels.iter().any(|(name, _)| name == "instance") {
                labels.push(("instance".to_owned(), String::new()));
            }
            labels.sort();
        }
    }

    /// Bytes it takes in memory, about.
    pub fn size(&self) -> usize {
        let labels =
            |pairs: &[(String, String)]| pairs.iter().map(|(n, v)| n.len() + v.len() + 48).sum::<usize>();
        let samples: usize = self.samples.iter().map(|s| labels(&s.labels) + s.suffix.len() + 64).sum();
        let native: usize = self
            .native
            .iter()
            .map(|n| {
                labels(&n.labels)
                    + 300
                    + 8 * (n.value.positive_buckets.len() + n.value.negative_buckets.len())
            })
            .sum();
        self.name.len() + self.help.len() + 128 + samples + native
    }

    /// The samples as series at `t` ms; an empty label is no label. Of a native histogram the classic part is left out.
    pub fn to_series(&self, t: i64) -> impl Iterator<Item = Collected> + '_ {
        let labels = |suffix: &str, pairs: &[(String, String)]| {
            let name = ("__name__".to_owned(), format!("{}{suffix}", self.name));
            Labels::from_pairs(pairs.iter().cloned().chain([name]))
        };
        let natives: HashSet<&[(String, String)]> = self.native.iter().map(|n| n.labels.as_slice()).collect();
        let is_part = move |sample: &&Sample| {
            let without_le = || -> Vec<(String, String)> {
                sample.labels.iter().filter(|(name, _)| name != "le").cloned().collect()
            };
            !natives.is_empty() && !sample.suffix.is_empty() && natives.contains(without_le().as_slice())
        };
        let floats =
            self.samples.iter().filter(move |sample| !is_part(sample)).map(move |sample| Collected {
                labels: labels(&sample.suffix, &sample.labels),
                points: vec![Point { t, v: sample.value }],
                ..Collected::default()
            });
        let native = self.native.iter().map(move |native| Collected {
            labels: labels("", &native.labels),
            histograms: vec![HistogramPoint {
                t,
                start: 0,
                integer: native.integer,
                value: native.value.clone(),
            }],
            ..Collected::default()
        });
        floats.chain(native)
    }

    /// Its metadata.
    pub fn metadata(&self) -> Metadata {
        let kind = if self.kind == Kind::Untyped { "unknown" } else { self.kind.as_str() };
        Metadata {
            name: self.name.clone(),
            kind: kind.to_owned(),
            help: self.help.clone(),
            unit: String::new(),
        }
    }
}

/// Numbers as text, so that infinities and NaN survive JSON.
mod number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::exposition::{parse_float, write::push_number};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        push_number(&mut text, *value);
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_float(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no number")))
    }
}

/// Native histograms as the protobuf form of their family, in base64.
mod kept {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use model::ResetHint;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::{Family, Kind, Native, read_protobuf, write_protobuf};
    use crate::exposition::write::Escaping;

    pub(super) fn serialize<S: Serializer>(native: &[Native], serializer: S) -> Result<S::Ok, S::Error> {
        let gauge = native.iter().any(|n| n.value.reset_hint == ResetHint::Gauge);
        let mut family = Family::new("n", if gauge { Kind::GaugeHistogram } else { Kind::Histogram }, "");
        family.native = native.to_vec();
        serializer.serialize_str(&STANDARD.encode(write_protobuf([&family], Escaping::AllowUtf8)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Native>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        let families = read_protobuf(&bytes).map_err(D::Error::custom)?;
        Ok(families.into_values().next().map(|family| family.native).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
