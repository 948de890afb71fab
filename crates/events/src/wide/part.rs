//! An immutable part: blocks of days that follow one another, each day sorted by stream and time.

mod read;
mod write;

use disk::header::Kind;

pub(super) use read::Part;
pub(super) use write::Writer;

/// The file of a part.
pub(super) const FILE: &str = "part";

const KIND: Kind = Kind { tag: b'b', name: "records part", version: 3, oldest: 1 };

/// The end of the file: offset(u64), length(u32) and raw length(u32) of the index, its crc32(u32).
const TRAILER: usize = 20;

/// A block in the index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) head_len: u32,
    pub(super) head_crc: u32,
    /// Head and columns.
    pub(super) len: u32,
    pub(super) rows: u32,
    /// Bytes of messages and fields.
    pub(super) bytes: u64,
    pub(super) min_t: i64,
    pub(super) max_t: i64,
    /// The least and the greatest number of its streams.
    pub(super) streams: (u32, u32),
    /// Of rows of one time, those in blocks of a greater rank were written later.
    pub(super) rank: u64,
}
