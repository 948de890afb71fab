//! Reading a part: its index once, its blocks when they are asked for.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use disk::fs::read_exact_at;
use disk::varint::{Corrupt, Reader};
use disk::{File, Fs, io_error};
use model::{Error, Labels, Result};

use super::{Entry, FILE, KIND, TRAILER};
use crate::wide::block::{self, Bytes, Head};
use crate::wide::filter::{Filter, LINE, Lines, Place};
use crate::wide::scan::Plan;

/// The largest index that is read.
const MAX_INDEX: usize = 256 << 20;
/// The longest block.
const MAX_BLOCK: usize = 256 << 20;

/// An open part.
pub(in crate::wide) struct Part {
    pub(in crate::wide) name: String,
    file: Box<dyn File>,
    pub(in crate::wide) streams: Vec<Labels>,
    pub(in crate::wide) blocks: Vec<Entry>,
    /// The records of log segments before this one are in parts.
    pub(in crate::wide) log_upto: u64,
    /// The parts that went into it.
    pub(in crate::wide) replaces: Vec<String>,
    /// Its bytes on disk.
    pub(in crate::wide) bytes: u64,
    damaged: AtomicBool,
    /// Where the filter of each block lies, once its checksum was compared; `None`: it has none.
    filters: Vec<OnceLock<Option<Place>>>,
}

fn corrupt(name: &str, what: impl std::fmt::Display) -> Error {
    Error::internal(format_args!("records part {name} is corrupt: {what}"))
}

/// The columns of a block, behind its head.
pub(in crate::wide) struct BlockBytes<'a> {
    part: &'a Part,
    start: u64,
    len: u32,
}

impl Bytes for BlockBytes<'_> {
    fn read(&self, offset: u32, len: u32) -> Result<Vec<u8>> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(corrupt(&self.part.name, "a column behind the end of its block"));
        }
        read_exact_at(&*self.part.file, self.start + u64::from(offset), len as usize)
            .map_err(|e| corrupt(&self.part.name, e))
    }
}

/// The lines of the filter of a block, from this byte of the file on.
struct FilterLines<'a> {
    part: &'a Part,
    start: u64,
}

impl Lines for FilterLines<'_> {
    fn read(&self, at: u32) -> Result<[u8; LINE]> {
        let mut line = [0; LINE];
        let read = self.part.file.read_at(&mut line, self.start + u64::from(at));
        match read.map_err(|e| corrupt(&self.part.name, e))? {
            LINE => Ok(line),
            _ => Err(corrupt(&self.part.name, "a filter behind the end")),
        }
    }
}

impl Part {
    /// Opens the part in directory `dir`, called `name`.
    pub(in crate::wide) fn open(fs: &dyn Fs, dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(name).join(FILE);
        let read_error = |e: std::io::Error| io_error("read a records part", &path, &e);
        let file = fs.open(&path).map_err(read_error)?;
        let bytes = file.size().map_err(read_error)?;
        let head = read_exact_at(&*file, 0, disk::header::LEN).map_err(|_| corrupt(name, "too short"))?;
        disk::header::check(KIND, &head)?;
        let trailer_at = bytes.saturating_sub(TRAILER as u64);
        let trailer = read_exact_at(&*file, trailer_at, TRAILER).map_err(|_| corrupt(name, "too short"))?;
        let mut reader = Reader::new(&trailer);
        let broken = |e: Corrupt| corrupt(name, e);
        let offset = u64::from_le_bytes(reader.array().map_err(broken)?);
        let len = u32::from_le_bytes(reader.array().map_err(broken)?) as usize;
        let raw_len = u32::from_le_bytes(reader.array().map_err(broken)?) as usize;
        let crc = u32::from_le_bytes(reader.array().map_err(broken)?);
        if raw_len > MAX_INDEX || offset.checked_add(len as u64) != Some(trailer_at) {
            return Err(corrupt(name, "its trailer points nowhere"));
        }
        let packed = read_exact_at(&*file, offset, len).map_err(read_error)?;
        if crc32fast::hash(&packed) != crc {
            return Err(corrupt(name, "checksum of the index"));
        }
        let index = zstd::bulk::decompress(&packed, raw_len).map_err(|e| corrupt(name, e))?;
        let mut part = Self {
            name: name.to_owned(),
            file,
            streams: Vec::new(),
            blocks: Vec::new(),
            log_upto: 0,
            replaces: Vec::new(),
            bytes,
            damaged: AtomicBool::new(false),
            filters: Vec::new(),
        };
        part.read_index(&index, offset).map_err(broken)?;
        part.filters.resize_with(part.blocks.len(), OnceLock::new);
        Ok(part)
    }

