//! Doors for the benchmarks of codecs. Not part of the interface.

use crate::codec::{self, Effort};

/// Encodes values as a fresh chunk, or with the effort of blocks that stay.
pub fn encode_values(values: &[f64], thorough: bool, out: &mut Vec<u8>) {
    codec::encode_values(values, if thorough { Effort::Thorough } else { Effort::Fast }, out);
}

/// Decodes `n` values; `ints` is working memory. Whether the bytes were whole.
pub fn decode_values(bytes: &[u8], n: usize, ints: &mut Vec<i64>, out: &mut Vec<f64>) -> bool {
    codec::decode_values(bytes, n, ints, out).is_ok()
}

/// Encodes increasing times.
pub fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    codec::encode_times(times, out);
}

/// Decodes `n` times. Whether the bytes were whole.
pub fn decode_times(bytes: &[u8], n: usize, out: &mut Vec<i64>) -> bool {
    codec::decode_times(bytes, n, out).is_ok()
}
