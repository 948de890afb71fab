//! Writing a block, series by series in the order of their labels.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use disk::Fs;
use disk::publish::FileWriter;
use foldhash::fast::RandomState;
use model::labels::METRIC_NAME;
use model::{Budget, Error, Labels, Reservation, Result, TimeRange};
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::Xxh3Builder;

use super::read::Block;
use super::{
    DATA, DATA_FILE, FRAME_BYTES, FRAME_SERIES, Frame, INDEX, INDEX_FILE, Meta, Name, PAGE_SAMPLES, Page,
};
use super::{HISTOGRAMS, STARTS};
use crate::codec::{
    Effort, Habit, encode_histograms, encode_starts, encode_times, encode_values_as, put_bytes, put_i64,
    put_u64, run_length,
};
use crate::merge::Run;
use crate::metrics::Named;

/// Compression of index frames.
const LEVEL: i32 = 3;
/// Runs of times that are remembered to be shared.
const SHARED_RUNS: usize = 512;
/// Copied runs of times that are remembered to be shared.
const COPIED_RUNS: usize = 4096;
/// Short encodings of values that are remembered to be shared.
const SHORT_BLOBS: usize = 4096;
/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 1 << 20;

type Map<V> = HashMap<String, V, RandomState>;
/// The hash of a run of times, where it was written, and how long its encoding is. The runs themselves would take 64 KiB
/// each; the hash has a seed of its own, so that nobody can send two runs that share it.
type Written = (u128, u64, u32);

/// Writes the two files of a block into a directory.
pub(crate) struct BlockWriter {
    data: FileWriter,
    index: FileWriter,
    effort: Effort,
    /// What trials said of runs of this metric: of the first part of its series, of the second ...
    habits: Vec<Habit>,
    metric: String,
    range: TimeRange,
    samples: u64,
    series: u32,
    series_frames: Vec<Frame>,
    /// Series of the frame under construction, encoded, and the last one's canonical form.
    frame: Vec<u8>,
    last: String,
    postings: Map<Map<Vec<u32>>>,
    /// Runs of times already written, by first time and length.
    times: HashMap<(i64, usize), Vec<Written>, RandomState>,
    remembered: usize,
    seed: u64,
    /// Where runs of times and start timestamps of other blocks were copied to, by block and offset.
    copied: HashMap<(u64, u64), u64, RandomState>,
    /// Encoded start timestamps already written.
    starts: HashMap<Vec<u8>, (u64, u32), RandomState>,
    /// Short encodings of values already written: many series stand at one value, and those of most counts do.
    short: HashMap<u128, (u64, u32), RandomState>,
    /// Where sizes of pages are counted.
    observer: Option<Named>,
    scratch: Vec<u8>,
    reserved: Reservation,
    used: u64,
}

impl BlockWriter {
    /// Creates both files.
    pub(crate) fn create(fs: &dyn Fs, dir: &Path, effort: Effort, budget: &Budget) -> Result<Self> {
        let mut data = FileWriter::create(fs, &dir.join(DATA_FILE))?;
        data.write(&disk::header::write(DATA))?;
        let mut index = FileWriter::create(fs, &dir.join(INDEX_FILE))?;
        index.write(&disk::header::write(INDEX))?;
        Ok(Self {
            data,
            index,
            effort,
            habits: Vec::new(),
            metric: String::new(),
            range: TimeRange::new(i64::MAX, i64::MIN),
            samples: 0,
            series: 0,
            series_frames: Vec::new(),
            frame: Vec::new(),
            last: String::new(),
            postings: HashMap::default(),
            times: HashMap::default(),
            seed: RandomState::default().build_hasher().finish(),
            remembered: 0,
            copied: HashMap::default(),
            starts: HashMap::default(),
            short: HashMap::default(),
            observer: None,
            scratch: Vec::new(),
            reserved: budget.reserve(STEP)?,
            used: 0,
        })
    }

    /// Counts the sizes of pages there.
    pub(crate) fn observed(mut self, metrics: &Named) -> Self {
        self.observer = Some(metrics.clone());
        self
    }

    /// Adds a series. Its labels come after those of the one before; times increase strictly.
    pub(crate) fn add(&mut self, labels: &Labels, run: &Run) -> Result<()> {
        self.add_parts(labels, std::slice::from_ref(run))
    }

