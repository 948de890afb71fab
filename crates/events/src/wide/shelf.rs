//! The records of one kind: log, memory, parts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disk::Fs;
use disk::leftovers::Leftovers;
use disk::log::{Log, Ticket};
use model::records::{Refusal, Written};
use model::{Error, Position, Records, Reservation, Result};
use parking_lot::{Condvar, Mutex, RwLock};
use tracing::warn;

use super::arena::Arena;
use super::config::{Options, Retention};
use super::metrics::Metrics;
use super::part::Part;
use super::record::{Encoder, LOG, positions_record, read};

/// The longest name of a source and the longest position.
const MAX_POSITION: usize = 64 << 10;
/// Bytes after which a log record is closed; a longer batch becomes several.
const RECORD_BYTES: usize = 16 << 20;
/// Whatever is configured: a log record holds whole rows.
const MAX_RECORD: usize = 8 << 20;
/// The names of fields and of streams of a batch, which every log record of it repeats.
const MAX_NAMES: usize = 16 << 20;

/// So many times the bytes of a flush may be in memory before writers wait, and for how long they do.
const MOST_FLUSHES: u64 = 2;
const PATIENCE: Duration = Duration::from_secs(5);

/// What a row's numbers take in a log record, at most on the average.
const ROW: usize = 16;
/// What those of a field take.
const FIELD: usize = 6;

/// What readers see.
#[derive(Default)]
pub(super) struct Visible {
    /// Since the last flush.
    pub(super) arena: Arena,
    /// What a flush took out and has not published yet.
    pub(super) frozen: Option<Arc<Arena>>,
    /// Older ones first.
    pub(super) parts: Vec<Arc<Part>>,
    reserved: Option<Reservation>,
    frozen_reserved: Option<Reservation>,
}

pub(super) struct Shelf {
    pub(super) fs: Arc<dyn Fs>,
    /// Where the parts are.
    pub(super) dir: PathBuf,
    pub(super) log: Log,
    /// Held by writers for reading from the log to the arena, by a flush for writing while it cuts both.
    epoch: RwLock<()>,
    pub(super) visible: RwLock<Visible>,
    pub(super) positions: RwLock<HashMap<String, Vec<u8>>>,
    /// The segment before which everything is in `frozen` or in parts.
    pub(super) frozen_upto: Mutex<u64>,
    /// The name given last to a part.
    pub(super) last_name: Mutex<String>,
    /// Parts that nobody reads any more and that are still there.
    pub(super) leftovers: Leftovers,
    /// Whether the last attempt to write the log failed.
    failing: AtomicBool,
    /// Writers that came too fast wait for a flush here.
    drained: (Mutex<()>, Condvar),
}

impl Shelf {
    pub(super) fn open(
        fs: &Arc<dyn Fs>,
        dir: &Path,
        options: &Options,
        metrics: &Metrics,
        now_ms: i64,
        warnings: &mut Vec<String>,
    ) -> Result<Self> {
        let parts_dir = dir.join("parts");
        disk::publish::prepare(&**fs, &parts_dir)?;
        let parts = open_parts(&**fs, &parts_dir, metrics, warnings)?;
        let upto = parts.iter().map(|p| p.log_upto).max().unwrap_or(0);
        let mut visible = Visible { parts, ..Visible::default() };
        let mut positions = HashMap::new();
        let log_options = disk::log::Options { sync: options.sync, ..disk::log::Options::new(LOG) };
        let (log, recovery) =
            Log::open(Arc::clone(fs), &dir.join("wal"), log_options, &mut |place, bytes| {
                match read(bytes) {
                    Ok(logged) => {
                        positions.extend(logged.positions);
                        let (places, streams) = (&logged.places, &logged.streams);
                        // A crash between publishing a part and cutting the log leaves both.
                        if place.segment >= upto {
                            visible.arena.add(bytes.to_vec(), places, streams, &logged.names, now_ms);
                        }
                    }
                    Err(e) => {
                        let at = place.offset;
                        warnings.push(format!("record log segment {}: record at {at}: {e}", place.segment));
                    }
                }
                Ok(())
            })?;
        warnings.extend(recovery.warnings);
        log.skip_to(upto);
        log.remove_before(upto)?;
        // What is there cannot be refused.
        visible.reserved = Some(options.budget.claim(visible.arena.bytes()));
        Ok(Self {
            fs: Arc::clone(fs),
            dir: parts_dir,
            log,
            epoch: RwLock::new(()),
            visible: RwLock::new(visible),
            positions: RwLock::new(positions),
            frozen_upto: Mutex::new(0),
            last_name: Mutex::default(),
            leftovers: Leftovers::default(),
            failing: AtomicBool::new(false),
            drained: Default::default(),
        })
    }

