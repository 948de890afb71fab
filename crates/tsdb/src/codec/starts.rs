//! Start timestamps of a run of samples: mostly one value for the whole run, at times one a sample.
//! docs/formats/chunks.md draws it.

use super::{Corrupt, MAX_RUN, Reader, ints, put_i64, put_u64};

const RUNS: u8 = 0;
const INTEGERS: u8 = 1;

/// Appends the encoding of `starts`, whose number the caller keeps.
pub(crate) fn encode_starts(starts: &[i64], out: &mut Vec<u8>) {
    let begin = out.len();
    out.push(RUNS);
    let mut last = 0i64;
    for run in starts.chunk_by(|a, b| a == b) {
        put_i64(out, run[0].wrapping_sub(last)); // a chunk is never empty
        put_u64(out, run.len() as u64);
        last = run[0];
    }
    let mut integers = vec![INTEGERS];
    ints::encode(starts, &mut integers);
    if integers.len() < out.len() - begin {
        out.truncate(begin);
        out.extend_from_slice(&integers);
    }
}

/// Appends `n` decoded start timestamps to `out`.
pub(crate) fn decode_starts(bytes: &[u8], n: usize, out: &mut Vec<i64>) -> Result<(), Corrupt> {
    if n > MAX_RUN {
        return Err(Corrupt("run is too long"));
    }
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        RUNS => {
            let (end, mut last) = (out.len() + n, 0i64);
            while out.len() < end {
                last = last.wrapping_add(reader.i64()?);
                let length = reader.count(end - out.len())?;
                if length == 0 {
                    return Err(Corrupt("empty run of start timestamps"));
                }
                out.resize(out.len() + length, last);
            }
            Ok(())
        }
        INTEGERS => ints::decode(&mut reader, n, out),
        _ => Err(Corrupt("unknown codec of start timestamps")),
    }
}
