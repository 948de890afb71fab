//! An immutable part: events in order of time, in compressed blocks, with the time range of each block at the end.

mod read;
mod write;

use disk::header::Kind;

pub(crate) use read::{Cursor, Part};
pub(crate) use write::Writer;

/// The file of a part.
pub(crate) const FILE: &str = "part";

const KIND: Kind = Kind { tag: b'p', name: "events part", version: 1, oldest: 1 };

/// Raw bytes after which a block is closed.
const BLOCK_BYTES: usize = 128 << 10;
/// A block is one event at least; nothing larger than this is ever decompressed.
const MAX_BLOCK: usize = 16 << 20;
/// The end of the file: offset(u64) and length(u32) of the index, its crc32(u32).
const TRAILER: usize = 16;

/// A block in the index.
#[derive(Debug, Clone, Copy, PartialEq)]
struct BlockEntry {
    min_t: i64,
    max_t: i64,
    events: u64,
    offset: u64,
    len: u32,
    raw_len: u32,
    crc: u32,
}
