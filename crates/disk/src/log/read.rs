//! The reading end: every valid record of every segment, whatever happened to the bytes in between.

use std::path::Path;

use model::{ErrorKind, Result};
use tracing::warn;

use super::record::{FRAME, MAX_RECORD, checksum};
use crate::error::io_error;
use crate::fs::{Entry, File, Fs};
use crate::header::{self, Kind};

/// Segment header: the file header and the salt, twice, so that no single byte costs the segment.
const HEAD: u64 = header::LEN as u64 + 8;
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

pub(super) fn segment_name(number: u64) -> String {
    format!("{number:010}.log")
}

/// Number, name and size of the segments in `dir`, in order.
pub(super) fn segments(fs: &dyn Fs, dir: &Path) -> Result<Vec<(u64, String, u64)>> {
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
        let end = read_segment(&*file, *number, kind, &mut recovery, visit)
            .map_err(|e| model::Error { detail: Some(path.display().to_string()), ..e })?;
        if let Some(end) = end {
            lost_tail(fs, &path, *number, end, newest, &mut recovery)?;
        }
    }
    for warning in &recovery.warnings {
        warn!("{warning}");
    }
    Ok(recovery)
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
    file: &dyn File,
    number: u64,
    kind: Kind,
    to: &mut Recovery,
    visit: &mut dyn FnMut(Place, &[u8]) -> Result<()>,
) -> Result<Option<Tail>> {
    let mut window = Window::new(file)?;
    let size = window.size;
    let Some(head) = window.get(0, HEAD as usize)? else {
        return Ok((size > 0).then_some(Tail { valid: 0, size }));
    };
    // A crash may leave zeros where the header was going to be.
    if head.iter().all(|b| *b == 0) {
        return Ok(Some(Tail { valid: 0, size }));
    }
    let salts = [[head[16], head[17], head[18], head[19]], [head[20], head[21], head[22], head[23]]];
    let salts = salts.map(u32::from_le_bytes);
    if let Err(e) = header::check(kind, head) {
        // Another version is refused by name. A damaged header costs nothing: the records say whether they are valid.
        if e.kind == ErrorKind::Conflict {
            return Err(e);
        }
        to.corrupt_places += 1;
        to.corrupt_bytes += HEAD;
        to.warnings.push(format!("log segment {number}: {e}"));
    }
    let first = window.record(salts[0], HEAD)?;
    let salt = if first.is_some() || salts[0] == salts[1] { salts[0] } else { salts[1] };
    let mut at = HEAD;
    while at < size {
        let found = match window.record(salt, at)? {
            Some(len) => Some((at, len)),
            None => window.next_valid(salt, at + 1)?,
        };
        let Some((start, len)) = found else { return Ok(Some(Tail { valid: at, size })) };
        if start > at {
            to.corrupt_places += 1;
            to.corrupt_bytes += start - at;
            to.warnings.push(format!(
                "log segment {number}: {} corrupt bytes at offset {at} were passed over",
                start - at
            ));
        }
        let payload = window.get(start + FRAME as u64, len)?.unwrap_or_default();
        visit(Place { segment: number, offset: start }, payload)?;
        to.records += 1;
        to.bytes += (FRAME + len) as u64;
        at = start + (FRAME + len) as u64;
    }
    Ok(None)
}

/// A part of a segment in memory: at most one record and one chunk.
struct Window<'a> {
    file: &'a dyn File,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn File) -> Result<Self> {
        let size = file.size().map_err(|e| io_error("measure a log segment", Path::new(""), &e))?;
        Ok(Self { file, size, start: 0, bytes: Vec::new() })
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
