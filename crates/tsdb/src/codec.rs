//! How runs of times and values become bytes. Pure functions; every codec keeps all 64 bits (stale NaN, NaN payloads,
//! -0). docs/formats/chunks.md draws them.

mod bits;
mod ints;
mod times;
mod values;
mod varint;
mod xor;

#[cfg(test)]
mod tests;

pub(crate) use times::{decode_times, encode_times};
pub(crate) use values::{Effort, decode_values, encode_values};
pub(crate) use varint::{Reader, put_bytes, put_i64, put_u64, unzigzag, zigzag};

/// Bytes that are no encoding. Says what was wrong for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("corrupt data: {0}")]
pub(crate) struct Corrupt(pub(crate) &'static str);

/// The longest run that is ever encoded; a decoder refuses longer ones before it allocates.
pub(crate) const MAX_RUN: usize = 1 << 16;