    /// Like [`BlockWriter::add`], of runs that share no page.
    pub(crate) fn add_parts(&mut self, labels: &Labels, runs: &[Run]) -> Result<()> {
        if runs.iter().all(Run::is_empty) {
            return Ok(());
        }
        let metric = labels.get_or_empty(METRIC_NAME);
        if metric != self.metric {
            self.metric.clear();
            self.metric.push_str(metric);
            self.habits.clear();
        }
        if self.habits.len() < runs.len() {
            self.habits.resize_with(runs.len(), Habit::default);
        }
        let mut pages = Vec::new();
        for (part, run) in runs.iter().enumerate() {
            pages.append(&mut self.write_pages(run, part)?);
        }
        self.add_series(labels, &pages)
    }

    /// Adds a series by copying pages of other blocks as they are. They are in order, and apart from each other.
    pub(crate) fn copy(&mut self, labels: &Labels, pages: &[(&Block, Page)]) -> Result<()> {
        let mut copied = Vec::with_capacity(pages.len());
        for (block, page) in pages {
            let times = self.copy_shared(block, page.times, page.times_len)?;
            let starts = match page.starts_len {
                0 => 0,
                len => self.copy_shared(block, page.starts, len)?,
            };
            block.blob(page.values, page.values_len, &mut self.scratch)?;
            let (values, _) = self.write_values_blob()?;
            copied.push(Page { times, values, starts, ..*page });
        }
        self.add_series(labels, &copied)
    }

    /// A blob that other series share.
    fn copy_shared(&mut self, block: &Block, at: u64, len: u32) -> Result<u64> {
        let key = (block.number, at);
        if let Some(known) = self.copied.get(&key) {
            return Ok(*known);
        }
        if self.copied.len() >= COPIED_RUNS {
            self.copied.clear();
        }
        let to = self.copy_blob(block, at, len)?;
        self.copied.insert(key, to);
        Ok(to)
    }

    fn copy_blob(&mut self, block: &Block, at: u64, len: u32) -> Result<u64> {
        block.blob(at, len, &mut self.scratch)?;
        Ok(self.write_blob()?.0)
    }

    fn add_series(&mut self, labels: &Labels, pages: &[Page]) -> Result<()> {
        let canonical = labels.canonical();
        let shared = if self.frame.is_empty() { 0 } else { common_prefix(&self.last, canonical) };
        put_u64(&mut self.frame, shared as u64);
        put_bytes(&mut self.frame, &canonical.as_bytes()[shared..]);
        self.last.clear();
        self.last.push_str(canonical);
        put_u64(&mut self.frame, pages.len() as u64);
        let mut last_t = 0;
        for page in pages {
            self.range.start = self.range.start.min(page.range.start);
            self.range.end = self.range.end.max(page.range.end);
            self.samples += u64::from(page.samples);
            if let Some(observer) = &self.observer {
                observer.page_bytes.observe(f64::from(page.values_len));
                observer.page_samples.observe(f64::from(page.samples));
            }
            self.describe(page, last_t);
            last_t = page.range.start;
        }
        self.add_postings(labels)?;
        self.series += 1;
        if (self.series as usize).is_multiple_of(FRAME_SERIES) { self.close_series_frame() } else { Ok(()) }
    }

    fn describe(&mut self, page: &Page, last_t: i64) {
        let out = &mut self.frame;
        put_i64(out, page.range.start.wrapping_sub(last_t));
        put_u64(out, page.range.end.wrapping_sub(page.range.start) as u64);
        let histograms = if page.histograms { HISTOGRAMS } else { 0 };
        let starts = if page.starts_len > 0 { STARTS } else { 0 };
        put_u64(out, u64::from(page.samples) << 2 | histograms | starts);
        put_u64(out, page.times);
        put_u64(out, u64::from(page.times_len));
        put_u64(out, page.values);
        put_u64(out, u64::from(page.values_len));
        if page.starts_len > 0 {
            put_u64(out, page.starts);
            put_u64(out, u64::from(page.starts_len));
        }
    }

