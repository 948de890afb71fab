//! One log, through all its rotations.
//!
//! Reading goes from the oldest file to the one that is written. At its end the folder tells whether it was rotated; what
//! goes wrong on the way (a file renamed between two looks, one emptied in place) is met as a restart is: the position
//! that is known is looked up again among the files that are there.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use model::{Labels, Records};

use super::assemble::{Assembler, Place};
use super::entry::{Format, Piece, Split};
use super::files::{CHUNK, Reading, candidates};
use super::gap::Gap;
use super::metrics::Metrics;
use super::multiline::Rule;
use super::order::{Candidate, plan};
use super::outlet::Outlet;
use super::position::{Cursor, Ident, Position};
use super::runner::What;

/// The longest line of a file that has a format of its own; what is longer is none of it.
const LINE: usize = 4 << 20;

/// What is followed: each kind of log has one.
pub trait Follow: Send {
    /// Reads on and adds events to `out` until it has `most` bytes; `false` when there is nothing more for now.
    ///
    /// # Errors
    /// Where the log cannot be read; the next call tries it again.
    fn step(&mut self, now_ms: i64, out: &mut Records, most: usize) -> io::Result<bool>;
    /// Gives out what is unfinished: no more will come.
    fn finish(&mut self, now_ms: i64, out: &mut Records);
    /// Up to where the events were given out.
    fn position(&self) -> Option<Vec<u8>>;
    /// What a person would look at.
    fn path(&self) -> PathBuf;
    /// Takes over what is known of the log by now.
    fn update(&mut self, _log: &What) {}
}

/// A log to follow.
#[derive(Debug, Clone)]
pub struct Log {
    /// What its position is stored under.
    pub source: String,
    /// The file that is written.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// Its stream.
    pub labels: Labels,
    /// Which lines belong together.
    pub rule: Rule,
}

/// What following is held to.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Bytes of an event.
    pub event_length: usize,
    /// How much of the past of a log is read that was never seen before.
    pub first_read: u64,
    /// How long the last line waits for lines that belong to it, ms.
    pub flush_ms: i64,
}

struct File {
    name: String,
    gzip: bool,
    ident: Ident,
    offset: u64,
    /// Whether reading begins within a line.
    within: bool,
}

/// Follows one log.
pub struct Follower {
    /// What is followed.
    pub log: Log,
    outlet: Outlet,
    terms: Terms,
    metrics: Metrics,
    saved: Option<Position>,
    assembler: Assembler,
    queue: VecDeque<File>,
    reading: Option<Reading>,
    /// Bytes read and not yet taken as lines; they begin at `offset` of the file being read.
    raw: Vec<u8>,
    offset: u64,
    /// Whether bytes up to the next newline are passed over.
    skipping: bool,
    seq: u64,
    /// The files that places may still name.
    idents: VecDeque<(u64, Ident)>,
    started: bool,
    /// The end was met, and the file looked for under another name.
    drained: bool,
}

impl Follower {
    /// Follows `log` from the position that was stored.
    pub fn new(log: Log, terms: Terms, saved: Option<Position>, metrics: Metrics) -> Self {
        let assembler = Assembler::new(&log.rule, terms.event_length, [(0, 0), (0, 0)]);
        let outlet = Outlet::new(log.labels.clone(), log.format.has_streams(), metrics.clone());
        Self {
            log,
            outlet,
            terms,
            metrics,
            saved,
            assembler,
            queue: VecDeque::new(),
            reading: None,
            raw: Vec::new(),
            offset: 0,
            skipping: false,
            seq: 0,
            idents: VecDeque::new(),
            started: false,
            drained: false,
        }
    }

