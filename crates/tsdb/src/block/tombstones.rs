//! What was deleted from a block: ranges of time by series. The block itself never changes; this file beside its two is
//! published anew with every deletion. docs/formats/block.md draws it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use disk::{Fs, io_error, publish};
use model::{Error, Result, TimeRange};
use roaring::RoaringBitmap;

use super::read::{Block, BlockSeries};
use super::{TOMBSTONES, TOMBSTONES_FILE};
use crate::codec::{Corrupt, Reader, put_i64, put_u64};

/// A file of tombstones is never larger.
const MAX_FILE: u64 = 256 << 20;

/// Deleted ranges of the series of a block, by number; sorted, and apart from each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tombstones {
    ranges: BTreeMap<u32, Arc<[TimeRange]>>,
    /// Series of which nothing is left, once somebody asked.
    dead: OnceLock<Arc<RoaringBitmap>>,
}

impl Tombstones {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// What is deleted of a series.
    pub(crate) fn of(&self, series: u32) -> Option<Arc<[TimeRange]>> {
        self.ranges.get(&series).cloned()
    }

    /// Deletes a range of a series; whether that is news.
    pub(crate) fn add(&mut self, series: u32, range: TimeRange) -> bool {
        let known = self.ranges.get(&series).map_or(&[][..], |r| r);
        if range.is_empty() || covers(known, range) {
            return false;
        }
        let mut all: Vec<TimeRange> = known.iter().copied().chain([range]).collect();
        all.sort_by_key(|r| r.start);
        let mut joined: Vec<TimeRange> = Vec::with_capacity(all.len());
        for range in all {
            match joined.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(1) => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        self.ranges.insert(series, joined.into());
        self.dead = OnceLock::new();
        true
    }

    /// What follows the file header and the checksum.
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.ranges.len() as u64);
        let mut last = 0;
        for (series, ranges) in &self.ranges {
            put_u64(&mut out, u64::from(series - last));
            last = *series;
            put_u64(&mut out, ranges.len() as u64);
            for range in ranges.iter() {
                put_i64(&mut out, range.start);
                put_u64(&mut out, range.end.wrapping_sub(range.start) as u64);
            }
        }
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes);
        let (mut tombstones, mut series) = (Self::default(), 0u32);
        for _ in 0..reader.count(bytes.len())? {
            let distance = u32::try_from(reader.u64()?).map_err(|_| Corrupt("series number"))?;
            series = series.checked_add(distance).ok_or(Corrupt("series number"))?;
            let count = reader.count(reader.rest().len())?;
            let mut ranges = Vec::with_capacity(count);
            for _ in 0..count {
                let start = reader.i64()?;
                let end = start.checked_add_unsigned(reader.u64()?).ok_or(Corrupt("deleted range"))?;
                ranges.push(TimeRange::new(start, end));
            }
            if !ranges.is_sorted_by(|a, b| a.end < b.start) {
                return Err(Corrupt("deleted ranges overlap"));
            }
            tombstones.ranges.insert(series, ranges.into());
        }
        Ok(tombstones)
    }
}

/// Whether one of the ranges, which are apart from each other, holds all of `range`.
fn covers(ranges: &[TimeRange], range: TimeRange) -> bool {
    let at = ranges.partition_point(|r| r.end < range.start);
    ranges.get(at).is_some_and(|r| r.start <= range.start && range.end <= r.end)
}

impl BlockSeries {
    /// The pages that have something in `range` that is not deleted as a whole.
    pub(crate) fn pages_in(&self, range: TimeRange) -> impl Iterator<Item = &super::Page> {
        pages_in(&self.pages, range, self.deleted.as_deref())
    }
}

/// The pages that have something in `range` that is not `deleted` as a whole.
pub(crate) fn pages_in<'a>(
    pages: &'a [super::Page],
    range: TimeRange,
    deleted: Option<&'a [TimeRange]>,
) -> impl Iterator<Item = &'a super::Page> {
    pages.iter().filter(move |page| {
        let both = TimeRange::new(page.range.start.max(range.start), page.range.end.min(range.end));
        !both.is_empty() && !deleted.is_some_and(|deleted| covers(deleted, both))
    })
}

