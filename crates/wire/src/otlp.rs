//! OpenTelemetry metrics (OTLP) as series, translated as Prometheus translates them.
//!
//! [`convert()`] walks a decoded request and hands out one [`Item`] after the other; nothing is kept between two calls.
//! What is delta is marked so: adding it up needs a memory, which is the caller's.
//!
//! ```text
//! resource --job, instance, promoted attributes--+
//! scope ----otel_scope_*-------------------------+--> labels --+
//! data point attributes--------------------------+             +--> Item
//! name, unit, type --names, units--> metric name --------------+
//! ```

mod attributes;
mod convert;
mod histogram;
pub mod logs;
pub mod names;

use std::collections::BTreeSet;

use model::metrics::Family;
use prost::Message as _;

use crate::collected::Collected;
pub use convert::convert;
pub use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};

/// How names are translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Classic names, with suffixes for unit and type.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Classic names without suffixes.
    UnderscoreEscapingWithoutSuffixes,
    /// Names as they are, with suffixes for unit and type.
    NoUtf8EscapingWithSuffixes,
    /// Names as they are.
    NoTranslation,
}

impl Strategy {
    /// Whether names get classic characters only.
    pub const fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    /// Whether names get suffixes.
    pub const fn adds_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// Which attributes of the resource become labels of every series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promote {
    /// These.
    Listed(BTreeSet<String>),
    /// All but these.
    AllBut(BTreeSet<String>),
}

impl Default for Promote {
    fn default() -> Self {
        Self::Listed(BTreeSet::new())
    }
}

/// What becomes of delta temporality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delta {
    /// Marked for the caller to add up.
    #[default]
    AddUp,
    /// Stored as it is (`--enable-feature=otlp-native-delta-ingestion`).
    Keep,
}

/// How metrics are translated: the `otlp` section of `prometheus.yml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// How names are translated.
    pub strategy: Strategy,
    /// Which attributes of the resource become labels.
    pub promote: Promote,
    /// Keep `service.name`, `service.namespace` and `service.instance.id` on `target_info`, too.
    pub keep_identifying: bool,
    /// Make native histograms with custom buckets of histograms with explicit bounds.
    pub custom_buckets: bool,
    /// Make labels of the scope's name, version, schema URL and attributes.
    pub scope_metadata: bool,
    /// Put `key` before label names that begin with one underscore.
    pub underscore_sanitization: bool,
    /// Keep several underscores in a row in label names.
    pub preserve_underscores: bool,
    /// What becomes of delta temporality.
    pub delta: Delta,
    /// Half the lookback of queries, ms: how far apart samples of `target_info` may lie. 0: the default.
    pub target_info_step: i64,
    /// Add `__type__` and `__unit__` (`--enable-feature=type-and-unit-labels`).
    pub type_and_unit: bool,
}

/// What [`convert()`] hands out.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A series with its samples.
    Series {
        /// The series.
        series: Collected,
        /// Whether its samples are deltas that are to be added up.
        delta: bool,
    },
    /// Metadata.
    Family(Family),
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Data points seen.
    pub points: u64,
    /// Data points that cannot be translated.
    pub rejected: u64,
    /// Why the first of them cannot.
    pub first_error: Option<String>,
}

impl Report {
    /// Notes data points that are not stored.
    pub fn reject(&mut self, points: u64, why: impl FnOnce() -> String) {
        if points > 0 {
            self.rejected += points;
            self.first_error.get_or_insert_with(why);
        }
    }
}

/// Decodes a protobuf body.
pub fn decode_protobuf(body: &[u8]) -> model::Result<ExportMetricsServiceRequest> {
    ExportMetricsServiceRequest::decode(body)
        .map_err(|e| model::Error::invalid(format_args!("the body is no ExportMetricsServiceRequest: {e}")))
}

/// Encodes an answer.
pub fn encode_response(response: &ExportMetricsServiceResponse) -> Vec<u8> {
    response.encode_to_vec()
}

/// A `google.rpc.Status`, in which OTLP tells failures.
pub fn encode_status(code: i32, message: &str) -> Vec<u8> {
    use crate::remote_write::proto::{put_bytes, put_int};
    let mut out = Vec::new();
    put_int(&mut out, 1, i64::from(code));
    put_bytes(&mut out, 2, message.as_bytes());
    out
}

#[cfg(test)]
mod tests;
