//! Prometheus remote write 1.0: `prometheus.WriteRequest` in protobuf, compressed with snappy's block format.
//!
//! The walker reads the protobuf by hand and borrows labels from the decompressed body; one reused [`Series`] holds one
//! series at a time. Field numbers are those of prometheus/prometheus `prompb/{remote,types}.proto`.

mod decode;
mod encode;
mod proto;
mod series;

pub use decode::{Item, Metadata, Reader, decompress};
pub use encode::Encoder;
pub use series::{BadLabels, Exemplar, Point, Series};

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
