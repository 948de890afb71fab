//! An immutable block: the samples of many series in one time range. Two files: `data` holds pages (times and values
//! apart; series of one scrape share their times), `index` holds labels, where the pages are, and postings.
//! docs/formats/block.md draws them.

mod index;
mod read;
mod seen;
mod tombstones;
mod write;

#[cfg(test)]
mod tests;

use disk::header::Kind;
use model::TimeRange;

use crate::codec::{Corrupt, Reader, put_bytes, put_i64, put_u64};

pub(crate) use read::{Block, BlockSeries, Pages, Walk};
pub(crate) use tombstones::Tombstones;
pub(crate) use tombstones::pages_in;
pub(crate) use write::BlockWriter;

const DATA: Kind = Kind { tag: b'd', name: "metric block data", version: 3, oldest: 1 };
const INDEX: Kind = Kind { tag: b'i', name: "metric block index", version: 2, oldest: 1 };

const DATA_FILE: &str = "data";
const INDEX_FILE: &str = "index";
const TOMBSTONES_FILE: &str = "tombstones";

const TOMBSTONES: Kind = Kind { tag: b't', name: "metric block tombstones", version: 1, oldest: 1 };

/// Series in a frame of the index.
const FRAME_SERIES: usize = 128;
/// Raw bytes after which a frame of values is closed.
const FRAME_BYTES: usize = 32 << 10;
/// Nothing larger is ever decompressed.
const MAX_FRAME: usize = 256 << 20;
/// Samples of a page at most.
pub(crate) const PAGE_SAMPLES: usize = 8192;
/// End of the index file: offset(u64), len(u32), raw len(u32), crc(u32) of the meta frame, crc32(u32) of these.
const TRAILER: usize = 24;

/// A compressed, checksummed piece of the index file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    offset: u64,
    len: u32,
    raw_len: u32,
    crc: u32,
}

/// Where samples of one series lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) range: TimeRange,
    pub(crate) samples: u32,
    times_len: u32,
    values_len: u32,
    /// 0: no start timestamps.
    starts_len: u32,
    histograms: bool,
    pub(crate) times: u64,
    values: u64,
    starts: u64,
}

impl Page {
    /// Whether it has histograms, not floats.
    pub(crate) const fn has_histograms(&self) -> bool {
        self.histograms
    }
}

/// Added to the number of samples, which is moved left by two bits: the page has histograms ...
const HISTOGRAMS: u64 = 1;
/// ... and start timestamps.
const STARTS: u64 = 2;

/// A label name and the frames of its sorted values.
#[derive(Debug, Clone, PartialEq)]
struct Name {
    text: String,
    values: u64,
    /// First value of each frame.
    frames: Vec<(String, Frame)>,
}

/// What is known of a block without reading its frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meta {
    pub(crate) range: TimeRange,
    pub(crate) samples: u64,
    pub(crate) series: u32,
    /// Of two blocks with a sample of one time, the one with the lower rank wins.
    pub(crate) rank: u64,
    /// Blocks that went into this one.
    pub(crate) replaces: Vec<String>,
    series_frames: Vec<Frame>,
    names: Vec<Name>,
}

impl Frame {
    fn write(&self, out: &mut Vec<u8>) {
        put_u64(out, self.offset);
        put_u64(out, u64::from(self.len));
        put_u64(out, u64::from(self.raw_len));
        out.extend_from_slice(&self.crc.to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        Ok(Self {
            offset: reader.u64()?,
            len: reader.count(MAX_FRAME)? as u32,
            raw_len: reader.count(MAX_FRAME)? as u32,
            crc: u32::from_le_bytes(reader.array()?),
        })
    }
}

impl Meta {
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_i64(&mut out, self.range.start);
        put_i64(&mut out, self.range.end);
        put_u64(&mut out, self.samples);
        put_u64(&mut out, u64::from(self.series));
        put_u64(&mut out, self.rank);
        put_u64(&mut out, self.replaces.len() as u64);
        self.replaces.iter().for_each(|name| put_bytes(&mut out, name.as_bytes()));
        put_u64(&mut out, self.series_frames.len() as u64);
        self.series_frames.iter().for_each(|frame| frame.write(&mut out));
        put_u64(&mut out, self.names.len() as u64);
        for name in &self.names {
            put_bytes(&mut out, name.text.as_bytes());
            put_u64(&mut out, name.values);
            put_u64(&mut out, name.frames.len() as u64);
            for (first, frame) in &name.frames {
                put_bytes(&mut out, first.as_bytes());
                frame.write(&mut out);
            }
        }
        out
    }

    fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes);
        let most = bytes.len();
        let mut meta = Self {
            range: TimeRange::new(reader.i64()?, reader.i64()?),
            samples: reader.u64()?,
            series: reader.count(u32::MAX as usize)? as u32,
            rank: reader.u64()?,
            replaces: Vec::new(),
            series_frames: Vec::new(),
            names: Vec::new(),
        };
        for _ in 0..reader.count(most)? {
            meta.replaces.push(reader.str()?.to_owned());
        }
        for _ in 0..reader.count(most)? {
            meta.series_frames.push(Frame::read(&mut reader)?);
        }
        for _ in 0..reader.count(most)? {
            let (text, values) = (reader.str()?.to_owned(), reader.u64()?);
            let mut frames = Vec::new();
            for _ in 0..reader.count(most)? {
                frames.push((reader.str()?.to_owned(), Frame::read(&mut reader)?));
            }
            meta.names.push(Name { text, values, frames });
        }
        if meta.series_frames.len() != (meta.series as usize).div_ceil(FRAME_SERIES) {
            return Err(Corrupt("number of series frames"));
        }
        Ok(meta)
    }
}

/// The name of a block's directory: it tells the range even where the block cannot be read.
pub(crate) fn directory_name(number: u64, range: TimeRange) -> String {
    format!("b{number:012}_{}_{}", range.start, range.end)
}

/// Number and range from a directory's name.
pub(crate) fn parse_name(name: &str) -> Option<(u64, TimeRange)> {
    let mut parts = name.strip_prefix('b')?.split('_');
    let (number, start, end) = (parts.next()?, parts.next()?, parts.next()?);
    let range = TimeRange::new(start.parse().ok()?, end.parse().ok()?);
    Some((number.parse().ok()?, range))
}

/// Reads any bytes as meta frame, series frame and values frame: for the fuzzer.
pub(crate) fn read_any(bytes: &[u8]) {
    let _ = Meta::read(bytes);
    for version in INDEX.oldest..=INDEX.version {
        read::read_any_series(bytes, version);
    }
    index::read_any_values(bytes);
    let _ = Tombstones::read(bytes);
}
