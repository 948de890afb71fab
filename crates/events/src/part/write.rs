//! Writing a part.

use std::path::Path;

use disk::Fs;
use disk::publish::FileWriter;
use disk::varint::{put_bytes, put_i64, put_u64};
use model::{Error, Event, Result};

use super::{BLOCK_BYTES, BlockEntry, FILE, KIND};
use crate::codec::{encode, size_of_event};

/// Compression of blocks: parts are small and read often.
const LEVEL: i32 = 3;

/// Takes events in order of time and writes the file of a part.
pub(crate) struct Writer {
    file: FileWriter,
    blocks: Vec<BlockEntry>,
    pending: Vec<Event>,
    pending_bytes: usize,
    raw: Vec<u8>,
}

impl Writer {
    pub(crate) fn create(fs: &dyn Fs, dir: &Path) -> Result<Self> {
        let mut file = FileWriter::create(fs, &dir.join(FILE))?;
        file.write(&disk::header::write(KIND))?;
        Ok(Self { file, blocks: Vec::new(), pending: Vec::new(), pending_bytes: 0, raw: Vec::new() })
    }

    pub(crate) fn add(&mut self, event: Event) -> Result<()> {
        self.pending_bytes += size_of_event(&event);
        self.pending.push(event);
        if self.pending_bytes >= BLOCK_BYTES { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<()> {
        let (Some(first), Some(last)) = (self.pending.first(), self.pending.last()) else { return Ok(()) };
        let (min_t, max_t, events) = (first.time_ns, last.time_ns, self.pending.len() as u64);
        self.raw.clear();
        encode(self.pending.iter(), &mut self.raw);
        let packed = zstd::bulk::compress(&self.raw, LEVEL)
            .map_err(|e| Error::internal("events cannot be compressed").with_detail(e))?;
        let offset = self.file.write(&packed)?;
        self.blocks.push(BlockEntry {
            min_t,
            max_t,
            events,
            offset,
            len: packed.len() as u32,
            raw_len: self.raw.len() as u32,
            crc: crc32fast::hash(&packed),
        });
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    /// Ends the part. `log_upto`: the events of log segments before this one are in parts. `replaces`: the parts
    /// that went into it.
    pub(crate) fn finish(mut self, log_upto: u64, replaces: &[String]) -> Result<()> {
        self.close_block()?;
        let mut index = Vec::new();
        put_u64(&mut index, log_upto);
        put_u64(&mut index, replaces.len() as u64);
        replaces.iter().for_each(|name| put_bytes(&mut index, name.as_bytes()));
        put_u64(&mut index, self.blocks.len() as u64);
        for block in &self.blocks {
            put_i64(&mut index, block.min_t);
            put_i64(&mut index, block.max_t);
            put_u64(&mut index, block.events);
            put_u64(&mut index, block.offset);
            put_u64(&mut index, u64::from(block.len));
            put_u64(&mut index, u64::from(block.raw_len));
            index.extend_from_slice(&block.crc.to_le_bytes());
        }
        let offset = self.file.write(&index)?;
        let mut trailer = offset.to_le_bytes().to_vec();
        trailer.extend_from_slice(&(index.len() as u32).to_le_bytes());
        trailer.extend_from_slice(&crc32fast::hash(&index).to_le_bytes());
        self.file.write(&trailer)?;
        self.file.finish()?;
        Ok(())
    }
}
