//! `index`: the strings of a block, and its series.

use model::Labels;

use super::cursor::{Cursor, Short};
use super::{Error, ReadAt};
use crate::castagnoli::crc32c;

const FILE: &str = "index";
const MAGIC: u32 = 0xbaaa_d700;
/// Six offsets and a checksum.
const TOC: u64 = 6 * 8 + 4;
/// Most bytes of strings.
const MAX_SYMBOLS: u64 = 1 << 31;
/// Series begin at multiples of this from version 2 on.
const ALIGN: u64 = 16;
/// What is read at once.
const WINDOW: u64 = 1 << 20;
/// A longer series is damage.
const MAX_SERIES: u64 = 64 << 20;

/// The index of a block.
pub struct Index<R> {
    file: R,
    version: u8,
    symbols: Symbols,
    /// Where series begin and end.
    series: (u64, u64),
}

/// A series, without its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedSeries {
    /// What tombstones call it.
    pub reference: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its chunks by time.
    pub chunks: Vec<ChunkPlace>,
}

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Time of its first sample, ms.
    pub min_time: i64,
    /// Time of its last sample, ms.
    pub max_time: i64,
    /// Which file, from 0.
    pub file: usize,
    /// Where in it.
    pub offset: u64,
}

impl<R: ReadAt> Index<R> {
    /// Checks header and table of contents, and reads the strings.
    pub fn new(file: R) -> Result<Self, Error> {
        let size = file.size();
        let short = |_: Short| Error::damaged(FILE, 0, "shorter than header and table of contents");
        let mut header = [0; 5];
        let toc_at = size.checked_sub(TOC).filter(|at| *at >= 5).ok_or(Short).map_err(short)?;
        file.read_at(0, &mut header)?;
        let mut cursor = Cursor::new(&header);
        let (magic, version) = (cursor.be32().map_err(short)?, cursor.byte().map_err(short)?);
        if magic != MAGIC || !(1..=3).contains(&version) {
            return Err(Error::damaged(FILE, 0, format_args!("magic {magic:08x}, version {version}")));
        }
        let mut toc = [0; TOC as usize];
        file.read_at(toc_at, &mut toc)?;
        let (offsets, checksum) = toc.split_at(TOC as usize - 4);
        if crc32c(offsets).to_be_bytes() != *checksum {
            return Err(Error::damaged(FILE, toc_at, "the checksum of the table of contents is wrong"));
        }
        let mut cursor = Cursor::new(offsets);
        let mut sections = [0u64; 6];
        for section in &mut sections {
            *section = cursor.be64().map_err(short)?;
        }
        let [symbols_at, series_at, ..] = sections;
        let end = sections.into_iter().filter(|at| *at > series_at).min().unwrap_or(toc_at).min(toc_at);
        let symbols = Symbols::read(&file, symbols_at, version)?;
        let series = if series_at == 0 { (0, 0) } else { (series_at, end) };
        Ok(Self { file, version, symbols, series })
    }

    /// A walk through the series in the order of their labels, for [`Self::next_series`].
    pub fn scan(&self) -> SeriesScan {
        SeriesScan { at: self.series.0, window: Vec::new(), window_at: 0, lost: false }
    }

    /// How far through the series `scan` is, 0 to 1.
    pub fn progress(&self, scan: &SeriesScan) -> f64 {
        let (from, to) = self.series;
        if to > from { (scan.at.min(to) - from) as f64 / (to - from) as f64 } else { 1.0 }
    }

    fn decode(&self, at: u64, body: &[u8]) -> Result<IndexedSeries, Short> {
        let mut cursor = Cursor::new(body);
        let mut pairs = Vec::new();
        for _ in 0..cursor.count(2)? {
            let name = self.symbols.get(cursor.uvarint()?).ok_or(Short)?;
            pairs.push((name, self.symbols.get(cursor.uvarint()?).ok_or(Short)?));
        }
        let mut chunks = Vec::new();
        let (mut time, mut place) = (0i64, 0i64);
        for number in 0..cursor.count(3)? {
            let (from, place_from) = if number == 0 {
                (cursor.varint()?, None)
            } else {
                (time.wrapping_add(cursor.uvarint()? as i64), Some(place))
            };
            let max_time = from.wrapping_add(cursor.uvarint()? as i64);
            place = match place_from {
                None => cursor.uvarint()? as i64,
                Some(before) => before.wrapping_add(cursor.varint()?),
            };
            time = max_time;
            let place = place as u64;
            chunks.push(ChunkPlace {
                min_time: from,
                max_time,
                file: (place >> 32) as usize,
                offset: place & u64::from(u32::MAX),
            });
        }
        let reference = if self.version == 1 { at } else { at / ALIGN };
        Ok(IndexedSeries { reference, labels: Labels::from_pairs(pairs), chunks })
    }
}

/// The strings, as they are in the file.
struct Symbols {
    section: Vec<u8>,
    /// Where each begins in `section`.
    begins: Vec<u32>,
    /// For version 1, where `section` begins in the file: references are places there.
    base: Option<u64>,
}