    /// Reads on and adds events to `out` until it has `most` bytes; `false` when there is nothing more for now.
    pub fn step(&mut self, now_ms: i64, out: &mut Records, most: usize) -> io::Result<bool> {
        if !self.started && !self.start()? {
            return Ok(false);
        }
        while out.text_bytes() < most {
            if self.reading.is_none() && !self.open_next()? {
                self.flush(now_ms, self.terms.flush_ms, out);
                return Ok(false);
            }
            if self.read(now_ms, out)? {
                continue;
            }
            if !self.at_end(now_ms, out)? {
                self.flush(now_ms, self.terms.flush_ms, out);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives out what is unfinished: no more will come.
    pub fn finish(&mut self, now_ms: i64, out: &mut Records) {
        self.take_rest(now_ms, out);
        let Self { assembler, outlet, .. } = self;
        assembler.finish(&mut |event| outlet.put(out, now_ms, event));
    }

    /// Whether an event waits for lines that belong to it.
    pub fn waits(&self) -> bool {
        self.assembler.waits()
    }

    /// Up to where the events were given out.
    pub fn position(&self) -> Option<Position> {
        if !self.started {
            return self.saved;
        }
        let cursor = |(seq, offset): Place| {
            let ident = self.idents.iter().find(|(known, _)| *known == seq).map(|(_, ident)| *ident);
            Some(Cursor { file: ident?, offset })
        };
        let [stdout, stderr] = self.assembler.given();
        let known = cursor(stdout).zip(cursor(stderr)).map(|(stdout, stderr)| Position([stdout, stderr]));
        known.or(self.saved)
    }

    fn folder(&self) -> &Path {
        self.log.path.parent().unwrap_or(Path::new("/"))
    }

    /// Looks up where to begin; `false` where there is no file yet.
    fn start(&mut self) -> io::Result<bool> {
        let mut files = candidates(&self.log.path)?;
        // An empty file is known by its inode alone, which another may have by the time it is opened.
        if files.iter().any(|file| !file.head.is_empty()) {
            files.retain(|file| !file.head.is_empty());
        } else {
            files.drain(..files.len().saturating_sub(1));
        }
        if files.is_empty() {
            return Ok(false);
        }
        self.reading = None;
        self.raw.clear();
        self.idents.clear();
        (self.seq, self.skipping, self.drained, self.started) = (0, false, false, true);
        let mut fresh = [(0, 0); 2];
        match self.saved {
            Some(position) => {
                let plan = plan(&position, &files);
                // A file of which nothing was read is no loss.
                if plan.gap && position.0.iter().any(|cursor| cursor.file.length > 0) {
                    tracing::warn!(log = %self.log.path.display(), "a file of this log is gone of which not all was read");
                    let read = position.0.iter().map(|cursor| cursor.offset).min().unwrap_or(0);
                    let what =
                        format!("a file of this log was deleted after {read} bytes of it had been read");
                    self.outlet.note(Gap { what, kind: "deleted", bytes: None });
                }
                fresh = plan.fresh.map(|(file, offset)| ((file - plan.first) as u64, offset));
                self.queue = queue(&files[plan.first..], plan.offset);
                // Those behind the first are named by places before they are opened.
                let idents = files[plan.first..].iter().enumerate();
                self.idents = idents.map(|(at, file)| (at as u64, file.ident())).collect();
            }
            None => self.queue = self.newest(&files),
        }
        self.assembler = Assembler::new(&self.log.rule, self.terms.event_length, fresh);
        Ok(true)
    }

    /// The end of the past of a log that is seen for the first time.
    fn newest(&self, files: &[Candidate]) -> VecDeque<File> {
        let mut left = self.terms.first_read;
        let mut first = files.len();
        let mut offset = 0;
        while first > 0 && left > 0 {
            first -= 1;
            let file = &files[first];
            if file.size > left {
                // Where a file would have to be cut in which no line can be found, it is left out.
                let cut = !file.gzip && self.log.format.is_lines();
                (first, offset) = if cut { (first, file.size - left) } else { (first + 1, 0) };
                break;
            }
            left -= file.size;
        }
        if first == files.len() {
            first -= 1;
            offset = if left == 0 && self.log.format.is_lines() { files[first].size } else { 0 };
        }
        self.metrics.skipped.inc_by(files[..first].iter().map(|f| f.size).sum::<u64>() + offset);
        // From the byte before, so that a line that begins exactly there is whole.
        let mut queue = queue(&files[first..], offset.saturating_sub(1));
        queue.iter_mut().take(1).for_each(|file| file.within = offset > 0);
        queue
    }

    /// Begins anew from what is known now.
    fn again(&mut self) -> io::Result<bool> {
        self.saved = self.position().or(self.saved);
        self.started = false;
        self.start()
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let Some(file) = self.queue.pop_front() else { return Ok(false) };
        let opened = Reading::open(&self.folder().join(&file.name), file.gzip, file.offset);
        let reading = match opened {
            Ok(reading) => reading,
            // Renamed, deleted or replaced by its compressed form since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.again(),
            Err(error) => {
                self.queue.push_front(file);
                return Err(error);
            }
        };
        // Another one has the name by now.
        if !file.ident.is(reading.ident.inode, &reading.head) {
            return self.again();
        }
        self.idents.retain(|(seq, _)| *seq != self.seq);
        self.idents.push_back((self.seq, reading.ident));
        self.raw.clear();
        self.offset = file.offset;
        self.skipping = file.within;
        self.drained = false;
        self.reading = Some(reading);
        Ok(true)
    }

    /// Reads a chunk; `false` at the end.
    fn read(&mut self, now_ms: i64, out: &mut Records) -> io::Result<bool> {
        let Some(reading) = &mut self.reading else { return Ok(false) };
        // Before each look: what was written anew must not be read from the middle.
        if !reading.is_unchanged()? {
            return Ok(false);
        }
        let read = reading.more(&mut self.raw)?;
        if read == 0 {
            return Ok(false);
        }
        self.learn();
        self.drained = false;
        self.metrics.bytes.inc_by(read as u64);
        self.take_lines(now_ms, out);
        Ok(true)
    }

    fn take_lines(&mut self, now_ms: i64, out: &mut Records) {
        let mut raw = std::mem::take(&mut self.raw);
        let mut taken = 0;
        loop {
            let (entry, length) = match self.log.format.split(&raw[taken..]) {
                Split::Entry(entry, length) => (entry, length),
                Split::Malformed(length) => {
                    self.metrics.malformed.inc();
                    taken += length;
                    continue;
                }
                Split::Unfinished => break,
            };
            if !std::mem::take(&mut self.skipping) {
                let text = &raw[taken + entry.start..taken + entry.end];
                self.take(text, (taken, taken + length), false, now_ms, out);
            }
            taken += length;
        }
        let rest = raw.len() - taken;
        if self.skipping {
            taken = raw.len();
        } else if self.log.format == Format::Plain && rest >= CHUNK {
            // A line without an end goes on piece by piece, between two characters.
            let end = taken + whole_characters(&raw[taken..]);
            self.take(&raw[taken..end], (taken, end), true, now_ms, out);
            taken = end;
        } else if rest > LINE {
            self.metrics.malformed.inc();
            self.skipping = true;
            taken = raw.len();
        }
        raw.drain(..taken);
        self.offset += taken as u64;
        // Most logs are quiet most of the time, and there may be many.
        self.raw = if raw.is_empty() { Vec::new() } else { raw };
        if self.raw.is_empty() {
            self.assembler.reached((self.seq, self.offset));
        }
    }

    /// Takes bytes that lie between two places of `raw`.
    fn take(
        &mut self,
        line: &[u8],
        (start, end): (usize, usize),
        goes_on: bool,
        now_ms: i64,
        out: &mut Records,
    ) {
        let (piece, malformed) = self.log.format.read(line);
        if malformed {
            self.metrics.malformed.inc();
        }
        let piece = Piece { partial: piece.partial || goes_on, ..piece };
        let place = |at: usize| (self.seq, self.offset + at as u64);
        let places = (place(start), place(end));
        let Self { assembler, outlet, metrics, .. } = self;
        assembler.feed(&piece, places, now_ms, &mut |event| outlet.put(out, now_ms, event));
        metrics.cut.inc_by(assembler.take_cut());
    }

    /// Takes a last line that no newline ends.
    fn take_rest(&mut self, now_ms: i64, out: &mut Records) {
        let rest = std::mem::take(&mut self.raw);
        if !rest.is_empty() && !self.log.format.is_lines() {
            self.metrics.malformed.inc();
        } else if !rest.is_empty() && !self.skipping {
            self.take(&rest, (0, rest.len()), false, now_ms, out);
            self.offset += rest.len() as u64;
            self.assembler.reached((self.seq, self.offset));
        }
    }

    fn flush(&mut self, now_ms: i64, after_ms: i64, out: &mut Records) {
        let Self { assembler, outlet, .. } = self;
        assembler.flush(now_ms, after_ms, &mut |event| outlet.put(out, now_ms, event));
    }

    /// At the end of a file: whether another follows it.
    fn at_end(&mut self, now_ms: i64, out: &mut Records) -> io::Result<bool> {
        let Some(reading) = &mut self.reading else { return Ok(true) };
        // Also where the file was written anew and is longer than before by now.
        let emptied = !reading.is_gzip() && (reading.size()? < reading.end || !reading.is_unchanged()?);
        if emptied {
            return self.emptied(out);
        }
        self.learn();
        if !self.queue.is_empty() {
            return Ok(self.leave(now_ms, out));
        }
        let inode = self.reading.as_ref().map_or(0, |r| r.ident.inode);
        match std::fs::metadata(&self.log.path) {
            Ok(now) if std::os::unix::fs::MetadataExt::ino(&now) != inode => self.rotated(now_ms, out),
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes over what the file being read is known by now.
    fn learn(&mut self) {
        if let Some(reading) = &self.reading {
            let ident = reading.ident;
            self.idents.iter_mut().filter(|(seq, _)| *seq == self.seq).for_each(|(_, known)| *known = ident);
        }
        let [stdout, stderr] = self.assembler.given();
        let oldest = stdout.0.min(stderr.0);
        self.idents.retain(|(seq, _)| *seq >= oldest);
    }

    /// The file under the log's name is another one.
    fn rotated(&mut self, now_ms: i64, out: &mut Records) -> io::Result<bool> {
        let mut files = candidates(&self.log.path)?;
        files.retain(|file| !file.head.is_empty());
        let Some(reading) = &self.reading else { return Ok(true) };
        let ident = reading.ident;
        let here =
            files.iter().rposition(|file| ident.is(file.inode, &file.head) && file.inode == ident.inode);
        let here = here
            .or_else(|| files.iter().rposition(|file| ident.length > 0 && ident.is(file.inode, &file.head)));
        // Of a file that is compressed before anything was in it nothing is left to know it by.
        if here.is_none() && ident.length == 0 {
            return self.again();
        }
        let newer = here.map_or(&files[..], |here| &files[here + 1..]);
        // Whoever writes may not have opened the new file yet, and goes on in the old one.
        if newer.is_empty() {
            return Ok(false);
        }
        if here.is_none() {
            tracing::warn!(log = %self.log.path.display(), "files of this log may have come and gone unseen");
            let what = "files of this log may have come and gone before they were seen".to_owned();
            self.outlet.note(Gap { what, kind: "unseen", bytes: None });
        }
        self.queue = queue(newer, 0);
        Ok(self.leave(now_ms, out))
    }

    /// Goes on to the next file, after one more look for what was written meanwhile.
    fn leave(&mut self, now_ms: i64, out: &mut Records) -> bool {
        if !self.drained {
            self.drained = true;
            return true;
        }
        self.take_rest(now_ms, out);
        self.reading = None;
        self.seq += 1;
        true
    }

    /// The file was emptied or cut in place: a copy may hold what was not read, else it is gone.
    fn emptied(&mut self, out: &mut Records) -> io::Result<bool> {
        let files = candidates(&self.log.path)?;
        let position = self.position().or(self.saved);
        let copied = position.is_some_and(|position| !plan(&position, &files).gap);
        if copied {
            return self.again();
        }
        self.flush(i64::MAX, 0, out);
        if let Some(reading) = &mut self.reading
            && files.iter().any(|file| reading.cut_back(file))
        {
            // What was cut off had been read: nothing is missing, and nothing is read twice.
            self.offset = reading.end;
            self.raw.clear();
            self.skipping = false;
            let fresh = [(self.seq, self.offset); 2];
            self.assembler = Assembler::new(&self.log.rule, self.terms.event_length, fresh);
            self.learn();
            return Ok(true);
        }
        tracing::warn!(log = %self.log.path.display(), "this log was emptied before all of it was known to be read");
        // What was written between the last look and the moment it was emptied is not known, but what was seen is.
        let (read, size) = self.reading.as_ref().map_or((0, 0), |reading| (reading.end, reading.seen()));
        let what = format!("this log was emptied, or written anew, after {read} bytes of it had been read");
        let bytes = size.checked_sub(read).filter(|bytes| *bytes > 0);
        self.outlet.note(Gap { what, kind: "emptied", bytes });
        self.reading = None;
        self.raw.clear();
        self.seq += 1;
        self.idents.clear();
        let fresh = [(self.seq, 0); 2];
        self.assembler = Assembler::new(&self.log.rule, self.terms.event_length, fresh);
        let last = files.last().map(std::slice::from_ref).unwrap_or_default();
        self.saved = last.first().map(|file| Position([Cursor { file: file.ident(), offset: 0 }; 2]));
        self.queue = queue(last, 0);
        Ok(!self.queue.is_empty())
    }
}

fn queue(files: &[Candidate], offset: u64) -> VecDeque<File> {
    let file = |(at, file): (usize, &Candidate)| File {
        name: file.name.clone(),
        gzip: file.gzip,
        ident: file.ident(),
        offset: if at == 0 { offset } else { 0 },
        within: false,
    };
    files.iter().enumerate().map(file).collect()
}

/// How many bytes of whole characters a text has; what is no UTF-8 counts as whole.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}

impl Follow for Follower {
    fn step(&mut self, now_ms: i64, out: &mut Records, most: usize) -> io::Result<bool> {
        Follower::step(self, now_ms, out, most)
    }

    fn finish(&mut self, now_ms: i64, out: &mut Records) {
        Follower::finish(self, now_ms, out);
    }

    fn position(&self) -> Option<Vec<u8>> {
        Follower::position(self).map(|position| position.encode())
    }

    fn path(&self) -> PathBuf {
        self.log.path.clone()
    }

    fn update(&mut self, log: &What) {
        if let What::Files(log) = log {
            self.outlet.labels.clone_from(&log.labels);
            self.log.labels.clone_from(&log.labels);
        }
    }
}
