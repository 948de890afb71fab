//! The reading end: every valid record of every segment, whatever happened to the bytes in between.

use std::path::Path;

use model::{ErrorKind, Result};
use tracing::warn;

use super::record::{FRAME, MAX_RECORD, checksum};
use crate::error::io_error;
use crate::fs::{Entry, File, Fs};
use crate::header::{self, Kind};
use crate::publish;

/// Segment header: the file header and the salt, twice, so that no single byte costs the segment.
const HEAD: u64 = header::LEN as u64 + 8;
/// Before the names of damaged segments that are kept, and how many are.
const ASIDE: &str = "corrupt-";
const MOST_ASIDE: usize = 4;
/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the segment.
    pub segment: u64,
    /// Offset of the record in it.
    pub offset: u64,
}

/// What opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Valid records.
    pub records: u64,
    /// Their bytes, frames included.
    pub bytes: u64,
    /// Bytes cut from the end of the newest segment.
    pub cut_bytes: u64,
    /// Corrupt places passed over, and lost ends of older segments.
    pub corrupt_places: u64,
    /// Their bytes.
    pub corrupt_bytes: u64,
    /// Sentences for the log and the status page.
    pub warnings: Vec<String>,
    /// Number of the segment that comes next.
    pub next_segment: u64,
}

/// The name of a segment's file.
pub fn segment_name(number: u64) -> String {
    format!("{number:010}.log")
}

/// Number, name and size of the segments in `dir`, in order.
pub fn segments(fs: &dyn Fs, dir: &Path) -> Result<Vec<(u64, String, u64)>> {
    let entries = fs.list(dir).map_err(|e| io_error("list the log", dir, &e))?;
    let number = |e: &Entry| e.name.strip_suffix(".log").and_then(|n| n.parse::<u64>().ok());
    let mut found: Vec<_> = entries
        .into_iter()
        .filter(|e| !e.is_dir)
        .filter_map(|e| Some((number(&e)?, e.name, e.size)))
        .collect();
    found.sort();
    Ok(found)
}

pub(super) fn replay(
    fs: &dyn Fs,
    dir: &Path,
    kind: Kind,
    visit: &mut dyn FnMut(Place, &[u8]) -> Result<()>,
) -> Result<Recovery> {
    let mut recovery = Recovery { next_segment: 1, ..Recovery::default() };
    let all = segments(fs, dir)?;
    for (index, (number, name, _)) in all.iter().enumerate() {
        recovery.next_segment = number + 1;
        let path = dir.join(name);
        let file = fs.open(&path).map_err(|e| io_error("open a log segment", &path, &e))?;
        let newest = index + 1 == all.len();
        let places = recovery.corrupt_places;
        let end = read_segment(file, *number, kind, &mut recovery, visit)
            .map_err(|e| model::Error { detail: Some(path.display().to_string()), ..e })?;
        if let Some(end) = end {
            lost_tail(fs, &path, *number, end, newest, &mut recovery)?;
        }
        if recovery.corrupt_places > places {
            set_aside(fs, dir, name);
        }
    }
    for warning in &recovery.warnings {
        warn!("{warning}");
    }
    Ok(recovery)
}

/// Keeps a damaged segment under a second name for whoever wants to look: the segment itself goes with the next cut.
fn set_aside(fs: &dyn Fs, dir: &Path, name: &str) {
    let is_aside = |e: &Entry| e.name.starts_with(ASIDE);
    let aside = fs.list(dir).map(|entries| entries.iter().filter(|e| is_aside(e)).count());
    if !aside.is_ok_and(|count| count < MOST_ASIDE) {
        return;
    }
    let to = dir.join(format!("{ASIDE}{name}"));
    if let Err(e) = publish::link_or_copy(fs, &dir.join(name), &to) {
        warn!("{e}: a damaged log segment is not kept");
        // Half a copy is of no use.
        let _ = fs.remove_file(&to);
    }
}

/// Where the valid part of a segment ends, and where the file ends.
struct Tail {
    valid: u64,
    size: u64,
}