    pub(super) fn write(
        &self,
        records: &Records,
        positions: &[Position<'_>],
        options: &Options,
        retention: &Retention,
        now_ms: i64,
    ) -> Result<Written> {
        self.check(records, positions, options)?;
        self.log.ready()?;
        self.wait_for_room(options)?;
        if self.failing.load(Ordering::Relaxed) {
            // What is in line goes first, and nothing more is taken until it does.
            self.commit(self.log.enqueued())?;
        }
        let mut written = Written::default();
        let times: Vec<(i64, i64)> = records
            .streams()
            .iter()
            .map(|stream| window(options, retention.time_of(stream), now_ms))
            .collect();
        let streams = self.admit(records, options);
        let epoch = self.epoch.read();
        let bytes = records.text_bytes() + records.len() * ROW + records.field_count() * FIELD;
        let cost = Arena::cost(bytes, records.len(), records.streams());
        self.visible.write().reserve(cost, &options.budget)?;
        let mut encoder = Encoder::new(records);
        let mut ticket = None;
        for (at, row) in records.iter().enumerate() {
            if let Some(refusal) = refusal(&row, &streams, &times, options) {
                written.refused.push((at, refusal));
                continue;
            }
            if encoder.len() >= RECORD_BYTES {
                let full = std::mem::replace(&mut encoder, Encoder::new(records));
                ticket = Some(self.take(full, &[], now_ms)?);
            }
            encoder.row(&row);
            written.accepted += 1;
        }
        if !encoder.places.is_empty() || !positions.is_empty() {
            ticket = Some(self.take(encoder, positions, now_ms)?);
        }
        drop(epoch);
        if let Some(ticket) = ticket {
            // They stand in line for the log and are visible: nobody can say that they were not taken.
            self.commit(ticket).map_err(|e| Error {
                message: format!("{}; the records of this request may be stored all the same", e.message),
                ..e
            })?;
        }
        Ok(written)
    }

    fn commit(&self, ticket: Ticket) -> Result<()> {
        let result = self.log.commit(ticket);
        self.failing.store(result.is_err(), Ordering::Relaxed);
        result
    }

    /// Slows writers down to what flushes make room for.
    fn wait_for_room(&self, options: &Options) -> Result<()> {
        let full = || self.memory() > options.flush_bytes.saturating_mul(MOST_FLUSHES);
        if !full() {
            return Ok(());
        }
        let mut guard = self.drained.0.lock();
        // A flush that ends between the look and the wait is noticed by the next look.
        let until = Instant::now() + PATIENCE;
        while full() {
            if self.drained.1.wait_until(&mut guard, until).timed_out() && full() {
                return Err(Error::unavailable(
                    "records come faster than they can be stored; send again later",
                ));
            }
        }
        Ok(())
    }

    /// Tells writers that there is room.
    pub(super) fn drained(&self) {
        let _guard = self.drained.0.lock();
        self.drained.1.notify_all();
    }

    pub(super) fn parts(&self) -> Vec<Arc<Part>> {
        self.visible.read().parts.clone()
    }

    /// Cuts a log that has nothing but positions in many segments.
    pub(super) fn cut_positions(&self) -> Result<()> {
        let _epoch = self.epoch.write();
        {
            let visible = self.visible.read();
            if !visible.arena.is_empty() || visible.frozen.is_some() {
                return Ok(());
            }
        }
        let mut cut = self.frozen_upto.lock();
        if self.log.end().segment <= *cut + 2 {
            return Ok(());
        }
        *cut = self.rotate()?;
        self.log.sync()?;
        self.log.remove_before(*cut)
    }

    /// Begins a log segment that knows all positions.
    fn rotate(&self) -> Result<u64> {
        let upto = self.log.rotate()?;
        let positions = self.positions.read();
        if !positions.is_empty() {
            self.log.append(&positions_record(positions.iter()))?;
        }
        Ok(upto)
    }

    /// Takes what is in memory out and begins a log segment that knows all positions.
    pub(super) fn freeze(&self) -> Result<Option<Arc<Arena>>> {
        if let Some(left) = &self.visible.read().frozen {
            return Ok(Some(Arc::clone(left))); // the last flush failed: try it again
        }
        let _epoch = self.epoch.write();
        if self.visible.read().arena.is_empty() {
            return Ok(None);
        }
        let upto = self.rotate()?;
        let mut visible = self.visible.write();
        let arena = Arc::new(std::mem::take(&mut visible.arena));
        visible.frozen = Some(Arc::clone(&arena));
        visible.frozen_reserved = visible.reserved.take();
        *self.frozen_upto.lock() = upto;
        Ok(Some(arena))
    }

    /// Puts a log record in line and its rows into memory. The caller holds the epoch.
    fn take(&self, encoder: Encoder<'_>, positions: &[Position<'_>], now_ms: i64) -> Result<Ticket> {
        let (streams, names) = (encoder.streams(), encoder.names());
        let (bytes, places) = encoder.finish(positions);
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
        let visible = self.visible.read();
        visible.arena.bytes() + visible.frozen.as_ref().map_or(0, |frozen| frozen.bytes())
    }

