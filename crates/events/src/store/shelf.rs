//! The events of one kind: log, buffer, parts.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Fs;
use disk::leftovers::Leftovers;
use disk::log::Log;
use model::{Appended, Error, Event, Position, RejectReason, Rejected, Reservation, Result};
use parking_lot::{Mutex, RwLock};
use tracing::warn;

use crate::codec::{LOG, events_record, positions_record, read_record, size_of_event};
use crate::config::Options;
use crate::metrics::Metrics;
use crate::part::Part;

/// The longest name of a source and the longest position.
const MAX_POSITION: usize = 64 << 10;
/// Whatever is configured: a block of a part holds whole events.
const MAX_EVENT: usize = 8 << 20;
/// What all events of one call may take in memory: they share a log record.
const MAX_BATCH: usize = 32 << 20;

/// Events by time, and by arrival where times are equal.
pub(super) type Buffer = BTreeMap<(i64, u64), Arc<Event>>;

/// What readers see.
#[derive(Default)]
pub(super) struct Visible {
    /// Since the last flush.
    pub(super) buffer: Buffer,
    /// What a flush took out and has not published yet.
    pub(super) frozen: Option<Arc<Buffer>>,
    /// Older ones first.
    pub(super) parts: Vec<Arc<Part>>,
    arrivals: u64,
    pub(super) bytes: u64,
    pub(super) oldest_arrival_ms: i64,
    reserved: Option<Reservation>,
}

pub(super) struct Shelf {
    pub(super) fs: Arc<dyn Fs>,
    pub(super) dir: PathBuf,
    pub(super) log: Log,
    /// Held by appends for reading from the log to the buffer, by a flush for writing while it cuts both.
    pub(super) epoch: RwLock<()>,
    pub(super) visible: RwLock<Visible>,
    pub(super) positions: RwLock<HashMap<String, Vec<u8>>>,
    /// The segment before which everything is in `frozen` or in parts.
    pub(super) frozen_upto: Mutex<u64>,
    /// Parts that nobody reads any more and that are still there.
    pub(super) leftovers: Leftovers,
}

impl Shelf {
    pub(super) fn open(
        fs: &Arc<dyn Fs>,
        dir: &Path,
        options: &Options,
        metrics: &Metrics,
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
            Log::open(Arc::clone(fs), &dir.join("wal"), log_options, &mut |place, record| {
                match read_record(record) {
                    Ok(record) => {
                        positions.extend(record.positions);
                        // A crash between publishing a part and cutting the log leaves both.
                        if place.segment >= upto {
                            record.events.into_iter().for_each(|e| visible.insert(Arc::new(e), i64::MIN));
                        }
                    }
                    Err(e) => {
                        let at = place.offset;
                        warnings.push(format!("event log segment {}: record at {at}: {e}", place.segment));
                    }
                }
                Ok(())
            })?;
        warnings.extend(recovery.warnings);
        log.skip_to(upto);
        log.remove_before(upto)?;
        Ok(Self {
            fs: Arc::clone(fs),
            dir: parts_dir,
            log,
            epoch: RwLock::new(()),
            visible: RwLock::new(visible),
            positions: RwLock::new(positions),
            frozen_upto: Mutex::new(0),
            leftovers: Leftovers::default(),
        })
    }

    pub(super) fn append(
        &self,
        events: &[Event],
        position: Option<Position<'_>>,
        options: &Options,
        now_ms: i64,
    ) -> Result<Appended> {
        self.check_position(position, options)?;
        self.log.ready()?;
        let mut appended = Appended::default();
        let (mut taken, mut bytes) = (Vec::new(), 0usize);
        for (index, event) in events.iter().enumerate() {
            let size = size_of_event(event);
            if size > options.max_event_bytes.min(MAX_EVENT) || bytes + size > MAX_BATCH {
                appended.rejected.push(Rejected { index, reason: RejectReason::Limit });
            } else {
                bytes += size;
                taken.push(event);
            }
        }
        appended.accepted = taken.len();
        if taken.is_empty() && position.is_none() {
            return Ok(appended);
        }
        self.visible.write().reserve(bytes as u64, &options.budget)?;
        let ticket = {
            let _epoch = self.epoch.read();
            let ticket = self.log.enqueue(&events_record(&taken, position))?;
            if let Some(position) = position {
                self.positions.write().insert(position.source.to_owned(), position.position.to_vec());
            }
            let mut visible = self.visible.write();
            taken.into_iter().for_each(|event| visible.insert(Arc::new(event.clone()), now_ms));
            ticket
        };
        self.log.commit(ticket)?;
        Ok(appended)
    }

    fn check_position(&self, position: Option<Position<'_>>, options: &Options) -> Result<()> {
        let Some(position) = position else { return Ok(()) };
        if position.source.len() > MAX_POSITION || position.position.len() > MAX_POSITION {
            return Err(Error::too_large("a position is longer than 64 KiB"));
        }
        let positions = self.positions.read();
        if positions.len() >= options.max_positions && !positions.contains_key(position.source) {
            return Err(Error::limited("too many sources have a position"));
        }
        Ok(())
    }

    pub(super) fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.positions.read().get(source).cloned()
    }

    pub(super) fn parts(&self) -> Vec<Arc<Part>> {
        self.visible.read().parts.clone()
    }

    /// Takes the buffer out and begins a log segment that knows all positions.
    pub(super) fn freeze(&self) -> Result<Option<Arc<Buffer>>> {
        if let Some(left) = &self.visible.read().frozen {
            return Ok(Some(Arc::clone(left))); // the last flush failed: try it again
        }
        let _epoch = self.epoch.write();
        let upto = self.log.rotate()?;
        let positions = self.positions.read();
        if !positions.is_empty() {
            self.log.append(&positions_record(positions.iter()))?;
        }
        let mut visible = self.visible.write();
        if visible.buffer.is_empty() {
            return Ok(None);
        }
        let buffer = Arc::new(std::mem::take(&mut visible.buffer));
        visible.bytes = 0;
        visible.frozen = Some(Arc::clone(&buffer));
        *self.frozen_upto.lock() = upto;
        Ok(Some(buffer))
    }
}

impl Visible {
    fn insert(&mut self, event: Arc<Event>, now_ms: i64) {
        if self.buffer.is_empty() {
            self.oldest_arrival_ms = now_ms;
        }
        self.bytes += size_of_event(&event) as u64;
        self.arrivals += 1;
        self.buffer.insert((event.time_ns, self.arrivals), event);
    }

    fn reserve(&mut self, bytes: u64, budget: &model::Budget) -> Result<()> {
        match &mut self.reserved {
            Some(held) if held.bytes() >= self.bytes + bytes => Ok(()),
            Some(held) => held.grow(bytes),
            none => {
                *none = Some(budget.reserve(bytes)?);
                Ok(())
            }
        }
    }

    /// What a flush took out is in a part now.
    pub(super) fn published(&mut self, part: Arc<Part>) {
        self.frozen = None;
        self.parts.push(part);
        if self.buffer.is_empty() {
            self.reserved = None;
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
    for entry in fs.list(dir).map_err(|e| disk::io_error("list the event parts", dir, &e))? {
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
    Ok(parts)
}
