//! The journal of systemd: its files are read directly and followed through rotations, like those of any log.
//!
//! A [`Series`] is what one writer keeps in one folder: `system.journal` and the files that it was rotated away to. Its
//! position is a number in a sequence (`seqnum_id`, `seqnum`); where the sequence is another one, the time decides. What
//! was read is held back for a moment, so that lines of one stack trace become one event; position and events leave
//! together.

mod files;
mod joins;
mod line;
mod position;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use model::Records;
use wire::journal::{Entry, Failure, Reader};

use files::{Seen, list};
pub use files::{Series, folders, series};
use joins::Joins;
use line::{Line, is_wanted};
use position::Position;

use super::config::Config;
use super::follower::{Follow, Terms};
use super::gap::Gap;
use super::metrics::Metrics;
use super::multiline::Rule;
use super::own::Limit;
use super::sources::Sources;

/// How much is held back at most: bytes and events.
const HELD: usize = 1 << 20;
const HELD_EVENTS: usize = 4096;
/// An event under way is waited for so many times as long as a quiet moment lasts.
const PATIENCE: i64 = 60;

struct Reading {
    reader: Reader<files::Source>,
    inode: u64,
}

/// Follows one series.
pub struct Follower {
    series: Series,
    terms: Terms,
    metrics: Metrics,
    sources: Arc<dyn Sources>,
    config: Config,
    node: String,
    /// Up to where events were given out, and up to where entries were read.
    given: Option<Position>,
    read: Option<Position>,
    reading: Option<Reading>,
    joins: Joins,
    entry: Entry,
    gap: Option<Gap>,
    own: Limit,
    fed_ms: i64,
    /// When the first of what is held back came.
    held_ms: i64,
}

impl Follower {
    /// Follows `series` from the position that was stored.
    pub fn new(
        series: Series,
        (config, terms, node): (&Config, Terms, &str),
        sources: Arc<dyn Sources>,
        saved: Option<&[u8]>,
        metrics: Metrics,
    ) -> Self {
        let given = saved.and_then(Position::decode);
        let rule = if config.multiline { Rule::Traces } else { Rule::Off };
        Self {
            series,
            terms,
            metrics,
            sources,
            config: config.clone(),
            node: node.to_owned(),
            given,
            read: given,
            reading: None,
            joins: Joins::new(rule, terms.event_length),
            entry: Entry::default(),
            gap: None,
            own: Limit::default(),
            fed_ms: 0,
            held_ms: 0,
        }
    }

    /// Opens the file that has what comes next; `false` where there is none.
    fn open(&mut self) -> io::Result<bool> {
        let mut files = list(&self.series)?;
        files.retain(|file| file.header.entries > 0);
        let next = match self.read {
            Some(position) => {
                self.look_for_gap(position.seqnum_id, position.seqnum, &files);
                files.iter().position(|file| position.lacks(&file.header))
            }
            None => self.newest(&files),
        };
        let Some(file) = next.and_then(|at| files.get(at)) else { return Ok(false) };
        let mut reader = match Reader::open(files::Source::open(&file.path)?, self.terms.event_length) {
            Ok(reader) => reader,
            Err(failure) => return Err(as_io(failure)),
        };
        let skipped = match &self.read {
            Some(p) if p.seqnum_id == file.header.seqnum_id => reader.skip_to(p.seqnum),
            Some(p) => reader.skip_past(p.realtime_us),
            None => reader.skip_entries(self.past(&files, next.unwrap_or(0))),
        };
        if let Err(failure) = skipped {
            self.damaged(&failure)?;
        }
        self.reading = Some(Reading { reader, inode: file.inode });
        Ok(true)
    }

    /// Of a series that was never seen: the first file of the past that is read.
    fn newest(&self, files: &[Seen]) -> Option<usize> {
        let mut left = self.terms.first_read;
        let mut first = None;
        for (at, file) in files.iter().enumerate().rev() {
            if left == 0 {
                break;
            }
            first = Some(at);
            left = left.saturating_sub(file.size);
        }
        first.or(files.len().checked_sub(1))
    }

    /// How many entries of the first file are passed over: the past is read up to a size.
    fn past(&self, files: &[Seen], first: usize) -> u64 {
        let newer: u64 = files[first + 1..].iter().map(|file| file.size).sum();
        let file = &files[first];
        let room = self.terms.first_read.saturating_sub(newer);
        if room >= file.size {
            return 0;
        }
        self.metrics.skipped.inc_by(file.size - room);
        let part =
            u128::from(file.header.entries) * u128::from(file.size - room) / u128::from(file.size.max(1));
        u64::try_from(part).unwrap_or(u64::MAX)
    }