impl Symbols {
    fn read<R: ReadAt>(file: &R, at: u64, version: u8) -> Result<Self, Error> {
        let damaged = |what: &str| Error::damaged(FILE, at, what);
        let base = (version == 1).then_some(at);
        if at == 0 {
            return Ok(Self { section: Vec::new(), begins: Vec::new(), base });
        }
        let mut len = [0; 4];
        let room = file.size().checked_sub(at + 8).ok_or_else(|| damaged("no strings can be here"))?;
        file.read_at(at, &mut len)?;
        let len = u64::from(u32::from_be_bytes(len));
        if len > room || len > MAX_SYMBOLS {
            return Err(damaged("the length of the strings is wrong"));
        }
        // The length is kept, so that places count from `at`.
        let mut section = vec![0; len as usize + 8];
        file.read_at(at, &mut section)?;
        let (body, checksum) = section.split_last_chunk::<4>().ok_or_else(|| damaged("no checksum"))?;
        if crc32c(body.get(4..).unwrap_or_default()) != u32::from_be_bytes(*checksum) {
            return Err(damaged("the checksum of the strings is wrong"));
        }
        let mut cursor = Cursor::new(body);
        let mut begins = Vec::new();
        let mut walk = || {
            cursor.be32()?;
            let n = cursor.be32()?;
            for _ in 0..n {
                begins.push((body.len() - cursor.left()) as u32);
                let len = cursor.count(1)?;
                cursor.take(len)?;
            }
            Ok(())
        };
        walk().map_err(|e: Short| Error::damaged(FILE, at, e))?;
        section.truncate(section.len() - 4);
        Ok(Self { section, begins, base })
    }

    fn get(&self, reference: u64) -> Option<std::borrow::Cow<'_, str>> {
        let begin = match self.base {
            None => *self.begins.get(usize::try_from(reference).ok()?)?,
            Some(base) => {
                let begin = u32::try_from(reference.checked_sub(base)?).ok()?;
                self.begins.binary_search(&begin).ok().map(|_| begin)?
            }
        };
        Cursor::new(self.section.get(begin as usize..)?).text().ok()
    }
}

/// A walk through the series of an index.
pub struct SeriesScan {
    at: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Whether the last entry could not be read, and the next is looked for.
    lost: bool,
}

impl<R: ReadAt> Index<R> {
    /// The next series. After damage the walk goes on where an entry with a right checksum begins, except in version 1,
    /// where that cannot be found.
    pub fn next_series(&self, scan: &mut SeriesScan) -> Option<Result<IndexedSeries, Error>> {
        let step = if self.version == 1 { 1 } else { ALIGN };
        while scan.at < self.series.1 {
            let at = scan.at;
            let found = match self.entry(scan) {
                Ok(None) => {
                    scan.at = (at / step + 1) * step;
                    continue;
                }
                Ok(Some((next, body))) => {
                    let body = scan.window.get(body).unwrap_or_default();
                    let series = self.decode(at, body).map_err(|e| Error::damaged(FILE, at, e));
                    scan.at = next.next_multiple_of(step);
                    scan.lost = false;
                    return Some(series);
                }
                Err(e) => e,
            };
            if matches!(found, Error::Io(_)) || step == 1 {
                scan.at = self.series.1;
                return Some(Err(found));
            }
            scan.at = (at / step + 1) * step;
            if !std::mem::replace(&mut scan.lost, true) {
                return Some(Err(found));
            }
        }
        None
    }

    /// The entry where `scan` is: where the next may begin, and where its body is in the window. `None`: padding.
    fn entry(&self, scan: &mut SeriesScan) -> Result<Option<(u64, std::ops::Range<usize>)>, Error> {
        let (at, end) = (scan.at, self.series.1);
        let damaged = |what: &str| Error::damaged(FILE, at, what);
        let head = self.bytes(scan, at, 10.min(end - at))?;
        let mut cursor = Cursor::new(head);
        let len = match cursor.uvarint() {
            Ok(0) => return Ok(None),
            Ok(len) if len <= MAX_SERIES => len,
            _ => return Err(damaged("the length of a series is wrong")),
        };
        let from = at + (head.len() - cursor.left()) as u64;
        if len + 4 > end - from {
            return Err(damaged("the series end within one"));
        }
        let bytes = self.bytes(scan, from, len + 4)?;
        let (body, checksum) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("no checksum"))?;
        if crc32c(body) != u32::from_be_bytes(*checksum) {
            return Err(damaged("the checksum of a series is wrong"));
        }
        let body = body.len();
        let begin = (from - scan.window_at) as usize;
        Ok(Some((from + len + 4, begin..begin + body)))
    }

    fn bytes<'s>(&self, scan: &'s mut SeriesScan, offset: u64, len: u64) -> Result<&'s [u8], Error> {
        let inside = offset >= scan.window_at && offset + len <= scan.window_at + scan.window.len() as u64;
        if !inside {
            let take = WINDOW.max(len).min(self.file.size() - offset);
            scan.window.resize(take as usize, 0);
            scan.window_at = offset;
            if let Err(e) = self.file.read_at(offset, &mut scan.window) {
                scan.window.clear();
                return Err(e.into());
            }
        }
        let from = (offset - scan.window_at) as usize;
        scan.window
            .get(from..from + len as usize)
            .ok_or_else(|| Error::damaged(FILE, offset, "the file ends"))
    }
}
