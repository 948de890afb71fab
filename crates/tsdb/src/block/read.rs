//! Reading a block.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use disk::fs::read_exact_at;
use disk::{File, Fs, io_error};
use model::{Error, Labels, Result, TimeRange};
use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::seen;
use super::tombstones::{self, Tombstones};
use super::{
    DATA, DATA_FILE, FRAME_SERIES, Frame, INDEX, INDEX_FILE, MAX_FRAME, Meta, PAGE_SAMPLES, Page, TRAILER,
};
use super::{HISTOGRAMS, STARTS};
use crate::cache::{Cache, Key};
use crate::codec::{Corrupt, Reader, decode_histograms, decode_starts, decode_times, decode_values};
use crate::merge::{Run, pad_starts};

/// Data files are read and cached in pieces of this size.
const PIECE: u64 = 64 << 10;
const INDEX_SPACE: u8 = 0;
const DATA_SPACE: u8 = 1;

/// An open block.
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) meta: Meta,
    /// Its bytes on disk.
    pub(crate) bytes: u64,
    data: Box<dyn File>,
    data_len: u64,
    /// Version of the index.
    version: u16,
    index: Box<dyn File>,
    cache: Arc<Cache>,
    broken: AtomicBool,
    pub(super) tombstones: RwLock<Arc<Tombstones>>,
    /// See [`Block::seen`].
    pub(super) seen: AtomicU64,
}

/// A series of a block.
pub(crate) struct BlockSeries {
    pub(crate) labels: Labels,
    pub(crate) pages: Vec<Page>,
    /// Deleted ranges, sorted.
    pub(crate) deleted: Option<Arc<[TimeRange]>>,
}

/// Takes canonical labels, pages, and what is deleted; `false` to stop.
type EachSeries<'a> = dyn FnMut(&str, &[Page], Option<Arc<[TimeRange]>>) -> Result<bool> + 'a;

