//! Writing a part.

use std::path::Path;

use disk::Fs;
use disk::publish::FileWriter;
use disk::varint::{put_bytes, put_i64, put_u64};
use model::{Error, Labels, Result};

use super::{Entry, FILE, KIND};
use crate::wide::block::{Finished, Run};

/// Compression of the index.
const LEVEL: i32 = 3;

/// Takes blocks and writes the file of a part.
pub(in crate::wide) struct Writer {
    file: FileWriter,
    entries: Vec<Entry>,
}

impl Writer {
    pub(in crate::wide) fn create(fs: &dyn Fs, dir: &Path) -> Result<Self> {
        let mut file = FileWriter::create(fs, &dir.join(FILE))?;
        file.write(&disk::header::write(KIND))?;
        Ok(Self { file, entries: Vec::new() })
    }

    /// Adds a block.
    pub(in crate::wide) fn add(&mut self, block: &Finished, rank: u64) -> Result<()> {
        let offset = self.file.write(&block.bytes)?;
        let runs = &block.runs;
        let numbers = || runs.iter().map(|r: &Run| r.stream);
        self.entries.push(Entry {
            offset,
            head_len: block.head_len,
            head_crc: block.head_crc,
            len: block.bytes.len() as u32,
            rows: runs.iter().map(|r| r.rows).sum(),
            bytes: runs.iter().map(|r| r.bytes).sum(),
            min_t: runs.iter().map(|r| r.min_t).min().unwrap_or_default(),
            max_t: runs.iter().map(|r| r.max_t).max().unwrap_or_default(),
            streams: (numbers().min().unwrap_or_default(), numbers().max().unwrap_or_default()),
            rank,
        });
        Ok(())
    }

    /// Ends the part. `log_upto`: the records of log segments before this one are in parts. `replaces`: the parts that
    /// went into it.
    pub(in crate::wide) fn finish(
        mut self,
        streams: &[Labels],
        log_upto: u64,
        replaces: &[String],
    ) -> Result<()> {
        let mut index = Vec::new();
        put_u64(&mut index, log_upto);
        put_u64(&mut index, replaces.len() as u64);
        replaces.iter().for_each(|name| put_bytes(&mut index, name.as_bytes()));
        put_u64(&mut index, streams.len() as u64);
        streams.iter().for_each(|s| put_bytes(&mut index, s.canonical().as_bytes()));
        put_u64(&mut index, self.entries.len() as u64);
        for entry in &self.entries {
            put_u64(&mut index, entry.offset);
            put_u64(&mut index, u64::from(entry.head_len));
            index.extend_from_slice(&entry.head_crc.to_le_bytes());
            put_u64(&mut index, u64::from(entry.len));
            put_u64(&mut index, u64::from(entry.rows));
            put_u64(&mut index, entry.bytes);
            put_i64(&mut index, entry.min_t);
            put_u64(&mut index, entry.max_t.wrapping_sub(entry.min_t) as u64);
            put_u64(&mut index, u64::from(entry.streams.0));
            put_u64(&mut index, u64::from(entry.streams.1));
            put_u64(&mut index, entry.rank);
        }
        let packed = zstd::bulk::compress(&index, LEVEL)
            .map_err(|e| Error::internal("records cannot be compressed").with_detail(e))?;
        let offset = self.file.write(&packed)?;
        let mut trailer = offset.to_le_bytes().to_vec();
        trailer.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        trailer.extend_from_slice(&(index.len() as u32).to_le_bytes());
        trailer.extend_from_slice(&crc32fast::hash(&packed).to_le_bytes());
        self.file.write(&trailer)?;
        self.file.finish()?;
        Ok(())
    }
}