    /// Whether files were deleted that were not read: the oldest that is left begins later than it should.
    fn look_for_gap(&mut self, id: [u8; 16], seqnum: u64, files: &[Seen]) {
        let mut of_id = files.iter().filter(|file| file.header.seqnum_id == id && file.header.entries > 0);
        let covered = of_id.clone().any(|file| file.header.head_seqnum <= seqnum.saturating_add(1));
        let Some(oldest) = of_id.next().filter(|file| !covered && file.header.head_seqnum > seqnum) else {
            return;
        };
        // Other files of the sequence may have had some of them.
        let most = oldest.header.head_seqnum - seqnum - 1;
        self.metrics.gaps.inc();
        tracing::warn!(journal = %self.series.source, most, "files of the journal were deleted before they were read");
        let what = format!("up to {most} entries of the journal were deleted before they were read");
        self.gap = Some(Gap { what, kind: "deleted", bytes: None });
    }

    /// Goes on behind what is damaged.
    fn damaged(&self, failure: &Failure) -> io::Result<()> {
        match failure {
            Failure::Damaged { .. } => {
                self.metrics.malformed.inc();
                tracing::debug!(journal = %self.series.source, %failure, "an entry of the journal is damaged");
                Ok(())
            }
            Failure::Io(error) => Err(io::Error::new(error.kind(), error.to_string())),
            Failure::Foreign(_) => Err(io::Error::new(io::ErrorKind::InvalidData, failure.to_string())),
        }
    }

    /// Takes entries until enough is held back; `false` at the end.
    fn take(&mut self, now_ms: i64) -> io::Result<bool> {
        while self.joins.bytes() < HELD && self.joins.len() < HELD_EVENTS {
            let Some(reading) = &mut self.reading else { return Ok(false) };
            let id = reading.reader.header().seqnum_id;
            match reading.reader.next(&mut is_wanted, &mut self.entry) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(failure) => {
                    self.damaged(&failure)?;
                    continue;
                }
            }
            // Where a place could not be looked up, reading begins before it.
            if self.read.is_some_and(|read| read.has(id, &self.entry)) {
                continue;
            }
            self.metrics.malformed.inc_by(u64::from(self.entry.unreadable > 0));
            self.read = Some(Position::of(id, &self.entry));
            let line = Line::of(&self.entry, &self.config, &*self.sources, &self.node);
            let line = line.filter(|line| {
                let fits = !line.own || self.own.take(now_ms, line.text.len());
                self.metrics.own_dropped.inc_by(u64::from(!fits));
                fits
            });
            if let Some(line) = line {
                if self.joins.is_empty() {
                    self.held_ms = now_ms;
                }
                self.metrics.bytes.inc_by(line.text.len() as u64);
                self.fed_ms = now_ms;
                self.joins.add(line);
            }
        }
        Ok(true)
    }

    /// Gives out what was held back.
    fn give(&mut self, out: &mut Records) {
        self.metrics.cut.inc_by(self.joins.take_cut());
        let gap = &mut self.gap;
        let count = self.joins.drain(|line| {
            if let Some(gap) = gap.take() {
                gap.put(out, &line.labels, line.time_ns);
            }
            line.put(out);
        });
        self.metrics.events.inc_by(count);
        self.given = self.read;
    }

    /// At the end of a file: whether another one follows it.
    fn at_end(&mut self) -> io::Result<bool> {
        let Some(reading) = &mut self.reading else { return self.open() };
        let before = reading.reader.header().entries;
        reading.reader.refresh().map_err(as_io)?;
        if reading.reader.header().entries != before {
            return Ok(true);
        }
        if self.series.active_inode()? == Some(reading.inode) {
            return Ok(false);
        }
        // What could not be read of a file that is finished is not looked for again.
        let end = Position::end(reading.reader.header());
        if self.read.is_none_or(|read| read.lacks(reading.reader.header())) {
            self.read = Some(end);
        }
        self.reading = None;
        self.open()
    }
}

fn as_io(failure: Failure) -> io::Error {
    match failure {
        Failure::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

impl Follow for Follower {
    fn step(&mut self, now_ms: i64, out: &mut Records, most: usize) -> io::Result<bool> {
        while out.text_bytes() < most {
            if self.take(now_ms)? {
                self.give(out);
                continue;
            }
            if self.at_end()? {
                continue;
            }
            let quiet =
                now_ms.saturating_sub(self.fed_ms) >= self.terms.flush_ms && !self.joins.is_cut_short();
            let late = now_ms.saturating_sub(self.held_ms) >= self.terms.flush_ms.saturating_mul(PATIENCE);
            if self.joins.is_empty() || quiet || late {
                self.give(out);
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn finish(&mut self, _now_ms: i64, out: &mut Records) {
        self.give(out);
    }

    fn position(&self) -> Option<Vec<u8>> {
        self.given.as_ref().map(Position::encode)
    }

    fn path(&self) -> PathBuf {
        self.series.active()
    }
}