impl Block {
    /// Opens the block in `dir/name`.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, name: &str, cache: Arc<Cache>) -> Result<Self> {
        let (number, _) = super::parse_name(name)
            .ok_or_else(|| Error::invalid(format_args!("{name:?} is no name of a block")))?;
        let open = |file: &str| {
            let path = dir.join(name).join(file);
            let open = || {
                let file = fs.open(&path)?;
                let size = file.size()?;
                Ok((file, size))
            };
            open().map_err(|e: std::io::Error| io_error("open a block", &path, &e))
        };
        let (data, data_len) = open(DATA_FILE)?;
        let (index, index_len) = open(INDEX_FILE)?;
        let corrupt = |what: &str| Error::internal(format_args!("block {name} is corrupt: {what}"));
        let version = |file: &dyn File, kind| {
            let head = read_exact_at(file, 0, disk::header::LEN).map_err(|_| corrupt("too short"))?;
            disk::header::check(kind, &head)
        };
        version(&*data, DATA)?;
        let version = version(&*index, INDEX)?;
        let meta = read_meta(&*index, index_len).map_err(|e| corrupt(e.0))?;
        let bytes = data_len + index_len;
        let tombstones = tombstones::open(fs, &dir.join(name))?;
        let seen = AtomicU64::new(seen::open(fs, &dir.join(name))?);
        let name = name.to_owned();
        let broken = AtomicBool::new(false);
        let tombstones = RwLock::new(Arc::new(tombstones));
        Ok(Self {
            number,
            name,
            meta,
            bytes,
            data,
            data_len,
            version,
            index,
            cache,
            broken,
            tombstones,
            seen,
        })
    }

    /// Whether something in it was found corrupt.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Remembers that something is corrupt, and says so.
    pub(crate) fn damaged(&self, what: impl std::fmt::Display) -> Error {
        self.broken.store(true, Ordering::Relaxed);
        let name = &self.name;
        Error::unavailable(format_args!("block {name} is corrupt and will be set aside; ask again"))
            .with_detail(what)
    }

    /// The raw bytes of a frame of the index.
    pub(super) fn frame(&self, frame: &Frame) -> Result<Arc<Vec<u8>>> {
        let key = Key { block: self.number, file: INDEX_SPACE, offset: frame.offset };
        if let Some(raw) = self.cache.get(key) {
            return Ok(raw);
        }
        let raw = Arc::new(read_frame(&*self.index, frame).map_err(|e| self.damaged(e))?);
        self.cache.put(key, &raw);
        Ok(raw)
    }

    /// Gives the wanted series to `take`, in the order of their labels.
    pub(crate) fn series(
        &self,
        wanted: &RoaringBitmap,
        take: &mut dyn FnMut(BlockSeries) -> Result<bool>,
    ) -> Result<()> {
        self.each_series(wanted, &mut |canonical, pages, deleted| {
            let labels = labels_of(canonical).map_err(|e| self.damaged(e))?;
            take(BlockSeries { labels, pages: pages.to_vec(), deleted })
        })
    }

    /// Gives canonical labels, pages and what is deleted of the wanted series to `take`, in the order of their labels.
    pub(crate) fn each_series(&self, wanted: &RoaringBitmap, take: &mut EachSeries<'_>) -> Result<()> {
        let mut wanted = wanted.iter().peekable();
        let tombstones = self.tombstones();
        while let Some(number) = wanted.peek().map(|n| *n as usize) {
            let Some(frame) = self.meta.series_frames.get(number / FRAME_SERIES) else {
                return Err(self.damaged("a series number without a frame"));
            };
            let raw = self.frame(frame)?;
            let mut decoder = SeriesDecoder::new(&raw, self.version);
            let first = number / FRAME_SERIES * FRAME_SERIES;
            for number in first..(first + FRAME_SERIES).min(self.meta.series as usize) {
                let want = wanted.next_if(|w| *w as usize == number).is_some();
                decoder.advance(want).map_err(|e| self.damaged(e))?;
                if want && !take(&decoder.canonical, &decoder.pages, tombstones.of(number as u32))? {
                    return Ok(());
                }
                if wanted.peek().is_none_or(|w| *w as usize >= first + FRAME_SERIES) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Checked bytes of the data file, by way of the cache.
    pub(super) fn blob(&self, at: u64, len: u32, out: &mut Vec<u8>) -> Result<()> {
        let end = at.checked_add(u64::from(len) + 4).filter(|end| *end <= self.data_len);
        let Some(end) = end else { return Err(self.damaged("a page outside the file")) };
        out.clear();
        let mut from = at;
        while from < end {
            let piece = self.piece(from / PIECE * PIECE)?;
            let inside = (from % PIECE) as usize;
            let take = piece.len().saturating_sub(inside).min((end - from) as usize);
            if take == 0 {
                return Err(self.damaged("the data file is shorter than it was"));
            }
            out.extend_from_slice(&piece[inside..inside + take]);
            from += take as u64;
        }
        check_blob(out).map_err(|e| self.damaged(e))
    }

    fn piece(&self, offset: u64) -> Result<Arc<Vec<u8>>> {
        let key = Key { block: self.number, file: DATA_SPACE, offset };
        if let Some(piece) = self.cache.get(key) {
            return Ok(piece);
        }
        let len = PIECE.min(self.data_len - offset) as usize;
        let piece = read_exact_at(&*self.data, offset, len).map_err(|e| self.damaged(e))?;
        let piece = Arc::new(piece);
        self.cache.put(key, &piece);
        Ok(piece)
    }
}

/// Cuts the checksum off the end of a blob if it is right.
fn check_blob(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    let Some((body, crc)) = bytes.split_last_chunk::<4>() else {
        return Err(Corrupt("a page without checksum"));
    };
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(Corrupt("checksum of a page"));
    }
    bytes.truncate(bytes.len() - 4);
    Ok(())
}

fn read_frame(file: &dyn File, frame: &Frame) -> Result<Vec<u8>, Corrupt> {
    let packed = read_exact_at(file, frame.offset, frame.len as usize)
        .map_err(|_| Corrupt("a frame outside the index"))?;
    if crc32fast::hash(&packed) != frame.crc {
        return Err(Corrupt("checksum of an index frame"));
    }
    let raw =
        zstd::bulk::decompress(&packed, frame.raw_len as usize).map_err(|_| Corrupt("an index frame"))?;
    if raw.len() == frame.raw_len as usize { Ok(raw) } else { Err(Corrupt("length of an index frame")) }
}

fn read_meta(index: &dyn File, index_len: u64) -> Result<Meta, Corrupt> {
    let at = index_len.checked_sub(TRAILER as u64).ok_or(Corrupt("the index has no trailer"))?;
    let trailer = read_exact_at(index, at, TRAILER).map_err(|_| Corrupt("the index has no trailer"))?;
    let (body, crc) = trailer.split_at(TRAILER - 4);
    if crc32fast::hash(body).to_le_bytes() != *crc {
        return Err(Corrupt("checksum of the trailer"));
    }
    let mut reader = Reader::new(body);
    let frame = Frame {
        offset: u64::from_le_bytes(reader.array()?),
        len: u32::from_le_bytes(reader.array()?),
        raw_len: u32::from_le_bytes(reader.array()?),
        crc: u32::from_le_bytes(reader.array()?),
    };
    if frame.raw_len as usize > MAX_FRAME || u64::from(frame.len) > index_len {
        return Err(Corrupt("length of the meta frame"));
    }
    Meta::read(&read_frame(index, &frame)?)
}

/// Decodes the series of a frame one after another.
struct SeriesDecoder<'a> {
    reader: Reader<'a>,
    version: u16,
    /// Labels of the series at hand.
    canonical: String,
    /// Its pages, where they were wanted.
    pages: Vec<Page>,
}