    /// Pages of floats, then pages of histograms.
    fn write_pages(&mut self, run: &Run, part: usize) -> Result<Vec<Page>> {
        let mut pages = Vec::with_capacity(run.t.len().div_ceil(PAGE_SAMPLES));
        for (at, (t, v)) in run.t.chunks(PAGE_SAMPLES).zip(run.v.chunks(PAGE_SAMPLES)).enumerate() {
            let (times, times_len) = self.write_times(t)?;
            self.scratch.clear();
            encode_values_as(v, self.effort, &mut self.habits[part], &mut self.scratch); // `add_parts` made it
            let (values, values_len) = self.write_values_blob()?;
            let from = at * PAGE_SAMPLES;
            let (starts, starts_len) = self.write_starts(run.start.get(from..from + t.len()))?;
            let (range, samples) = (TimeRange::new(t[0], t[t.len() - 1]), t.len() as u32); // chunks are not empty
            let histograms = false;
            pages.push(Page {
                range,
                samples,
                times_len,
                values_len,
                starts_len,
                histograms,
                times,
                values,
                starts,
            });
        }
        let (mut from, mut t) = (0, Vec::new());
        while let Some(rest) = run.histograms.get(from..).filter(|rest| !rest.is_empty()) {
            let n = run_length(rest.iter().map(|h| &h.1));
            t.clear();
            t.extend(rest[..n].iter().map(|h| h.0));
            let (times, times_len) = self.write_times(&t)?;
            let counts: Vec<_> = rest[..n].iter().map(|h| &h.1).collect();
            self.scratch.clear();
            encode_histograms(&counts, self.effort, &mut self.scratch)
                .map_err(|e| Error::internal("histograms cannot be written").with_detail(e))?;
            let (values, values_len) = self.write_blob()?;
            let (starts, starts_len) = self.write_starts(run.histogram_start.get(from..from + n))?;
            let (range, samples) = (TimeRange::new(t[0], t[n - 1]), n as u32); // a run is not empty
            let histograms = true;
            pages.push(Page {
                range,
                samples,
                times_len,
                values_len,
                starts_len,
                histograms,
                times,
                values,
                starts,
            });
            from += n;
        }
        Ok(pages)
    }

    /// Writes start timestamps, or finds the same written before; length 0 where none is known.
    fn write_starts(&mut self, starts: Option<&[i64]>) -> Result<(u64, u32)> {
        let Some(starts) = starts.filter(|s| s.iter().any(|start| *start != 0)) else { return Ok((0, 0)) };
        self.scratch.clear();
        encode_starts(starts, &mut self.scratch);
        if let Some(known) = self.starts.get(&self.scratch) {
            return Ok(*known);
        }
        if self.starts.len() >= SHARED_RUNS {
            self.starts.clear();
        }
        let key = self.scratch.clone();
        let written = self.write_blob()?;
        self.starts.insert(key, written);
        Ok(written)
    }

    /// Writes a run of times, or finds the same run written before.
    fn write_times(&mut self, t: &[i64]) -> Result<(u64, u32)> {
        let (key, hash) = ((t[0], t.len()), hash_times(self.seed, t));
        if let Some(known) = self.times.get(&key)
            && let Some((_, at, len)) = known.iter().find(|(run, ..)| *run == hash)
        {
            return Ok((*at, *len));
        }
        self.scratch.clear();
        encode_times(t, &mut self.scratch);
        let (at, len) = self.write_blob()?;
        if self.remembered >= SHARED_RUNS {
            self.times.clear();
            self.remembered = 0;
        }
        self.remembered += 1;
        self.times.entry(key).or_default().push((hash, at, len));
        Ok((at, len))
    }

    /// Writes the scratch bytes as the values of a page, or finds the same written before where they are few.
    fn write_values_blob(&mut self) -> Result<(u64, u32)> {
        let Some(key) = short_key(&self.scratch) else { return self.write_blob() };
        if let Some(known) = self.short.get(&key) {
            return Ok(*known);
        }
        if self.short.len() >= SHORT_BLOBS {
            self.short.clear();
        }
        let written = self.write_blob()?;
        self.short.insert(key, written);
        Ok(written)
    }

    /// Writes the scratch bytes and their checksum to the data file.
    fn write_blob(&mut self) -> Result<(u64, u32)> {
        let len = self.scratch.len() as u32;
        let crc = crc32fast::hash(&self.scratch);
        self.scratch.extend_from_slice(&crc.to_le_bytes());
        Ok((self.data.write(&self.scratch)?, len))
    }

    fn add_postings(&mut self, labels: &Labels) -> Result<()> {
        for (name, value) in labels {
            let mut new = 8;
            if !self.postings.contains_key(name) {
                self.postings.insert(name.to_owned(), Map::default());
                new += 200;
            }
            if let Some(values) = self.postings.get_mut(name) {
                match values.get_mut(value) {
                    Some(list) => list.push(self.series),
                    None => {
                        values.insert(value.to_owned(), vec![self.series]);
                        new += 100 + value.len() as u64;
                    }
                }
            }
            self.used += new;
        }
        if self.used > self.reserved.bytes() {
            self.reserved.grow(STEP)?;
        }
        Ok(())
    }

