//! The records of one kind: log, memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::log::{Log, Ticket};
use model::records::{Refusal, Written};
use model::{Error, Position, Records, Reservation, Result};
use parking_lot::RwLock;

use super::arena::Arena;
use super::config::Options;
use super::metrics::Metrics;
use super::record::{Encoder, LOG, read};

/// The longest name of a source and the longest position.
const MAX_POSITION: usize = 64 << 10;
/// Bytes after which a log record is closed; a longer batch becomes several.
const RECORD_BYTES: usize = 16 << 20;
/// Whatever is configured: a log record holds whole rows.
const MAX_RECORD: usize = 8 << 20;
/// The names of fields and of streams of a batch, which every log record of it repeats.
const MAX_NAMES: usize = 16 << 20;

/// What readers see.
#[derive(Default)]
pub(super) struct Visible {
    /// Since the last flush.
    pub(super) arena: Arena,
    reserved: Option<Reservation>,
}

pub(super) struct Shelf {
    pub(super) log: Log,
    /// Held by writers for reading from the log to the arena, by a flush for writing while it cuts both.
    epoch: RwLock<()>,
    pub(super) visible: RwLock<Visible>,
    positions: RwLock<HashMap<String, Vec<u8>>>,
}

impl Shelf {
    pub(super) fn open(
        fs: &Arc<dyn Fs>,
        dir: &Path,
        options: &Options,
        _metrics: &Metrics,
        now_ms: i64,
        warnings: &mut Vec<String>,
    ) -> Result<Self> {
        disk::publish::prepare(&**fs, dir)?;
        let mut visible = Visible::default();
        let mut positions = HashMap::new();
        let log_options = disk::log::Options { sync: options.sync, ..disk::log::Options::new(LOG) };
        let (log, recovery) =
            Log::open(Arc::clone(fs), &dir.join("wal"), log_options, &mut |place, bytes| {
                match read(bytes) {
                    Ok(logged) => {
                        positions.extend(logged.positions);
                        let (places, streams) = (&logged.places, &logged.streams);
                        visible.arena.add(bytes.to_vec(), places, streams, &logged.names, now_ms);
                    }
                    Err(e) => {
                        let at = place.offset;
                        warnings.push(format!("record log segment {}: record at {at}: {e}", place.segment));
                    }
                }
                Ok(())
            })?;
        warnings.extend(recovery.warnings);
        // What is there cannot be refused.
        visible.reserved = Some(options.budget.claim(visible.arena.bytes()));
        Ok(Self {
            log,
            epoch: RwLock::new(()),
            visible: RwLock::new(visible),
            positions: RwLock::new(positions),
        })
    }

    pub(super) fn write(
        &self,
        records: &Records,
        positions: &[Position<'_>],
        options: &Options,
        retention_ms: i64,
        now_ms: i64,
    ) -> Result<Written> {
        self.check(records, positions, options)?;
        self.log.ready()?;
        let mut written = Written::default();
        let times = window(options, retention_ms, now_ms);
        let streams = self.admit(records, options);
        let mut encoder = Encoder::new(records);
        let mut ticket = None;
        for (at, row) in records.iter().enumerate() {
            if let Some(refusal) = refusal(&row, &streams, times, options) {
                written.refused.push((at, refusal));
                continue;
            }
            if encoder.len() >= RECORD_BYTES {
                let full = std::mem::replace(&mut encoder, Encoder::new(records));
                ticket = Some(self.take(full, options, &[], now_ms)?);
            }
            encoder.row(&row);
            written.accepted += 1;
        }
        if !encoder.places.is_empty() || !positions.is_empty() {
            ticket = Some(self.take(encoder, options, positions, now_ms)?);
        }
        if let Some(ticket) = ticket {
            self.log.commit(ticket)?;
        }
        Ok(written)
    }

    /// Puts a log record in line and its rows into memory.
    fn take(
        &self,
        encoder: Encoder<'_>,
        options: &Options,
        positions: &[Position<'_>],
        now_ms: i64,
    ) -> Result<Ticket> {
        let (streams, names) = (encoder.streams(), encoder.names());
        let (bytes, places) = encoder.finish(positions);
        let cost = Arena::cost(bytes.len(), places.len(), streams);
        let _epoch = self.epoch.read();
        self.visible.write().reserve(cost, &options.budget)?;
        let ticket = self.log.enqueue(&bytes)?;
        if !positions.is_empty() {
            let mut known = self.positions.write();
            for position in positions {
                known.insert(position.source.to_owned(), position.position.to_vec());
            }
        }
        self.visible.write().arena.add(bytes, &places, streams, names, now_ms);
        Ok(ticket)
    }

    fn check(&self, records: &Records, positions: &[Position<'_>], options: &Options) -> Result<()> {
        if positions.iter().any(|p| p.source.len() > MAX_POSITION || p.position.len() > MAX_POSITION) {
            return Err(Error::too_large("a position is longer than 64 KiB"));
        }
        let known = self.positions.read();
        let new = positions.iter().filter(|p| !known.contains_key(p.source)).count();
        if new > 0 && known.len() + new > options.max_positions {
            return Err(Error::limited("too many sources have a position"));
        }
        let names: usize = records.names().iter().map(String::len).sum();
        let streams: usize = records.streams().iter().map(|s| s.canonical().len()).sum();
        let positions: usize = positions.iter().map(|p| p.source.len() + p.position.len()).sum();
        if names + streams + positions > MAX_NAMES {
            return Err(Error::too_large(
                "the streams and names of fields of a batch are longer than 16 MiB",
            ));
        }
        Ok(())
    }

    /// Which streams of a batch may be written: those that are known, and new ones while there is room.
    fn admit(&self, records: &Records, options: &Options) -> Vec<bool> {
        let visible = self.visible.read();
        let mut count = visible.arena.streams().len();
        let admit = |stream| {
            let known = visible.arena.knows(stream);
            count += usize::from(!known);
            known || count <= options.max_streams
        };
        records.streams().iter().map(admit).collect()
    }

    pub(super) fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.positions.read().get(source).cloned()
    }

    pub(super) fn memory(&self) -> u64 {
        self.visible.read().arena.bytes()
    }

    pub(super) fn streams_in_memory(&self) -> u64 {
        self.visible.read().arena.streams().len() as u64
    }

    pub(super) fn newest_ns(&self) -> Option<i64> {
        self.visible.read().arena.rows().iter().map(|r| r.time_ns).max()
    }
}

/// The times that may be written, nanoseconds, both included.
fn window(options: &Options, retention_ms: i64, now_ms: i64) -> (i64, i64) {
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let oldest = if retention_ms > 0 { ns(now_ms.saturating_sub(retention_ms)) } else { i64::MIN };
    (oldest, ns(now_ms.saturating_add(options.max_future_ms)))
}

fn refusal(
    row: &model::records::Row<'_>,
    streams: &[bool],
    (oldest, newest): (i64, i64),
    options: &Options,
) -> Option<Refusal> {
    let time = row.time_ns();
    if time < oldest {
        return Some(Refusal::TooOld);
    }
    if time > newest {
        return Some(Refusal::TooFarInFuture);
    }
    if row.text_bytes() > options.max_record_bytes.min(MAX_RECORD) {
        return Some(Refusal::LineTooLong);
    }
    (!streams[row.stream().get()]).then_some(Refusal::TooManyStreams)
}

impl Visible {
    fn reserve(&mut self, bytes: u64, budget: &model::Budget) -> Result<()> {
        match &mut self.reserved {
            Some(held) => held.grow(bytes),
            none => {
                *none = Some(budget.reserve(bytes)?);
                Ok(())
            }
        }
    }
}
