//! Records in memory: the bytes of log records, and a list of rows in the order in which they came.

use std::collections::HashMap;
use std::sync::Arc;

use disk::varint::Corrupt;
use model::{Labels, Order};

use super::record::{Content, Place, content};

/// The bytes of one log record.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Numbers of the log record's names among those of the arena.
    names: Vec<u32>,
}

/// A row of an arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) time_ns: i64,
    pub(super) stream: u32,
    chunk: u32,
    at: u32,
}

/// What memory holds since the last flush.
#[derive(Default)]
pub(super) struct Arena {
    chunks: Vec<Arc<Chunk>>,
    rows: Vec<Row>,
    streams: Vec<Labels>,
    known: HashMap<Labels, u32>,
    names: Vec<Arc<str>>,
    known_names: HashMap<Arc<str>, u32>,
    bytes: u64,
    /// When the first row came, ms.
    pub(super) since_ms: i64,
}

/// What a row costs beside its bytes.
const ROW: u64 = size_of::<Row>() as u64;
const CHUNK: u64 = 64;
const STREAM: u64 = 128;

impl Arena {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Roughly what it takes in memory.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn streams(&self) -> &[Labels] {
        &self.streams
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    pub(super) fn knows(&self, stream: &Labels) -> bool {
        self.known.contains_key(stream)
    }

    /// What adding so much will take.
    pub(super) fn cost(bytes: usize, rows: usize, streams: &[Labels]) -> u64 {
        let streams: u64 = streams.iter().map(|s| s.canonical().len() as u64 + STREAM).sum();
        bytes as u64 + rows as u64 * ROW + CHUNK + streams
    }

    /// Takes the rows of a log record.
    pub(super) fn add(
        &mut self,
        bytes: Vec<u8>,
        places: &[Place],
        streams: &[Labels],
        names: &[String],
        now_ms: i64,
    ) {
        if places.is_empty() {
            return;
        }
        if self.rows.is_empty() {
            self.since_ms = now_ms;
        }
        self.bytes += Self::cost(bytes.len(), places.len(), &[]);
        let mut numbers: Vec<Option<u32>> = vec![None; streams.len()];
        let names = names.iter().map(|n| self.name(n)).collect();
        let chunk = self.chunks.len() as u32;
        self.rows.reserve(places.len());
        for place in places {
            // A place names one of the streams: the encoder and the reader of log records see to it.
            let at = place.stream as usize;
            let stream = match numbers[at] {
                Some(number) => number,
                None => *numbers[at].insert(self.stream(&streams[at])),
            };
            self.rows.push(Row { time_ns: place.time_ns, stream, chunk, at: place.at });
        }
        self.chunks.push(Arc::new(Chunk { bytes, names }));
    }

    fn stream(&mut self, labels: &Labels) -> u32 {
        if let Some(&number) = self.known.get(labels) {
            return number;
        }
        let number = self.streams.len() as u32;
        self.bytes += labels.canonical().len() as u64 + STREAM;
        self.streams.push(labels.clone());
        self.known.insert(labels.clone(), number);
        number
    }

    fn name(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.known_names.get(name) {
            return number;
        }
        let (number, name) = (self.names.len() as u32, Arc::<str>::from(name));
        self.bytes += name.len() as u64 + STREAM;
        self.names.push(Arc::clone(&name));
        self.known_names.insert(name, number);
        number
    }

    /// A row's message and fields, and what the numbers of its names mean.
    pub(super) fn content(&self, row: &Row) -> Result<(Content<'_>, &[u32]), Corrupt> {
        let chunk = &self.chunks[row.chunk as usize];
        Ok((content(&chunk.bytes, row.at)?, &chunk.names))
    }

    /// Which of the streams that `wanted` names by number have rows between two times.
    pub(super) fn streams_between(
        &self,
        wanted: &[bool],
        start_ns: i64,
        end_ns: i64,
    ) -> impl Iterator<Item = &Labels> {
        let mut there = vec![false; self.streams.len()];
        for row in self.rows.iter().filter(|row| (start_ns..=end_ns).contains(&row.time_ns)) {
            there[row.stream as usize] = wanted[row.stream as usize];
        }
        self.streams.iter().zip(there).filter(|(_, there)| *there).map(|(stream, _)| stream)
    }

    /// The rows between two times of the streams that `wanted` names by number, in the order in which they came.
    pub(super) fn select(&self, wanted: &[bool], start_ns: i64, end_ns: i64) -> Picked {
        let mut picked = Picked {
            chunks: Vec::new(),
            rows: Vec::new(),
            streams: self.streams.clone(),
            names: self.names.clone(),
        };
        let mut last = None;
        for row in &self.rows {
            if row.time_ns < start_ns || row.time_ns > end_ns || !wanted[row.stream as usize] {
                continue;
            }
            if last != Some(row.chunk) {
                last = Some(row.chunk);
                picked.chunks.push(Arc::clone(&self.chunks[row.chunk as usize]));
            }
            picked.rows.push(Row { chunk: (picked.chunks.len() - 1) as u32, ..*row });
        }
        picked
    }
}

/// Some rows of an arena, and what is needed to read them without it.
pub(super) struct Picked {
    chunks: Vec<Arc<Chunk>>,
    pub(super) rows: Vec<Row>,
    pub(super) streams: Vec<Labels>,
    pub(super) names: Vec<Arc<str>>,
}

impl Picked {
    /// Forgets rows that `count` others come before, in order of time.
    pub(super) fn keep_first(&mut self, count: usize, order: Order) {
        if count == 0 || count >= self.rows.len() {
            return;
        }
        let mut times: Vec<i64> = self.rows.iter().map(|row| row.time_ns).collect();
        match order {
            Order::Ascending => {
                let last = *times.select_nth_unstable(count - 1).1;
                self.rows.retain(|row| row.time_ns <= last);
            }
            Order::Descending => {
                let at = times.len() - count;
                let last = *times.select_nth_unstable(at).1;
                self.rows.retain(|row| row.time_ns >= last);
            }
        }
    }

    /// As [`Arena::content`].
    pub(super) fn content(&self, row: &Row) -> Result<(Content<'_>, &[u32]), Corrupt> {
        let chunk = &self.chunks[row.chunk as usize];
        Ok((content(&chunk.bytes, row.at)?, &chunk.names))
    }

    /// Roughly what the list takes in memory; what it refers to is counted where it is kept.
    pub(super) fn bytes(&self) -> u64 {
        self.rows.len() as u64 * ROW + self.chunks.len() as u64 * 8 + self.streams.len() as u64 * 16
    }
}
