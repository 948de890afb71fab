//! Prometheus remote write: `prometheus.WriteRequest` (1.0) in protobuf, compressed with snappy's block format; [`v2`] is
//! version 2.0.
//!
//! The walker reads the protobuf by hand and borrows labels from the decompressed body; one reused [`Series`] holds one
//! series at a time. Field numbers are those of prometheus/prometheus `prompb/{remote,types}.proto`.

mod decode;
mod encode;
mod histogram;
pub(crate) mod proto;
mod series;
pub mod v2;

pub use decode::{Item, Metadata, Reader, decompress};
pub(crate) use decode::{read_label, read_series};
pub(crate) use encode::put_label;
pub use encode::{Encoder, compress, encode_labels};
pub use histogram::HistogramPoint;
pub(crate) use histogram::put_histogram;
pub(crate) use histogram::{Counts, deltas, doubles, push_span, zigzag};
pub use series::{BadLabels, Exemplar, LabelPair, Point, Series};

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The body is larger than allowed once decompressed.
    #[error("the decompressed body has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// Size that the body declares.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Not snappy.
    #[error("snappy: {0}")]
    Snappy(String),
    /// Not the expected protobuf message.
    #[error("protobuf, byte {at}: {message}")]
    Protobuf {
        /// Offset in the decompressed body.
        at: usize,
        /// What is wrong.
        message: &'static str,
    },
}

impl Error {
    /// The kind that callers map to a status.
    pub const fn kind(&self) -> model::ErrorKind {
        match self {
            Self::TooLarge { .. } => model::ErrorKind::TooLarge,
            Self::Snappy(_) | Self::Protobuf { .. } => model::ErrorKind::Invalid,
        }
    }
}

#[cfg(test)]
mod tests;
