//! Prometheus' remote read, both sides: `prometheus.ReadRequest`, and its answers as samples (`ReadResponse`, snappy) or
//! as a stream of chunks (`ChunkedReadResponse` in frames with a checksum).
//!
//! Field numbers are those of prometheus/prometheus `prompb/{remote,types}.proto`. Bodies are compressed as those of
//! remote write: [`crate::remote_write::decompress`] and [`crate::remote_write::compress`].

mod request;
mod samples;
mod stream;

pub use request::{Hints, Query, ReadRequest, ResponseType};
pub use samples::{ResponseReader, ResponseWriter};
pub use stream::{ChunkRef, ChunkedSeries, put_frame, read_chunked, take_frame, write_chunked};

/// Content type of an answer with samples.
pub const SAMPLES_TYPE: &str = "application/x-protobuf";
/// Content type of a stream of chunks.
pub const STREAM_TYPE: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

#[cfg(test)]
mod tests;
