//! Times: strictly increasing milliseconds, differenced once. A steady step costs a frame header for 128 samples;
//! jitter costs its bits, gaps are exceptions.

use super::{Corrupt, MAX_RUN, Reader, ints};

/// Appends the encoding of `times`, whose number the caller keeps.
pub(crate) fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    ints::encode_order(times, 1, out);
}

/// Appends `n` decoded times to `out`; anything not strictly increasing is corrupt.
pub(crate) fn decode_times(bytes: &[u8], n: usize, out: &mut Vec<i64>) -> Result<(), Corrupt> {
    if n > MAX_RUN {
        return Err(Corrupt("run is too long"));
    }
    let start = out.len();
    ints::decode(&mut Reader::new(bytes), n, out)?;
    if out[start..].windows(2).any(|w| w[0] >= w[1]) {
        out.truncate(start);
        return Err(Corrupt("times do not increase"));
    }
    Ok(())
}
