//! `chunks_head/000001` ...: chunks of the head that are full, each with the series it belongs to. The log has their
//! samples too, as a rule; some versions lose kinds of samples when they shorten it.

use std::io::{self, Read};

use crate::castagnoli::crc32c;

const MAGIC: [u8; 4] = [0x01, 0x30, 0xbc, 0x91];
/// Series, first and last time, encoding.
const FIXED: usize = 25;
/// A longer chunk is damage.
const MAX_CHUNK: u64 = 64 << 20;
/// The bit of the encoding that tells of late samples.
const LATE: u8 = 0x80;

/// A chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadChunk<'a> {
    /// The number that the log gave to its series.
    pub reference: u64,
    /// Encoding, as in blocks.
    pub encoding: u8,
    /// Whether its samples came late.
    pub late: bool,
    /// The samples.
    pub bytes: &'a [u8],
}

/// Gives `take` each chunk of a file; whether all of it could be read. Zeros at the end are space for chunks to come.
pub fn read_head_chunks(file: &mut dyn Read, mut take: impl FnMut(HeadChunk<'_>)) -> io::Result<bool> {
    let mut header = [0; 8];
    if !fill(file, &mut header)? || header[..4] != MAGIC || header[4] != 1 {
        return Ok(false);
    }
    let mut chunk = vec![0; FIXED];
    loop {
        chunk.clear();
        chunk.extend_from_slice(&[0; FIXED]);
        if !fill(file, &mut chunk)? {
            // A crash leaves a beginning; what is cut off there is in the log.
            return Ok(true);
        }
        if chunk.iter().all(|b| *b == 0) {
            return Ok(true);
        }
        let Some(len) = length(file, &mut chunk)? else { return Ok(false) };
        let from = chunk.len();
        if (&mut *file).take(len).read_to_end(&mut chunk)? < len as usize {
            return Ok(true);
        }
        let mut checksum = [0; 4];
        if !fill(file, &mut checksum)? {
            return Ok(true);
        }
        if crc32c(&chunk) != u32::from_be_bytes(checksum) {
            return Ok(false);
        }
        let (fixed, bytes) = (&chunk[..FIXED], &chunk[from..]);
        let reference = fixed.first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b));
        let encoding = fixed[FIXED - 1];
        take(HeadChunk { reference, encoding: encoding & !LATE, late: encoding & LATE != 0, bytes });
    }
}

/// Reads a length of at most five bytes, and keeps them.
fn length(file: &mut dyn Read, chunk: &mut Vec<u8>) -> io::Result<Option<u64>> {
    let mut len = 0u64;
    for shift in (0..35).step_by(7) {
        let mut byte = [0];
        if !fill(file, &mut byte)? {
            return Ok(None);
        }
        chunk.push(byte[0]);
        len |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok((len <= MAX_CHUNK).then_some(len));
        }
    }
    Ok(None)
}

/// Fills `buf`; `false` where the file ends before.
fn fill(file: &mut dyn Read, buf: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buf) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}