    fn close_series_frame(&mut self) -> Result<()> {
        if !self.frame.is_empty() {
            let frame = write_frame(&mut self.index, &self.frame)?;
            self.series_frames.push(frame);
            self.frame.clear();
        }
        Ok(())
    }

    /// Ends the block and says what it is.
    pub(crate) fn finish(mut self, rank: u64, replaces: &[String]) -> Result<Meta> {
        self.close_series_frame()?;
        let mut names = Vec::new();
        let mut postings: Vec<_> = std::mem::take(&mut self.postings).into_iter().collect();
        postings.sort_by(|a, b| a.0.cmp(&b.0));
        for (text, values) in postings {
            names.push(self.write_values(text, values)?);
        }
        let meta = Meta {
            range: self.range,
            samples: self.samples,
            series: self.series,
            rank,
            replaces: replaces.to_vec(),
            series_frames: std::mem::take(&mut self.series_frames),
            names,
        };
        let frame = write_frame(&mut self.index, &meta.write())?;
        let mut trailer = frame.offset.to_le_bytes().to_vec();
        for part in [frame.len, frame.raw_len, frame.crc] {
            trailer.extend_from_slice(&part.to_le_bytes());
        }
        let crc = crc32fast::hash(&trailer);
        trailer.extend_from_slice(&crc.to_le_bytes());
        self.index.write(&trailer)?;
        self.data.finish()?;
        self.index.finish()?;
        Ok(meta)
    }

    fn write_values(&mut self, text: String, values: Map<Vec<u32>>) -> Result<Name> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(|a, b| a.0.cmp(&b.0));
        let mut name = Name { text, values: values.len() as u64, frames: Vec::new() };
        let mut raw = Vec::new();
        let mut first = None;
        for (value, series) in values {
            put_bytes(&mut raw, value.as_bytes());
            put_postings(&mut raw, &series)?;
            first.get_or_insert(value);
            if raw.len() >= FRAME_BYTES {
                name.frames.push((first.take().unwrap_or_default(), write_frame(&mut self.index, &raw)?));
                raw.clear();
            }
        }
        if let Some(first) = first {
            name.frames.push((first, write_frame(&mut self.index, &raw)?));
        }
        Ok(name)
    }
}

fn hash_times(seed: u64, t: &[i64]) -> u128 {
    let mut hasher = Xxh3Builder::new().with_seed(seed).build();
    let mut bytes = [0; 512];
    for chunk in t.chunks(bytes.len() / 8) {
        for (to, t) in bytes.chunks_exact_mut(8).zip(chunk) {
            to.copy_from_slice(&t.to_le_bytes());
        }
        hasher.update(&bytes[..8 * chunk.len()]); // a chunk fills it at most
    }
    hasher.digest128()
}

/// Up to 15 bytes and how many there are.
fn short_key(bytes: &[u8]) -> Option<u128> {
    let mut key = [0; 16];
    key.get_mut(..bytes.len()).filter(|front| front.len() < 16)?.copy_from_slice(bytes);
    key[15] = bytes.len() as u8; // fewer than 16
    Some(u128::from_le_bytes(key))
}

/// Up to this many series are written as a list.
pub(super) const LISTED: usize = 8;

/// `count`, then the series: a list of distances, or a roaring bitmap in its portable format.
fn put_postings(out: &mut Vec<u8>, series: &[u32]) -> Result<()> {
    put_u64(out, series.len() as u64);
    if series.len() <= LISTED {
        let mut last = 0;
        for number in series {
            put_u64(out, u64::from(number - last));
            last = *number;
        }
        return Ok(());
    }
    let mut bitmap: RoaringBitmap = series.iter().copied().collect();
    bitmap.optimize();
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap
        .serialize_into(&mut bytes)
        .map_err(|e| Error::internal("postings cannot be written").with_detail(e))?;
    put_bytes(out, &bytes);
    Ok(())
}

fn write_frame(file: &mut FileWriter, raw: &[u8]) -> Result<Frame> {
    let packed = zstd::bulk::compress(raw, LEVEL)
        .map_err(|e| Error::internal("an index cannot be compressed").with_detail(e))?;
    let offset = file.write(&packed)?;
    let crc = crc32fast::hash(&packed);
    Ok(Frame { offset, len: packed.len() as u32, raw_len: raw.len() as u32, crc })
}

/// Length of the common prefix, on a border of characters in both.
fn common_prefix(a: &str, b: &str) -> usize {
    let mut n = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(n) {
        n -= 1;
    }
    n
}