fn lost_tail(
    fs: &dyn Fs,
    path: &Path,
    number: u64,
    tail: Tail,
    newest: bool,
    to: &mut Recovery,
) -> Result<()> {
    let lost = tail.size - tail.valid;
    if !newest {
        to.corrupt_places += 1;
        to.corrupt_bytes += lost;
        to.warnings.push(format!("log segment {number}: {lost} corrupt bytes at its end were passed over"));
        return Ok(());
    }
    to.cut_bytes += lost;
    to.warnings.push(format!(
        "log segment {number}: its torn or corrupt tail of {lost} bytes was cut at offset {}",
        tail.valid
    ));
    let cut = || {
        if tail.valid < HEAD {
            return fs.remove_file(path);
        }
        let file = fs.open_append(path)?;
        file.truncate(tail.valid)?;
        file.sync()
    };
    cut().map_err(|e| io_error("cut the log's tail", path, &e))
}

/// Reads one segment; `Some` if it does not end with a valid record.
fn read_segment(
    file: Box<dyn File>,
    number: u64,
    kind: Kind,
    to: &mut Recovery,
    visit: &mut dyn FnMut(Place, &[u8]) -> Result<()>,
) -> Result<Option<Tail>> {
    let mut reader = SegmentReader::new(file, kind)?;
    let size = reader.size()?;
    loop {
        match reader.next(size)? {
            Step::Record { offset, payload, passed_over } => {
                if passed_over > 0 {
                    to.corrupt_places += 1;
                    to.corrupt_bytes += passed_over;
                    to.warnings.push(format!(
                        "log segment {number}: {passed_over} corrupt bytes at offset {} were passed over",
                        offset - passed_over
                    ));
                }
                visit(Place { segment: number, offset }, payload)?;
                to.records += 1;
                to.bytes += (FRAME + payload.len()) as u64;
            }
            Step::End { lost } => {
                if let Some(damage) = reader.damage() {
                    to.corrupt_places += 1;
                    to.corrupt_bytes += HEAD;
                    to.warnings.push(format!("log segment {number}: {damage}"));
                }
                return Ok((lost > 0).then_some(Tail { valid: size - lost, size }));
            }
        }
    }
}

/// What [`SegmentReader::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A valid record.
    Record {
        /// Where it begins.
        offset: u64,
        /// What it holds.
        payload: &'a [u8],
        /// Corrupt bytes before it.
        passed_over: u64,
    },
    /// No further valid record.
    End {
        /// Bytes up to the end that are no record.
        lost: u64,
    },
}

/// Reads one segment forward, also one that still grows.
pub struct SegmentReader {
    window: Window,
    kind: Kind,
    salts: [u32; 2],
    salt: Option<u32>,
    /// Where the next record is expected; 0 until the header was read.
    at: u64,
    damage: Option<String>,
}

impl SegmentReader {
    /// A reader of `file`, which is not looked at yet.
    pub fn new(file: Box<dyn File>, kind: Kind) -> Result<Self> {
        Ok(Self { window: Window::new(file), kind, salts: [0; 2], salt: None, at: 0, damage: None })
    }

    /// Bytes of the file now.
    pub fn size(&self) -> Result<u64> {
        self.window.file.size().map_err(|e| io_error("measure a log segment", Path::new(""), &e))
    }

    /// Where the next record is expected.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// What is wrong with the header. It costs nothing: the records say whether they are valid.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Goes on at `offset`, where a record begins or something was lost.
    pub fn seek(&mut self, end: u64, offset: u64) -> Result<()> {
        self.window.size = end;
        if self.at > 0 || self.read_header()? {
            self.at = offset.max(HEAD);
        }
        Ok(())
    }

    /// Whether the header is there. Another version is refused by name.
    fn read_header(&mut self) -> Result<bool> {
        let Some(head) = self.window.get(0, HEAD as usize)? else { return Ok(false) };
        // A crash may leave zeros where the header was going to be.
        if head.iter().all(|b| *b == 0) {
            return Ok(false);
        }
        let salts = [[head[16], head[17], head[18], head[19]], [head[20], head[21], head[22], head[23]]];
        if let Err(e) = header::check(self.kind, head) {
            if e.kind == ErrorKind::Conflict {
                return Err(e);
            }
            self.damage = Some(e.to_string());
        }
        self.salts = salts.map(u32::from_le_bytes);
        if salts[0] != salts[1] && self.damage.is_none() {
            self.damage = Some("the two salts of its header differ; the one that fits is used".to_owned());
        }
        self.at = HEAD;
        Ok(true)
    }