/// The tombstones in the directory of a block.
pub(super) fn open(fs: &dyn Fs, dir: &Path) -> Result<Tombstones> {
    let path = dir.join(TOMBSTONES_FILE);
    if !fs.exists(&path).map_err(|e| io_error("look at a file", &path, &e))? {
        return Ok(Tombstones::default());
    }
    // A deletion that failed after it had put the file in place was not made durable: what it deleted is not seen from
    // here on, and must not come back. Where nothing can be written, nothing is lost either.
    let _ = fs.sync_dir(dir);
    let bytes =
        disk::fs::read_file(fs, &path, MAX_FILE).map_err(|e| io_error("read tombstones", &path, &e))?;
    disk::header::check(TOMBSTONES, &bytes)?;
    let corrupt = |what: &str| Error::internal(format_args!("{} is corrupt: {what}", path.display()));
    let body = bytes.get(disk::header::LEN..).unwrap_or_default();
    let Some((crc, body)) = body.split_first_chunk::<4>() else { return Err(corrupt("too short")) };
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(corrupt("checksum"));
    }
    Tombstones::read(body).map_err(|e| corrupt(e.0))
}

impl Block {
    /// Replaces the tombstones, durably, and then for readers.
    pub(crate) fn bury(&self, fs: &dyn Fs, blocks: &Path, tombstones: Tombstones) -> Result<()> {
        let body = tombstones.write();
        let mut bytes = disk::header::write(TOMBSTONES).to_vec();
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        if bytes.len() as u64 > MAX_FILE {
            return Err(Error::too_large("too many deletions in one block: clean the tombstones first"));
        }
        let dir = blocks.join(&self.name);
        let published = publish::file(fs, &dir.join(TOMBSTONES_FILE), &bytes);
        // Where only the last sync failed, a restart would find them: readers, and summaries that are made anew, must
        // not see what is gone then.
        if published.is_ok() || open(fs, &dir).is_ok_and(|there| there == tombstones) {
            *self.tombstones.write() = Arc::new(tombstones);
        }
        published
    }

    /// The series of which nothing is left: their labels are not listed.
    pub(crate) fn dead(&self) -> Result<Arc<RoaringBitmap>> {
        let tombstones = self.tombstones();
        if let Some(known) = tombstones.dead.get() {
            return Ok(Arc::clone(known));
        }
        let touched: RoaringBitmap = tombstones.ranges.keys().copied().collect();
        let (mut dead, mut numbers) = (RoaringBitmap::new(), touched.iter());
        self.series(&touched, &mut |series| {
            let number = numbers.next();
            if series.pages_in(TimeRange::ALL).next().is_none() {
                dead.extend(number);
            }
            Ok(true)
        })?;
        Ok(Arc::clone(tombstones.dead.get_or_init(|| Arc::new(dead))))
    }

    /// What is deleted now.
    pub(crate) fn tombstones(&self) -> Arc<Tombstones> {
        Arc::clone(&self.tombstones.read())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_set_of_milliseconds(ranges in prop::collection::vec((0u32..3, 0i64..50, -1i64..12), 0..20)) {
            let (mut tombstones, mut set) = (Tombstones::default(), std::collections::BTreeSet::new());
            for (series, start, len) in ranges {
                let times: Vec<_> = (start..=start + len).map(|t| (series, t)).collect();
                let news = times.iter().any(|t| !set.contains(t));
                prop_assert_eq!(tombstones.add(series, TimeRange::new(start, start + len)), news);
                set.extend(times);
            }
            let back = Tombstones::read(&tombstones.write()).unwrap();
            prop_assert_eq!(&back, &tombstones);
            for series in 0..3 {
                let ranges = back.of(series).unwrap_or_default();
                for t in -1..70 {
                    let inside = ranges.iter().any(|r| r.contains(t));
                    prop_assert_eq!(inside, set.contains(&(series, t)), "series {} at {}", series, t);
                }
            }
        }

        #[test]
        fn foreign_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Tombstones::read(&bytes);
        }
    }
}
