//! One follower: reads segment after segment from its place.

use std::sync::Arc;

use disk::log::{Place, SegmentReader, Step};
use model::{FeedBatch, Follower, Reservation, Result};

use super::decode::Decoder;
use super::{Feed, Found};
use crate::wal;

/// Records read in search of samples before the caller gets a word.
const RECORDS_AT_ONCE: usize = 10_000;

pub(super) struct LogFollower {
    feed: Arc<Feed>,
    name: String,
    /// Where the next record is read.
    read: Place,
    reader: Option<SegmentReader>,
    decoder: Decoder,
    /// Whether the definitions before `read` are known.
    primed: bool,
    /// The definitions known belong to the part of the log that begins with this segment.
    start: u64,
    held: Option<Reservation>,
}

impl LogFollower {
    pub(super) fn new(feed: Arc<Feed>, name: String, place: Place) -> Self {
        Self {
            feed,
            name,
            read: place,
            reader: None,
            decoder: Decoder::default(),
            primed: false,
            start: 0,
            held: None,
        }
    }

    /// The place in one number: segments are far shorter than 4 GiB.
    fn pack(place: Place) -> u64 {
        place.segment << 32 | place.offset.min(u64::from(u32::MAX))
    }

    fn unpack(position: u64) -> Place {
        Place { segment: position >> 32, offset: position & u64::from(u32::MAX) }
    }

    /// Where the valid bytes of the segment being read end, and whether no more will come.
    fn end_of(&self, reader: &SegmentReader) -> Result<(u64, bool)> {
        let end = self.feed.log.end();
        if self.read.segment < end.segment {
            return Ok((reader.size()?, true));
        }
        Ok((if self.read.segment == end.segment { end.offset } else { 0 }, false))
    }

    /// Jumps over what was given up.
    fn give_way(&mut self) {
        let floor = match self.feed.state.lock().followers.get_mut(&self.name) {
            Some(entry) => entry.place,
            None => return,
        };
        if floor > self.read {
            self.read = floor;
            self.reader = None;
            self.primed = false;
        }
    }

    /// Opens the segment of `self.read`, or the next one that is there; `false`: there is none.
    fn open(&mut self) -> Result<bool> {
        loop {
            match self.feed.open_segment(self.read.segment)? {
                Found::Nothing => return Ok(false),
                Found::Later(number) => self.read = Place { segment: number, offset: 0 },
                Found::File(file) => {
                    let mut reader = SegmentReader::new(file, wal::KIND)?;
                    let start = self.feed.start_of(self.read.segment);
                    if start != self.start {
                        self.decoder.table.begin();
                        self.start = start;
                    }
                    let (end, _) = self.end_of(&reader)?;
                    if self.read.offset > 0 {
                        reader.seek(end, self.read.offset)?;
                    }
                    self.reader = Some(reader);
                    return Ok(true);
                }
            }
        }
    }

    /// Reads the definitions that lie before the place.
    fn prime(&mut self) -> Result<()> {
        let to = self.read;
        self.decoder.only_definitions = true;
        self.read = Place { segment: self.feed.start_of(to.segment), offset: 0 };
        let mut result = Ok(());
        while self.read < to {
            match self.reserve().and_then(|()| self.step(to)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.decoder.only_definitions = false;
        self.reader = None;
        self.read = to;
        self.primed = result.is_ok();
        result
    }

    /// Reads one record before `limit`; whether there may be another right away.
    fn step(&mut self, limit: Place) -> Result<bool> {
        if self.reader.is_none() && !self.open()? {
            return Ok(false);
        }
        let Some(reader) = &self.reader else { return Ok(false) };
        let (mut end, closed) = self.end_of(reader)?;
        if self.read.segment == limit.segment {
            end = end.min(limit.offset);
        }
        let Some(reader) = &mut self.reader else { return Ok(false) };
        match reader.next(end)? {
            Step::Record { payload, passed_over, .. } => {
                let whole = self.decoder.record(payload) && passed_over == 0;
                self.read.offset = reader.at();
                self.note_corruption(!whole);
                Ok(true)
            }
            Step::End { lost } => {
                let damaged = reader.damage().is_some();
                if lost > 0 {
                    self.read.offset = end;
                    reader.seek(end, end)?;
                    self.note_corruption(true);
                }
                if closed && self.read.segment < limit.segment {
                    self.note_corruption(damaged);
                    self.read = Place { segment: self.read.segment + 1, offset: 0 };
                    self.reader = None;
                    return Ok(true);
                }
                Ok(false)
            }
        }
    }

    fn note_corruption(&self, there: bool) {
        if there && !self.decoder.only_definitions {
            self.feed.metrics.feed_corruptions.inc();
        }
    }

    /// Memory for the table is asked for before it grows by a record.
    fn reserve(&mut self) -> Result<()> {
        let needed = self.decoder.table.bytes();
        let have = self.held.as_ref().map_or(0, Reservation::bytes);
        if needed > have {
            match &mut self.held {
                Some(held) => held.grow(needed - have)?,
                None => self.held = Some(self.feed.budget.reserve(needed)?),
            }
        } else if needed < have / 2 {
            self.held = None;
            self.held = Some(self.feed.budget.reserve(needed)?);
        }
        Ok(())
    }
}

const NO_LIMIT: Place = Place { segment: u64::MAX, offset: u64::MAX };

impl Follower for LogFollower {
    fn next(&mut self, max: usize, out: &mut FeedBatch) -> Result<bool> {
        out.samples.clear();
        self.give_way();
        if !self.primed {
            self.prime()?;
        }
        std::mem::swap(&mut self.decoder.out, &mut out.samples);
        let mut result = Ok(());
        for _ in 0..RECORDS_AT_ONCE {
            if self.decoder.out.len() >= max {
                break;
            }
            match self.reserve().and_then(|()| self.step(NO_LIMIT)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        std::mem::swap(&mut self.decoder.out, &mut out.samples);
        out.position = Self::pack(self.read);
        let orphans = std::mem::take(&mut self.decoder.orphans);
        self.feed.metrics.feed_orphans.inc_by(orphans);
        if let Some(entry) = self.feed.state.lock().followers.get_mut(&self.name) {
            entry.read = self.read;
            entry.newest = self.decoder.newest;
        }
        // What was read before an error is there to be sent.
        if out.samples.is_empty() { result.map(|()| false) } else { Ok(true) }
    }

    fn acknowledge(&mut self, position: u64) -> Result<()> {
        let place = Self::unpack(position);
        let mut state = self.feed.state.lock();
        let state = &mut *state;
        let Some(entry) = state.followers.get_mut(&self.name) else { return Ok(()) };
        if place > entry.place {
            state.places.put(&self.name, place, entry.cap)?;
            entry.place = place;
        }
        Ok(())
    }
}

impl Drop for LogFollower {
    fn drop(&mut self) {
        if let Some(entry) = self.feed.state.lock().followers.get_mut(&self.name) {
            entry.open = false;
            entry.read = entry.place;
        }
    }
}
