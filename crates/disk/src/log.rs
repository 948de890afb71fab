//! An append-only log in segments: records with length and checksum, many appends in one write.
//!
//! A record is in the operating system's hands when [`Log::commit`] returns, so it survives `kill -9`; whether it
//! also survives a power failure is up to [`SyncPolicy`]. At open the log is read once from its oldest segment: a torn
//! or corrupt tail is cut with a warning, a corrupt place with valid records after it is skipped and counted.
//! docs/formats/log.md draws the bytes.

mod read;
mod record;
mod write;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use model::{Error, Result};
use parking_lot::{Condvar, Mutex};
use serde::Deserialize;

use crate::error::io_error;
use crate::fs::Fs;
use crate::header::Kind;
use crate::publish;

pub use read::{Place, Recovery, SegmentReader, Step, segment_name, segments};
pub use record::MAX_RECORD;
use write::Writer;

/// When written records are synced to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncPolicy {
    /// Before [`Log::commit`] returns: survives a power failure, at the price of a sync for every group.
    #[default]
    Batch,
    /// When the owner calls [`Log::sync`] in its interval, and when a segment is full: a power failure costs what came
    /// since.
    Interval,
    /// When a segment is full, and where what it holds goes elsewhere: a power failure costs what the operating system
    /// had not written yet.
    Off,
}

impl SyncPolicy {
    /// As it is written in flags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Interval => "interval",
            Self::Off => "off",
        }
    }

    /// What is promised, for people.
    pub const fn promise(self) -> &'static str {
        match self {
            Self::Batch => "what is acknowledged survives kill -9 and a power failure",
            Self::Interval => {
                "what is acknowledged survives kill -9; a power failure may cost the last seconds"
            }
            Self::Off => {
                "what is acknowledged survives kill -9; a power failure may cost what was written since the last flush"
            }
        }
    }
}

impl FromStr for SyncPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Batch, Self::Interval, Self::Off].into_iter().find(|p| p.as_str() == text).ok_or_else(|| {
            Error::invalid(format_args!("{text:?} is none of \"batch\", \"interval\" and \"off\""))
        })
    }
}

/// How a log behaves.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What the segments hold.
    pub kind: Kind,
    /// A segment that has reached this many bytes is closed.
    pub segment_bytes: u64,
    /// When written records are synced.
    pub sync: SyncPolicy,
    /// Bytes that may wait while the file system refuses writes; beyond it appends are refused at once.
    pub max_pending: usize,
}

impl Options {
    /// 32 MiB segments, synced with every group, 64 MiB may wait.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, segment_bytes: 32 << 20, sync: SyncPolicy::Batch, max_pending: 64 << 20 }
    }
}

/// A place in the order of the log: everything enqueued up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

struct State {
    /// Framed records that no write has taken.
    pending: Vec<u8>,
    /// The buffer of the last write, kept for its memory.
    spare: Vec<u8>,
    /// Bytes ever enqueued.
    enqueued: u64,
    /// Bytes ever written.
    committed: u64,
    /// Whether somebody writes right now.
    writing: bool,
    /// Where the written records end.
    end: Place,
}

/// A segmented log, opened for appending.
pub struct Log {
    dir: PathBuf,
    fs: Arc<dyn Fs>,
    options: Options,
    salt: u32,
    state: Mutex<State>,
    written: Condvar,
    writer: Mutex<Writer>,
}