    pub(super) fn streams_in_memory(&self) -> u64 {
        self.visible.read().arena.streams().len() as u64
    }

    pub(super) fn newest_ns(&self) -> Option<i64> {
        let visible = self.visible.read();
        let parts = visible.parts.iter().filter_map(|p| p.range()).map(|(_, newest)| newest);
        visible.arena.rows().iter().map(|r| r.time_ns).chain(parts).max()
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
    times: &[(i64, i64)],
    options: &Options,
) -> Option<Refusal> {
    let (time, (oldest, newest)) = (row.time_ns(), times[row.stream().get()]);
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
    /// What a flush took out is in a part now, if it had any rows.
    pub(super) fn published(&mut self, part: Arc<Part>) {
        self.frozen = None;
        self.frozen_reserved = None;
        self.parts.push(part);
    }

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

/// Opens every part but those that a merged one replaces; corrupt ones are set aside.
fn open_parts(
    fs: &dyn Fs,
    dir: &Path,
    metrics: &Metrics,
    warnings: &mut Vec<String>,
) -> Result<Vec<Arc<Part>>> {
    let mut parts = Vec::new();
    for entry in fs.list(dir).map_err(|e| disk::io_error("list the record parts", dir, &e))? {
        if !entry.is_dir || !entry.name.starts_with('p') {
            continue;
        }
        match Part::open(fs, dir, &entry.name) {
            Ok(part) => parts.push(Arc::new(part)),
            // Another version is no damage: say so and touch nothing.
            Err(e) if e.kind == model::ErrorKind::Conflict => return Err(e),
            Err(e) => {
                warn!("{e}; it is set aside");
                warnings.push(e.message);
                metrics.quarantined.inc();
                crate::folder::set_aside(fs, dir, &entry.name)?;
            }
        }
    }
    let replaced: Vec<String> = parts.iter().flat_map(|p| p.replaces.iter().cloned()).collect();
    for name in &replaced {
        disk::publish::remove_directory(fs, dir, name)?;
    }
    parts.retain(|p| !replaced.contains(&p.name));
    parts.sort_by_key(|p| p.rank());
    Ok(parts)
}
