//! Chunks as Prometheus stores and streams them: some samples of one series in one of its bit-packed encodings.
//!
//! The encodings are those of prometheus/prometheus `tsdb/chunkenc`: XOR (after Gorilla, VLDB 2015), integer and float
//! histograms, and the three of Prometheus 3 that carry start timestamps. [`decode`] reads all six; [`encode`] writes
//! the first three, or with [`Options::start_timestamps`] the last three. A chunk begins with the number of samples
//! (two bytes, big-endian); what follows depends on the encoding.

mod bits;
mod encode;
mod histogram;
mod layout;
mod start;
mod xor;
mod xor2;

use model::SeriesData;

pub use encode::{Options, encode};

/// Most bytes that one chunk may grow to when it is decoded.
pub const MAX_DECODED_BYTES: usize = 64 << 20;

/// How the samples of a chunk are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Floats.
    Xor = 1,
    /// Native histograms with whole counts.
    Histogram = 2,
    /// Native histograms with float counts.
    FloatHistogram = 3,
    /// Floats with start timestamps.
    Xor2 = 4,
    /// Native histograms with whole counts and start timestamps.
    HistogramStart = 5,
    /// Native histograms with float counts and start timestamps.
    FloatHistogramStart = 6,
}

impl Encoding {
    /// The encoding that a file or message calls `code`.
    pub fn from_code(code: u8) -> Result<Self, Error> {
        Ok(match code {
            1 => Self::Xor,
            2 => Self::Histogram,
            3 => Self::FloatHistogram,
            4 => Self::Xor2,
            5 => Self::HistogramStart,
            6 => Self::FloatHistogramStart,
            _ => return Err(Error::Encoding(code)),
        })
    }

    /// The number in files and messages.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name Prometheus gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xor => "XOR",
            Self::Histogram => "histogram",
            Self::FloatHistogram => "floathistogram",
            Self::Xor2 => "XOR2",
            Self::HistogramStart => "histogramST",
            Self::FloatHistogramStart => "floathistogramST",
        }
    }

    /// Whether the samples are native histograms.
    pub const fn is_histogram(self) -> bool {
        !matches!(self, Self::Xor | Self::Xor2)
    }
}

/// Some consecutive samples of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// How `bytes` are written.
    pub encoding: Encoding,
    /// Time of the first sample, ms.
    pub min_time: i64,
    /// Time of the last sample, ms.
    pub max_time: i64,
    /// How many samples there are.
    pub samples: usize,
    /// The samples.
    pub bytes: Vec<u8>,
}

/// Why a chunk cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No encoding that is known here.
    #[error(
        "chunk encoding {0} is not known: known are 1 (XOR), 2 (histogram), 3 (floathistogram), 4 (XOR2), 5 (histogramST) and 6 (floathistogramST)"
    )]
    Encoding(u8),
    /// The bytes end within a sample.
    #[error("the chunk ends within sample {sample} of {samples}")]
    Truncated {
        /// Which, from 1.
        sample: usize,
        /// How many the chunk announces.
        samples: usize,
    },
    /// The bytes are not what the encoding allows.
    #[error("chunk, sample {sample}: {message}")]
    Malformed {
        /// Which, from 1; 0: the header.
        sample: usize,
        /// What is wrong.
        message: &'static str,
    },
    /// Decoded, it would be too large.
    #[error("the decoded chunk is larger than {MAX_DECODED_BYTES} bytes")]
    TooLarge,
}

/// How many samples a chunk says it has.
pub fn sample_count(encoding: Encoding, bytes: &[u8]) -> usize {
    let Some(&[high, low]) = bytes.first_chunk::<2>() else { return 0 };
    let high = match encoding {
        Encoding::HistogramStart | Encoding::FloatHistogramStart => high & 0x3f, // the other two bits tell of resets
        _ => high,
    };
    usize::from(u16::from_be_bytes([high, low]))
}

/// Appends the samples of a chunk to `out`, whose labels and id are left alone. After an error `out` holds the samples
/// before the damage.
///
/// As in Prometheus, the first histogram of a chunk that holds no gauges is [`model::ResetHint::Unknown`] and the
/// others are `NotReset`; a stale histogram has only its sum.
pub fn decode(encoding: Encoding, bytes: &[u8], out: &mut SeriesData) -> Result<(), Error> {
    match encoding {
        Encoding::Xor => xor::decode(bytes, out),
        Encoding::Xor2 => xor2::decode(bytes, out),
        Encoding::Histogram | Encoding::FloatHistogram => histogram::decode(encoding, bytes, out),
        Encoding::HistogramStart | Encoding::FloatHistogramStart => histogram::decode(encoding, bytes, out),
    }
}

#[cfg(test)]
mod tests;