    /// The next record before offset `end`, which lies within the file.
    pub fn next(&mut self, end: u64) -> Result<Step<'_>> {
        self.window.size = end;
        if self.at == 0 && !self.read_header()? {
            return Ok(Step::End { lost: end });
        }
        if self.at >= end {
            return Ok(Step::End { lost: 0 });
        }
        let salt = match self.salt {
            Some(salt) => salt,
            None => {
                let [first, second] = self.salts;
                let chosen = if first == second || self.window.record(first, HEAD)?.is_some() {
                    first
                } else {
                    second
                };
                *self.salt.insert(chosen)
            }
        };
        let found = match self.window.record(salt, self.at)? {
            Some(len) => Some((self.at, len)),
            None => self.window.next_valid(salt, self.at + 1)?,
        };
        let Some((offset, len)) = found else { return Ok(Step::End { lost: end - self.at }) };
        let passed_over = offset - self.at;
        self.at = offset + (FRAME + len) as u64;
        let payload = self.window.get(offset + FRAME as u64, len)?.unwrap_or_default();
        Ok(Step::Record { offset, payload, passed_over })
    }
}

/// A part of a segment in memory: at most one record and one chunk.
struct Window {
    file: Box<dyn File>,
    /// Where reading ends.
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(file: Box<dyn File>) -> Self {
        Self { file, size: 0, start: 0, bytes: Vec::new() }
    }

    /// The bytes at `at`, or `None` where the file is too short.
    fn get(&mut self, at: u64, len: usize) -> Result<Option<&[u8]>> {
        if self.size.checked_sub(at).is_none_or(|left| left < len as u64) {
            return Ok(None);
        }
        let inside = at >= self.start && at + len as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            // Bounded: a record's length was checked against MAX_RECORD and against the file.
            let want = (len.max(CHUNK) as u64).min(self.size - at) as usize;
            self.bytes.resize(want, 0);
            let read = self.file.read_at(&mut self.bytes, at);
            let got = read.map_err(|e| io_error("read a log segment", Path::new(""), &e))?;
            self.bytes.truncate(got);
            self.start = at;
            if got < len {
                return Ok(None);
            }
        }
        let from = (at - self.start) as usize;
        Ok(Some(&self.bytes[from..from + len]))
    }

    /// The length of the payload if a valid record begins at `at`.
    fn record(&mut self, salt: u32, at: u64) -> Result<Option<usize>> {
        let Some(frame) = self.get(at, FRAME)? else { return Ok(None) };
        let len_bytes = [frame[0], frame[1], frame[2], frame[3]];
        let crc = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]);
        let len = u32::from_le_bytes(len_bytes) as usize;
        if len == 0 || len > MAX_RECORD {
            return Ok(None);
        }
        let payload = self.get(at + FRAME as u64, len)?;
        Ok(payload.is_some_and(|p| checksum(salt, len_bytes, p) == crc).then_some(len))
    }

    /// The first valid record at or after `from`.
    fn next_valid(&mut self, salt: u32, from: u64) -> Result<Option<(u64, usize)>> {
        let mut effort = 0u64;
        for at in from..self.size.saturating_sub(FRAME as u64) {
            if let Some(frame) = self.get(at, FRAME)? {
                // A false start costs the checksum of the length it claims: bound the sum, not each.
                let len = u64::from(u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]));
                if len <= MAX_RECORD as u64 && at + len <= self.size {
                    effort += len;
                }
            }
            if effort > SEARCH_EFFORT {
                return Ok(None);
            }
            if let Some(len) = self.record(salt, at)? {
                return Ok(Some((at, len)));
            }
        }
        Ok(None)
    }
}

/// Bytes that may be checksummed in search of a valid record after a corrupt place.
const SEARCH_EFFORT: u64 = 4 << 30;
