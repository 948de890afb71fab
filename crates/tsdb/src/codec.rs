//! How runs of times and values become bytes. Pure functions; every codec keeps all 64 bits (stale NaN, NaN payloads,
//! -0). docs/formats/chunks.md draws them.

mod bits;
mod histogram;
mod histograms;
mod ints;
mod starts;
mod times;
mod values;
mod xor;

#[cfg(test)]
mod tests;

pub(crate) use disk::varint::{Corrupt, Reader, put_bytes, put_i64, put_u64, unzigzag, zigzag};
pub(crate) use histogram::{put_histogram, read_histogram};
pub(crate) use histograms::{decode_histograms, encode_histograms, run_length};
pub(crate) use starts::{decode_starts, encode_starts};
pub(crate) use times::{decode_times, encode_times};
pub(crate) use values::{Effort, Habit, decode_values, encode_values, encode_values_as};

/// The longest run that is ever encoded; a decoder refuses longer ones before it allocates.
pub(crate) const MAX_RUN: usize = 1 << 16;
