//! Data directories of Prometheus: blocks, and the write-ahead log of what is not in blocks yet.
//!
//! A block is a folder named by a ULID with `meta.json` ([`Meta`]), `index` ([`Index`]: symbols and, in the order of
//! their labels, series with the places of their chunks), `chunks/000001` ... ([`ChunkFile`]) and `tombstones`
//! ([`Tombstones`]). [`Block`] puts them together and gives out one series at a time. [`wal`] reads the log,
//! [`read_head_chunks`] what the head has put on disk beside it.
//!
//! The formats are those of prometheus/prometheus `tsdb/docs/format`, index versions 1 to 3. Postings are not read:
//! whoever comes over wants every series, and the series themselves are in order. Damage is reported and the rest is
//! read: a series or chunk whose checksum is wrong is left out.

mod block;
mod chunks;
mod cursor;
mod head_chunks;
mod index;
mod meta;
mod tombstones;
pub mod wal;

use std::io;

pub use block::Block;
pub use chunks::ChunkFile;
pub use head_chunks::{HeadChunk, read_head_chunks};
pub use index::{ChunkPlace, Index, IndexedSeries, SeriesScan};
pub use meta::{Compaction, Meta, Parent, Stats, is_ulid};
pub use tombstones::Tombstones;

/// Bytes that can be read at any place: a file, or a slice.
pub trait ReadAt {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Fills `buf` from `offset` on; an end before that is an error.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|at| self.get(at..)?.get(..buf.len()));
        buf.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes cannot be had.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// They are not what the format says.
    #[error("{file}, byte {at}: {what}")]
    Damaged {
        /// Which file of the block.
        file: &'static str,
        /// Where in it.
        at: u64,
        /// What is wrong.
        what: String,
    },
}

impl Error {
    fn damaged(file: &'static str, at: u64, what: impl std::fmt::Display) -> Self {
        Self::Damaged { file, at, what: what.to_string() }
    }
}
