//! `chunks/000001` ...: chunk after chunk, each behind its length and encoding and before its checksum.

use super::cursor::Cursor;
use super::{Error, ReadAt};
use crate::castagnoli::crc32c;

const FILE: &str = "chunks";
const MAGIC: [u8; 4] = [0x85, 0xbd, 0x40, 0xdd];
const HEADER: u64 = 8;
/// What is read at once: the chunks of a series lie together, and so do series.
const WINDOW: u64 = 256 << 10;
/// A longer chunk is damage.
const MAX_CHUNK: u64 = 64 << 20;
/// Bytes of the longest length.
const MAX_LENGTH: usize = 5;

/// One file of chunks.
pub struct ChunkFile<R> {
    file: R,
    window: Vec<u8>,
    at: u64,
}

impl<R: ReadAt> ChunkFile<R> {
    /// Checks the header.
    pub fn new(file: R) -> Result<Self, Error> {
        let mut header = [0; HEADER as usize];
        if file.size() < HEADER {
            return Err(Error::damaged(FILE, 0, "shorter than its header"));
        }
        file.read_at(0, &mut header)?;
        if header[..4] != MAGIC || header[4] != 1 {
            return Err(Error::damaged(FILE, 0, "this is no file of chunks of version 1"));
        }
        Ok(Self { file, window: Vec::new(), at: 0 })
    }

    /// Encoding and bytes of the chunk at `offset`.
    pub fn chunk(&mut self, offset: u64) -> Result<(u8, &[u8]), Error> {
        let damaged = |what: &str| Error::damaged(FILE, offset, what);
        let size = self.file.size();
        if offset < HEADER || offset >= size {
            return Err(damaged("no chunk can be here"));
        }
        let head = self.bytes(offset, (MAX_LENGTH as u64).min(size - offset))?;
        let mut cursor = Cursor::new(head);
        let len = cursor.uvarint().ok().filter(|len| *len <= MAX_CHUNK);
        let len = len.ok_or_else(|| damaged("the length of a chunk is wrong"))?;
        let from = offset + (head.len() - cursor.left()) as u64;
        let whole = len + 5; // encoding before, checksum behind
        if whole > size - from {
            return Err(damaged("the file ends within a chunk"));
        }
        let bytes = self.bytes(from, whole)?;
        let (body, checksum) =
            bytes.split_last_chunk::<4>().ok_or_else(|| damaged("a chunk without checksum"))?;
        if crc32c(body) != u32::from_be_bytes(*checksum) {
            return Err(damaged("the checksum of a chunk is wrong"));
        }
        let (encoding, data) = body.split_first().ok_or_else(|| damaged("an empty chunk"))?;
        Ok((*encoding, data))
    }

    /// `len` bytes from `offset` on, all within the file.
    fn bytes(&mut self, offset: u64, len: u64) -> Result<&[u8], Error> {
        let inside = offset >= self.at && offset + len <= self.at + self.window.len() as u64;
        if !inside {
            let take = WINDOW.max(len).min(self.file.size() - offset);
            self.window.resize(take as usize, 0);
            self.at = offset;
            if let Err(e) = self.file.read_at(offset, &mut self.window) {
                self.window.clear();
                return Err(e.into());
            }
        }
        let from = (offset - self.at) as usize;
        self.window
            .get(from..from + len as usize)
            .ok_or_else(|| Error::damaged(FILE, offset, "the file ends"))
    }
}
