//! Items as the body of a request, in one of the two versions of the protocol.

use std::collections::HashMap;
use std::sync::Arc;

use model::FeedValue;
use model::metrics::Family;
use wire::histogram::CUSTOM_SCHEMA;
use wire::remote_write::{self, Point, v2};

use super::series::OutSeries;
use super::shard::Item;

/// Which message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

impl Protocol {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::V1 => "prometheus.WriteRequest",
            Self::V2 => "io.prometheus.write.v2.Request",
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::V1 => "application/x-protobuf",
            Self::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }
}

/// Metadata by the name of the family.
pub(super) type Families = HashMap<String, Arc<Family>>;

/// A body under construction.
pub(super) enum Body {
    V1(remote_write::Encoder),
    V2(Box<v2::Encoder>),
}

impl Body {
    pub(super) fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::V1 => Self::V1(remote_write::Encoder::new()),
            Protocol::V2 => Self::V2(Box::new(v2::Encoder::new())),
        }
    }

    /// Whether the protocol has words for it.
    pub(super) fn can_carry(&self, value: &FeedValue) -> bool {
        match (self, value) {
            (Self::V1(_), FeedValue::Histogram(h)) => h.schema != CUSTOM_SCHEMA,
            _ => true,
        }
    }

    /// Adds one item as a series of its own, as every sender does.
    pub(super) fn add(&mut self, item: &Item, families: &Families) {
        let Item { series, t, start, value } = item;
        match self {
            Self::V1(encoder) => {
                encoder.begin_encoded(&series.encoded);
                match value {
                    FeedValue::Float(v) => encoder.point(Point { t: *t, v: *v }),
                    FeedValue::Histogram(h) => encoder.histogram(*t, h),
                    FeedValue::Exemplar(e) => encoder.exemplar(e),
                };
                encoder.end();
            }
            Self::V2(encoder) => {
                // The item holds the series: its address stays its own until the body is finished.
                let key = Arc::as_ptr(series) as usize;
                let metadata = || {
                    let family = family_of(series, families)?;
                    Some((family.kind.as_str(), family.help.as_str(), family.unit.as_str()))
                };
                encoder.begin_known(key, &series.labels, metadata);
                match value {
                    FeedValue::Float(v) => encoder.point(Point { t: *t, v: *v }, *start),
                    FeedValue::Histogram(h) => encoder.histogram(*t, *start, h),
                    FeedValue::Exemplar(e) => encoder.exemplar(e),
                };
                encoder.end();
            }
        }
    }

    /// The compressed body; it is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, remote_write::Error> {
        match self {
            Self::V1(encoder) => encoder.finish(),
            Self::V2(encoder) => encoder.finish(),
        }
    }
}

/// The family that a series belongs to: its own name, or that without the suffix of a part.
fn family_of<'f>(series: &OutSeries, families: &'f Families) -> Option<&'f Family> {
    let name = series.labels.metric_name();
    let parts = ["_bucket", "_count", "_sum", "_total"];
    let names = std::iter::once(name).chain(parts.iter().filter_map(|part| name.strip_suffix(part)));
    names.filter_map(|name| families.get(name)).next().map(|family| &**family)
}