fn labels_of(canonical: &str) -> Result<Labels, Corrupt> {
    Labels::from_canonical(canonical).ok_or(Corrupt("labels are not canonical"))
}

impl<'a> SeriesDecoder<'a> {
    fn new(raw: &'a [u8], version: u16) -> Self {
        Self { reader: Reader::new(raw), version, canonical: String::new(), pages: Vec::new() }
    }

    /// The next series, or `None` where it is not wanted.
    fn next(&mut self, want: bool) -> Result<Option<BlockSeries>, Corrupt> {
        self.advance(want)?;
        if !want {
            return Ok(None);
        }
        let labels = labels_of(&self.canonical)?;
        Ok(Some(BlockSeries { labels, pages: std::mem::take(&mut self.pages), deleted: None }))
    }

    /// Reads the next series, its pages where `want` asks for them.
    fn advance(&mut self, want: bool) -> Result<(), Corrupt> {
        let reader = &mut self.reader;
        let shared = reader.count(self.canonical.len())?;
        if !self.canonical.is_char_boundary(shared) {
            return Err(Corrupt("shared labels"));
        }
        self.canonical.truncate(shared);
        self.canonical.push_str(reader.str()?);
        let count = reader.count(reader.rest().len())?;
        self.pages.clear();
        let mut last_t = 0i64;
        for _ in 0..count {
            let start = last_t.wrapping_add(reader.i64()?);
            last_t = start;
            let end = start.checked_add_unsigned(reader.u64()?).ok_or(Corrupt("time range of a page"))?;
            let (samples, kind) = match self.version {
                1 => (reader.count(PAGE_SAMPLES)? as u32, 0),
                _ => {
                    let both = reader.count(PAGE_SAMPLES << 2 | 3)?;
                    ((both >> 2) as u32, both as u64 & 3)
                }
            };
            let mut page = Page {
                range: TimeRange::new(start, end),
                samples,
                histograms: kind & HISTOGRAMS != 0,
                times: reader.u64()?,
                times_len: reader.count(MAX_FRAME)? as u32,
                values: reader.u64()?,
                values_len: reader.count(MAX_FRAME)? as u32,
                starts: 0,
                starts_len: 0,
            };
            if kind & STARTS != 0 {
                page.starts = reader.u64()?;
                page.starts_len = reader.count(MAX_FRAME)? as u32;
            }
            if want {
                self.pages.push(page);
            }
        }
        Ok(())
    }
}

pub(super) fn read_any_series(bytes: &[u8], version: u16) {
    let mut decoder = SeriesDecoder::new(bytes, version);
    while !decoder.reader.is_empty() && decoder.next(true).is_ok() {}
}

/// Runs of times that a reader has decoded already.
const DECODED_RUNS: usize = 32;

/// Reads pages of one block: decoded times are kept, as the next series likely has the same.
#[derive(Default)]
pub(crate) struct Pages {
    times: Vec<(u64, Arc<Vec<i64>>)>,
    next: usize,
    bytes: Vec<u8>,
    ints: Vec<i64>,
}

