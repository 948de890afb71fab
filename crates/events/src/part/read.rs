//! Reading a part: its index once, its blocks when a scan comes to them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use disk::fs::read_exact_at;
use disk::varint::{Corrupt, Reader};
use disk::{File, Fs, io_error};
use model::{Error, Event, Order, Result};

use super::{BlockEntry, FILE, KIND, MAX_BLOCK, TRAILER};
use crate::codec::decode;

/// The largest index that is read.
const MAX_INDEX: u64 = 64 << 20;

/// An open part.
pub(crate) struct Part {
    pub(crate) name: String,
    file: Box<dyn File>,
    blocks: Vec<BlockEntry>,
    /// The events of log segments before this one are in parts.
    pub(crate) log_upto: u64,
    /// The parts that went into it.
    pub(crate) replaces: Vec<String>,
    /// Its bytes on disk.
    pub(crate) bytes: u64,
    damaged: AtomicBool,
}

fn corrupt(name: &str, what: impl std::fmt::Display) -> Error {
    Error::internal(format_args!("events part {name} is corrupt: {what}"))
}

impl Part {
    /// Opens the part in directory `dir`, called `name`.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(name).join(FILE);
        let read_error = |e: std::io::Error| io_error("read an events part", &path, &e);
        let file = fs.open(&path).map_err(read_error)?;
        let bytes = file.size().map_err(read_error)?;
        let head = read_exact_at(&*file, 0, disk::header::LEN).map_err(|_| corrupt(name, "too short"))?;
        disk::header::check(KIND, &head)?;
        let trailer_at = bytes.saturating_sub(TRAILER as u64);
        let trailer = read_exact_at(&*file, trailer_at, TRAILER).map_err(|_| corrupt(name, "too short"))?;
        let mut reader = Reader::new(&trailer);
        let broken = |e: Corrupt| corrupt(name, e);
        let offset = u64::from_le_bytes(reader.array().map_err(broken)?);
        let len = u32::from_le_bytes(reader.array().map_err(broken)?);
        let crc = u32::from_le_bytes(reader.array().map_err(broken)?);
        if u64::from(len) > MAX_INDEX || offset.checked_add(u64::from(len)) != Some(trailer_at) {
            return Err(corrupt(name, "its trailer points nowhere"));
        }
        let index = read_exact_at(&*file, offset, len as usize).map_err(read_error)?;
        if crc32fast::hash(&index) != crc {
            return Err(corrupt(name, "checksum of the index"));
        }
        let mut part = Self {
            name: name.to_owned(),
            file,
            blocks: Vec::new(),
            log_upto: 0,
            replaces: vec![],
            bytes,
            damaged: AtomicBool::new(false),
        };
        part.read_index(&index).map_err(broken)?;
        Ok(part)
    }

    fn read_index(&mut self, index: &[u8]) -> Result<(), Corrupt> {
        let mut reader = Reader::new(index);
        self.log_upto = reader.u64()?;
        for _ in 0..reader.count(index.len())? {
            self.replaces.push(reader.str()?.to_owned());
        }
        for _ in 0..reader.count(index.len())? {
            let block = BlockEntry {
                min_t: reader.i64()?,
                max_t: reader.i64()?,
                events: reader.u64()?,
                offset: reader.u64()?,
                len: reader.count(MAX_BLOCK)? as u32,
                raw_len: reader.count(MAX_BLOCK)? as u32,
                crc: u32::from_le_bytes(reader.array()?),
            };
            self.blocks.push(block);
        }
        Ok(())
    }

    /// Time of the oldest and the newest event in ns; `None` without events.
    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        Some((self.blocks.first()?.min_t, self.blocks.last()?.max_t))
    }

    /// Whether a block was found corrupt.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    fn read(&self, block: &BlockEntry) -> Result<Vec<Event>> {
        self.read_block(block).inspect_err(|_| self.damaged.store(true, Ordering::Relaxed))
    }

    fn read_block(&self, block: &BlockEntry) -> Result<Vec<Event>> {
        let packed = read_exact_at(&*self.file, block.offset, block.len as usize)
            .map_err(|e| corrupt(&self.name, e))?;
        if crc32fast::hash(&packed) != block.crc {
            return Err(corrupt(&self.name, format_args!("checksum of the block at {}", block.offset)));
        }
        let raw =
            zstd::bulk::decompress(&packed, block.raw_len as usize).map_err(|e| corrupt(&self.name, e))?;
        decode(&raw).map_err(|e| corrupt(&self.name, e))
    }
}

/// Walks the events of a part inside a time range, from one end to the other.
pub(crate) struct Cursor {
    part: Arc<Part>,
    /// Blocks to come, the next at the front.
    blocks: VecDeque<BlockEntry>,
    /// Events to come, the next at the front.
    events: VecDeque<Event>,
    start: i64,
    end: i64,
    order: Order,
}

impl Cursor {
    pub(crate) fn new(part: Arc<Part>, start: i64, end: i64, order: Order) -> Self {
        let inside = |b: &&BlockEntry| b.min_t <= end && b.max_t >= start;
        let mut blocks: VecDeque<_> = part.blocks.iter().filter(inside).copied().collect();
        if order == Order::Descending {
            blocks.make_contiguous().reverse();
        }
        Self { part, blocks, events: VecDeque::new(), start, end, order }
    }

    /// Time of the next event, or a time before which (in this order) none comes; `None` at the end.
    pub(crate) fn bound(&self) -> Option<i64> {
        match (self.events.front(), self.order) {
            (Some(event), _) => Some(event.time_ns),
            (None, Order::Ascending) => self.blocks.front().map(|b| b.min_t),
            (None, Order::Descending) => self.blocks.front().map(|b| b.max_t),
        }
    }

    /// The next event, or `None` if a block had to be read first or nothing is left: look at the bound again.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        if let Some(block) = self.blocks.pop_front() {
            let events = self.part.read(&block)?;
            self.events
                .extend(events.into_iter().filter(|e| self.start <= e.time_ns && e.time_ns <= self.end));
            if self.order == Order::Descending {
                self.events.make_contiguous().reverse();
            }
        }
        Ok(None)
    }
}