    fn read_index(&mut self, index: &[u8], end: u64) -> Result<(), Corrupt> {
        let mut reader = Reader::new(index);
        self.log_upto = reader.u64()?;
        for _ in 0..reader.count(index.len())? {
            self.replaces.push(reader.str()?.to_owned());
        }
        for _ in 0..reader.count(index.len())? {
            let stream = Labels::from_canonical(reader.str()?).ok_or(Corrupt("stream is not canonical"))?;
            self.streams.push(stream);
        }
        let most_streams = self.streams.len().saturating_sub(1);
        for _ in 0..reader.count(index.len())? {
            let offset = reader.u64()?;
            let head_len = reader.count(MAX_BLOCK)? as u32;
            let head_crc = u32::from_le_bytes(reader.array()?);
            let len = reader.count(MAX_BLOCK)? as u32;
            let rows = reader.count(u32::MAX as usize)? as u32;
            let bytes = reader.u64()?;
            let min_t = reader.i64()?;
            let max_t = min_t.wrapping_add(reader.u64()? as i64);
            let streams = (reader.count(most_streams)? as u32, reader.count(most_streams)? as u32);
            let rank = reader.u64()?;
            if head_len > len || offset.checked_add(u64::from(len)).is_none_or(|e| e > end) {
                return Err(Corrupt("a block behind the end"));
            }
            if self.streams.is_empty() || streams.0 > streams.1 {
                return Err(Corrupt("a block without streams"));
            }
            let entry = Entry { offset, head_len, head_crc, len, rows, bytes, min_t, max_t, streams, rank };
            self.blocks.push(entry);
        }
        Ok(())
    }

    /// Time of the oldest and of the newest record in ns; `None` without any.
    pub(in crate::wide) fn range(&self) -> Option<(i64, i64)> {
        let oldest = self.blocks.iter().map(|b| b.min_t).min()?;
        Some((oldest, self.blocks.iter().map(|b| b.max_t).max()?))
    }

    /// The rank of its newest block.
    pub(in crate::wide) fn rank(&self) -> u64 {
        self.blocks.iter().map(|b| b.rank).max().unwrap_or(0)
    }

    /// Whether a block was found corrupt.
    pub(in crate::wide) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// What begins a block, and where its columns are.
    pub(in crate::wide) fn head(&self, entry: &Entry) -> Result<(Head, BlockBytes<'_>)> {
        let read = || {
            let bytes = read_exact_at(&*self.file, entry.offset, entry.head_len as usize)
                .map_err(|e| corrupt(&self.name, e))?;
            if crc32fast::hash(&bytes) != entry.head_crc {
                return Err(corrupt(&self.name, "checksum of the head of a block"));
            }
            let head = Head::read(&bytes).map_err(|e| corrupt(&self.name, e))?;
            if head.runs.iter().any(|run| run.stream as usize >= self.streams.len()) {
                return Err(corrupt(&self.name, "a stream that it does not have"));
            }
            Ok(head)
        };
        let head = self.noting(read())?;
        let start = entry.offset + u64::from(entry.head_len);
        Ok((head, BlockBytes { part: self, start, len: entry.len - entry.head_len }))
    }

    /// Whether the filter of a block, by its place, leaves open that something in it fulfils the tests of a plan. The head of
    /// the block and the whole filter are read once; then a few lines.
    pub(in crate::wide) fn may_have(&self, at: usize, plan: &Plan) -> Result<bool> {
        if !plan.has_words {
            return Ok(true);
        }
        let entry = &self.blocks[at];
        let place = match self.filters[at].get() {
            Some(place) => *place,
            None => {
                let (head, bytes) = self.head(entry)?;
                let place = self.noting(block::filter(&head, &bytes))?;
                *self.filters[at].get_or_init(|| place)
            }
        };
        let Some(place) = place else { return Ok(true) };
        let lines =
            FilterLines { part: self, start: entry.offset + u64::from(entry.head_len + place.offset) };
        let filter = Filter::new(place, &lines);
        let may = plan.may_hold(&filter);
        self.noting(filter.check()).map(|()| may)
    }

    /// Remembers that something in it could not be read.
    pub(in crate::wide) fn noting<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.damaged.store(true, Ordering::Relaxed))
    }

    /// The columns of a block as they lie in the file.
    pub(in crate::wide) fn columns(&self, entry: &Entry) -> Result<Vec<u8>> {
        let at = entry.offset + u64::from(entry.head_len);
        let read = read_exact_at(&*self.file, at, (entry.len - entry.head_len) as usize);
        self.noting(read.map_err(|e| corrupt(&self.name, e)))
    }
}