impl Log {
    /// Opens the log in `dir` (created if missing) and gives every valid record, oldest first, to `visit`. An error of
    /// `visit` ends the opening.
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        visit: &mut dyn FnMut(Place, &[u8]) -> Result<()>,
    ) -> Result<(Self, Recovery)> {
        publish::prepare(&*fs, dir)?;
        let recovery = read::replay(&*fs, dir, options.kind, visit)?;
        let salt = record::random_salt();
        let writer = Writer::new(recovery.next_segment);
        let state = State {
            pending: Vec::new(),
            spare: Vec::new(),
            enqueued: 0,
            committed: 0,
            writing: false,
            end: writer.end(),
        };
        let log = Self {
            dir: dir.to_owned(),
            fs,
            options,
            salt,
            state: Mutex::new(state),
            written: Condvar::new(),
            writer: Mutex::new(writer),
        };
        Ok((log, recovery))
    }

    /// Refuses while the file system takes no writes and the buffer is full. Callers ask before they change anything
    /// that the record will describe; [`Log::enqueue`] itself does not refuse for this reason.
    pub fn ready(&self) -> Result<()> {
        if self.state.lock().pending.len() > self.options.max_pending {
            return Err(Error::unavailable("storage: the log cannot be written and its buffer is full"));
        }
        Ok(())
    }

    /// Puts a record in line. It is neither durable nor lost until [`Log::commit`] was called with the ticket (or a
    /// later one): records reach the file in the order of their tickets.
    pub fn enqueue(&self, payload: &[u8]) -> Result<Ticket> {
        if payload.is_empty() || payload.len() > MAX_RECORD {
            let len = payload.len();
            return Err(Error::too_large(format_args!(
                "log record of {len} bytes, allowed are 1 to {MAX_RECORD}"
            )));
        }
        let head = record::frame(self.salt, payload);
        let mut state = self.state.lock();
        state.pending.extend_from_slice(&head);
        state.pending.extend_from_slice(payload);
        state.enqueued += (head.len() + payload.len()) as u64;
        Ok(Ticket(state.enqueued))
    }

    /// Waits until everything up to `ticket` is written (and synced, with [`SyncPolicy::Batch`]). Of concurrent
    /// callers one writes for all. After an error the records stay in line and go with the next commit.
    pub fn commit(&self, ticket: Ticket) -> Result<()> {
        let mut state = self.state.lock();
        loop {
            if state.committed >= ticket.0 {
                return Ok(());
            }
            if state.writing {
                self.written.wait(&mut state);
                continue;
            }
            state.writing = true;
            let spare = std::mem::take(&mut state.spare);
            let mut group = std::mem::replace(&mut state.pending, spare);
            let end = state.enqueued;
            drop(state);
            let (result, written_to) = {
                let mut writer = self.writer.lock();
                (writer.write(self, &group), writer.end())
            };
            state = self.state.lock();
            state.end = state.end.max(written_to);
            state.writing = false;
            self.written.notify_all();
            match result {
                Ok(()) => {
                    state.committed = end;
                    group.clear();
                    if group.capacity() <= 4 << 20 {
                        state.spare = group;
                    }
                }
                Err(e) => {
                    group.extend_from_slice(&state.pending);
                    state.pending = group;
                    return Err(e);
                }
            }
        }
    }

    /// Appends one record and commits it.
    pub fn append(&self, payload: &[u8]) -> Result<()> {
        self.ready()?;
        self.commit(self.enqueue(payload)?)
    }

    /// The ticket of everything enqueued so far.
    pub fn enqueued(&self) -> Ticket {
        Ticket(self.state.lock().enqueued)
    }

    /// Syncs what was written since the last sync.
    pub fn sync(&self) -> Result<()> {
        self.writer.lock().sync()
    }

    /// Commits what is in line, closes the segment, and returns the number of the one that the next record begins.
    pub fn rotate(&self) -> Result<u64> {
        self.commit(self.enqueued())?;
        let mut writer = self.writer.lock();
        let next = writer.rotate()?;
        let end = writer.end();
        drop(writer);
        let mut state = self.state.lock();
        state.end = state.end.max(end);
        Ok(next)
    }

    /// Where the written records end: all segments before this one are closed, and of this one so many bytes hold.
    pub fn end(&self) -> Place {
        self.state.lock().end
    }

    /// The directory of the segments.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Numbers coming segments from `first` on at least: for owners who remember numbers of segments that are gone.
    pub fn skip_to(&self, first: u64) {
        let mut writer = self.writer.lock();
        writer.skip_to(first);
        let end = writer.end();
        drop(writer);
        let mut state = self.state.lock();
        state.end = state.end.max(end);
    }

    /// Removes the segments before number `first`.
    pub fn remove_before(&self, first: u64) -> Result<()> {
        let mut removed = false;
        for (number, name, _) in read::segments(&*self.fs, &self.dir)? {
            if number < first {
                let path = self.dir.join(name);
                self.fs.remove_file(&path).map_err(|e| io_error("remove a log segment", &path, &e))?;
                removed = true;
            }
        }
        if removed {
            self.fs.sync_dir(&self.dir).map_err(|e| io_error("sync a directory", &self.dir, &e))?;
        }
        Ok(())
    }

    /// Bytes of all segments on disk.
    pub fn bytes(&self) -> Result<u64> {
        Ok(read::segments(&*self.fs, &self.dir)?.iter().map(|(_, _, size)| size).sum())
    }
}
