//! `tombstones`: time ranges of series that were deleted and are still in the chunks.

use std::collections::HashMap;

use model::{SeriesData, TimeRange};

use super::Error;
use super::cursor::{Cursor, Short};
use crate::castagnoli::crc32c;

const FILE: &str = "tombstones";
const MAGIC: u32 = 0x0130_ba30;

/// Deleted ranges by reference of the series.
#[derive(Debug, Clone, Default)]
pub struct Tombstones {
    ranges: HashMap<u64, Vec<TimeRange>>,
}

impl Tombstones {
    /// Reads the file.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let short = |_: Short| Error::damaged(FILE, 0, "shorter than its header");
        let (body, checksum) = bytes.split_last_chunk::<4>().ok_or(Short).map_err(short)?;
        let mut cursor = Cursor::new(body);
        let (magic, version) = (cursor.be32().map_err(short)?, cursor.byte().map_err(short)?);
        if magic != MAGIC || version != 1 {
            return Err(Error::damaged(FILE, 0, format_args!("magic {magic:08x}, version {version}")));
        }
        let entries = body.get(5..).unwrap_or_default();
        if crc32c(entries) != u32::from_be_bytes(*checksum) {
            return Err(Error::damaged(FILE, 5, "the checksum is wrong"));
        }
        let mut tombstones = Self::default();
        while !cursor.is_empty() {
            let at = (bytes.len() - 4 - cursor.left()) as u64;
            let mut entry = || Ok((cursor.uvarint()?, TimeRange::new(cursor.varint()?, cursor.varint()?)));
            let (series, range) = entry().map_err(|e: Short| Error::damaged(FILE, at, e))?;
            tombstones.add(series, range);
        }
        Ok(tombstones)
    }

    /// Adds a range.
    pub fn add(&mut self, series: u64, range: TimeRange) {
        self.ranges.entry(series).or_default().push(range);
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.values().map(Vec::len).sum()
    }

    /// Whether nothing was deleted.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether the sample of `series` at `t` was deleted.
    pub fn contains(&self, series: u64, t: i64) -> bool {
        self.ranges.get(&series).is_some_and(|ranges| ranges.iter().any(|range| range.contains(t)))
    }

    /// Removes from `data` what was deleted of `series`.
    pub fn apply(&self, series: u64, data: &mut SeriesData) {
        if let Some(ranges) = self.ranges.get(&series) {
            data.keep(|t| !ranges.iter().any(|range| range.contains(t)));
        }
    }
}