impl Pages {
    /// Appends the samples of a page to `out`; returns the bytes read.
    pub(crate) fn read(&mut self, block: &Block, page: &Page, out: &mut Run) -> Result<u64> {
        let times = self.times(block, page)?;
        block.blob(page.values, page.values_len, &mut self.bytes)?;
        let n = page.samples as usize;
        if page.histograms {
            self.read_histograms(block, page, &times, out)?;
        } else {
            decode_values(&self.bytes, n, &mut self.ints, &mut out.v).map_err(|e| block.damaged(e))?;
            self.read_starts(block, page, out.t.len(), &mut out.start)?;
            out.t.extend_from_slice(&times);
        }
        Ok(u64::from(page.values_len))
    }

    fn read_histograms(&mut self, block: &Block, page: &Page, times: &[i64], out: &mut Run) -> Result<()> {
        let mut next = times.iter();
        let before = out.histograms.len();
        decode_histograms(&self.bytes, page.samples as usize, &mut |h| {
            if let Some(t) = next.next() {
                out.histograms.push((*t, h));
            }
        })
        .map_err(|e| block.damaged(e))?;
        if out.histograms.len() != before + times.len() {
            return Err(block.damaged("a page with fewer histograms than times"));
        }
        self.read_starts(block, page, before, &mut out.histogram_start)
    }

    /// Appends the start timestamps of a page to those of the `before` samples before it.
    fn read_starts(&mut self, block: &Block, page: &Page, before: usize, out: &mut Vec<i64>) -> Result<()> {
        let n = page.samples as usize;
        if page.starts_len > 0 {
            out.resize(before, 0);
            block.blob(page.starts, page.starts_len, &mut self.bytes)?;
            return decode_starts(&self.bytes, n, out).map_err(|e| block.damaged(e));
        }
        pad_starts(out, before + n);
        Ok(())
    }

    fn times(&mut self, block: &Block, page: &Page) -> Result<Arc<Vec<i64>>> {
        let n = page.samples as usize;
        if let Some((_, known)) = self.times.iter().find(|(at, run)| *at == page.times && run.len() == n) {
            return Ok(Arc::clone(known));
        }
        block.blob(page.times, page.times_len, &mut self.bytes)?;
        let mut times = Vec::with_capacity(n);
        decode_times(&self.bytes, n, &mut times).map_err(|e| block.damaged(e))?;
        if times.first() != Some(&page.range.start) || times.last() != Some(&page.range.end) {
            return Err(block.damaged("a page with other times than its index says"));
        }
        let times = Arc::new(times);
        if self.times.len() < DECODED_RUNS {
            self.times.push((page.times, Arc::clone(&times)));
        } else {
            self.times[self.next] = (page.times, Arc::clone(&times));
            self.next = (self.next + 1) % DECODED_RUNS;
        }
        Ok(times)
    }
}

/// Walks all series of a block in order.
pub(crate) struct Walk {
    pub(crate) block: Arc<Block>,
    frame: usize,
    ready: std::collections::VecDeque<BlockSeries>,
}

impl Walk {
    pub(crate) fn new(block: Arc<Block>) -> Self {
        Self { block, frame: 0, ready: std::collections::VecDeque::new() }
    }

    /// The next series, still there when asked again.
    pub(crate) fn peek(&mut self) -> Result<Option<&BlockSeries>> {
        if self.ready.is_empty()
            && let Some(frame) = self.block.meta.series_frames.get(self.frame)
        {
            let raw = read_frame(&*self.block.index, frame).map_err(|e| self.block.damaged(e))?;
            let mut decoder = SeriesDecoder::new(&raw, self.block.version);
            let left = self.block.meta.series as usize - self.frame * FRAME_SERIES;
            let tombstones = self.block.tombstones();
            for at in 0..left.min(FRAME_SERIES) {
                let series = decoder.next(true).map_err(|e| self.block.damaged(e))?;
                self.ready.extend(series.map(|series| {
                    let deleted = tombstones.of((self.frame * FRAME_SERIES + at) as u32);
                    BlockSeries { deleted, ..series }
                }));
            }
            self.frame += 1;
        }
        Ok(self.ready.front())
    }

    /// Takes the next series.
    pub(crate) fn take(&mut self) -> Option<BlockSeries> {
        self.ready.pop_front()
    }
}
