//! What a line becomes on its way to the store: [`Lines`] is a [`RecordWriter`] around another one.
//!
//! ```text
//! receivers, tail --Records--> limits --> mask --> detect --Records--> store
//! ```
//!
//! Whatever the store sees has been masked: the message, and every text field that was sent beside it. What is found
//! in a message becomes fields of [`Origin::Detected`]; the message stays whole. Streams get a `service_name`. Lines of a stream that is over its
//! limits are refused one by one, with the reason, and counted.
//!
//! Partial lines and lines of one stack trace were joined before, by whoever reads them.

pub mod config;
pub mod detect;
mod limits;
pub mod mask;
pub mod metrics;
mod service;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock, Weak};

use model::records::{FieldRef, NO_TIME, NameIndex, Origin, Refusal, Row, StreamIndex, Written};
use model::{
    Clock, Error, EventKind, Identity, IdentityKey, Labels, Position, RecordWriter, Records, Result, Tenant,
};
use parking_lot::{Mutex, RwLock};

pub use config::Config;
use detect::{Field, Found, Level, Value, detect};
use limits::Judge;
use mask::{Key, Keys, Kind, Masker};
pub use metrics::Metrics;

/// The fewest bytes that a key of hashes has.
const KEY_LEAST: usize = 16;
/// Digits of a whole container id.
const CONTAINER_ID: usize = 64;
/// The most bytes that are read of it.
const KEY_MOST: u64 = 4096;

/// The way of log lines into the store.
pub struct Lines {
    store: Arc<dyn RecordWriter>,
    clock: Arc<dyn Clock>,
    active: RwLock<Arc<Active>>,
    metrics: Metrics,
    keys: Keys,
    rooms: Mutex<Vec<Room>>,
    identity: OnceLock<Weak<dyn Identity>>,
}

/// What a configuration became.
struct Active {
    masker: Masker,
    judge: Judge,
    detects: bool,
}

/// What one batch needs, kept for the next.
#[derive(Default)]
struct Room {
    records: Records,
    streams: Vec<StreamIndex>,
    /// What the labels of each stream say of the level.
    levels: Vec<Option<Level>>,
    verdicts: Vec<Option<Refusal>>,
    /// For each name of a field in the caller's batch, whether its values may be secrets whatever they look like.
    suspects: Vec<bool>,
    /// The same names in `records`, once one of its rows has them.
    sent: Vec<Option<NameIndex>>,
    /// The row of the caller's batch that each row of `records` was.
    rows: Vec<usize>,
    scratch: mask::Scratch,
    /// For each message of the caller's batch, whether it has an anchor of masking.
    anchored: Vec<bool>,
    /// The message, and a field, where they had to be masked.
    text: String,
    field: String,
    /// The message without lines of a key that began in a record before.
    keyless: String,
    found: Found,
    /// Names of detected fields in `records`.
    names: [Option<NameIndex>; Field::ALL.len()],
}

/// A configuration that was read and compiled: what can fail has not.
pub struct Prepared(Arc<Active>);

impl Lines {
    /// Puts this pipeline before `store`. Fails where a pattern is wrong or a key cannot be read.
    pub fn new(config: &Config, store: Arc<dyn RecordWriter>, clock: Arc<dyn Clock>) -> Result<Self> {
        let active = RwLock::new(Self::prepare(config)?.0);
        Ok(Self {
            store,
            clock,
            active,
            metrics: Metrics::default(),
            keys: Keys::default(),
            rooms: Mutex::default(),
            identity: OnceLock::new(),
        })
    }

    /// Reads what a configuration names and compiles its patterns.
    pub fn prepare(config: &Config) -> Result<Prepared> {
        let key = config.masking.key_file.as_deref().map(read_key).transpose()?;
        Ok(Prepared(Arc::new(Active {
            masker: Masker::new(&config.masking, key)?,
            judge: Judge::new(config.limits.clone()),
            detects: config.detection.enabled,
        })))
    }

    /// Takes another configuration for the batches that come.
    pub fn configure(&self, prepared: Prepared) {
        *self.active.write() = prepared.0;
    }

    /// Says who knows containers. Streams that carry a container's id or the beginning of one, as Docker's `syslog`
    /// driver sends it, and no name then get both. Held weakly: who knows containers writes their logs through here.
    pub fn identify(&self, by: Weak<dyn Identity>) {
        // Set once, at the start.
        let _ = self.identity.set(by);
    }

    fn identified<'a>(&self, labels: &'a Labels, now_ns: i64) -> Cow<'a, Labels> {
        let lacks = |id: &&str| id.len() < CONTAINER_ID || labels.get("container").is_none();
        let found = labels.get("container_id").filter(lacks).and_then(|id| {
            self.identity.get()?.upgrade()?.resolve(IdentityKey::ContainerId(id), now_ns / 1_000_000)
        });
        let Some(found) = found else { return Cow::Borrowed(labels) };
        let mut builder = labels.to_builder();
        builder.set("container_id", &*found.container_id);
        if !found.node.is_empty() {
            builder.set("node", &*found.node);
        }
        for (name, value) in [
            ("container", &found.container_name),
            ("compose_project", &found.compose_project),
            ("compose_service", &found.compose_service),
        ] {
            if labels.get(name).is_none() && !value.is_empty() {
                builder.set(name, &**value);
            }
        }
        Cow::Owned(builder.build())
    }

    /// The pipeline's figures.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn pass(
        &self,
        active: &Active,
        room: &mut Room,
        kind: EventKind,
        records: &Records,
    ) -> Vec<(usize, Refusal)> {
        let now_ns = self.clock.now_ns();
        let mut refused = Vec::new();
        for labels in records.streams() {
            let labels = &self.identified(labels, now_ns);
            room.streams.push(room.records.stream(&service::named(labels)));
            room.levels.push(level_of(labels));
            room.verdicts.push(active.judge.stream(labels));
        }
        room.suspects.extend(records.names().iter().map(|name| active.masker.suspects(name)));
        room.sent.resize(records.names().len(), None);
        let text = records.text();
        let place = |row: Row<'_>| {
            // A message is a part of the batch's text.
            let start = row.body().as_ptr() as usize - text.as_ptr() as usize;
            start..start + row.body().len()
        };
        active.masker.have_anchors(text, || records.iter().map(place), &mut room.anchored);
        let mut bytes = 0;
        for (index, row) in records.iter().enumerate() {
            let verdict = room.verdicts[row.stream().get()].or_else(|| active.judge.line(&row, now_ns));
            let verdict = verdict.or_else(|| {
                let over = active.judge.has_rate() && !active.judge.take(row.labels(), size(&row), now_ns);
                over.then_some(Refusal::Rate)
            });
            if let Some(why) = verdict {
                self.metrics.refuse(row.labels(), why, 1);
                refused.push((index, why));
                continue;
            }
            room.rows.push(index);
            bytes += row.body().len() as u64;
            self.take(active, room, kind, &row, room.anchored[index], now_ns);
        }
        self.metrics.bytes.inc_by(bytes);
        refused
    }

    fn take(
        &self,
        active: &Active,
        room: &mut Room,
        kind: EventKind,
        row: &Row<'_>,
        has_anchor: bool,
        now_ns: i64,
    ) {
        let Room {
            records,
            streams,
            levels,
            suspects,
            sent,
            scratch,
            text,
            field,
            keyless,
            found,
            names,
            ..
        } = room;
        let masker = &active.masker;
        let count = |kind| self.metrics.mask(masker.name(kind));
        text.clear();
        keyless.clear();
        let mut body = row.body();
        if self.keys.any()
            && masker.masks_keys()
            && self.keys.mask(masker, row.labels(), body, now_ns, keyless)
        {
            count(Kind::PrivateKey);
            body = keyless;
        }
        // Lines of a key that were replaced have another text.
        let has_anchor = has_anchor || !keyless.is_empty();
        let mut has_key = false;
        let each = |kind| {
            has_key |= kind == Kind::PrivateKey;
            count(kind);
        };
        let masked = if has_anchor {
            masker.mask(body, scratch, text, each)
        } else {
            masker.mask_plain(body, scratch, text, each)
        };
        if masked {
            if has_key {
                self.keys.found(row.labels(), body, now_ns);
            }
            body = text;
        }
        let time_ns = if row.time_ns() == NO_TIME { now_ns } else { row.time_ns() };
        let detects = active.detects && kind == EventKind::Log;
        let time_ns = if detects {
            found.want_time(row.time_ns() == NO_TIME);
            detect(body, now_ns, found);
            found.time_ns().filter(|_| row.time_ns() == NO_TIME).unwrap_or(time_ns)
        } else {
            time_ns
        };
        records.push(streams[row.stream().get()], time_ns, body);
        for (number, (name, origin, value)) in row.field_names().zip(row.fields()) {
            // Both lists have each name of the caller's batch.
            let (suspect, sent) = (suspects[number], &mut sent[number]);
            field.clear();
            let value = match value {
                FieldRef::Text(value) if !suspect => {
                    let masked = masker.mask(value, scratch, field, count);
                    FieldRef::Text(if masked { field.as_str() } else { value })
                }
                FieldRef::Text(value) if masker.mask_field(name, value, scratch, field, count) => {
                    FieldRef::Text(field)
                }
                FieldRef::Int(number) if suspect && masker.hides_numbers_of(name) => {
                    masker.mask_field(name, &number.to_string(), scratch, field, count);
                    FieldRef::Text(field)
                }
                other => other,
            };
            let index = *sent.get_or_insert_with(|| records.name_index(name));
            records.field_named(index, origin, value);
        }
        if detects {
            add(records, row, levels[row.stream().get()], found, names);
        }
    }
}

/// Adds what was detected and not sent. A level that was sent, by whatever name and in whatever words, is also kept in
/// ours: `level=warning` stays and is a `WARN`.
fn add(
    records: &mut Records,
    row: &Row<'_>,
    of_stream: Option<Level>,
    found: &Found,
    names: &mut [Option<NameIndex>; Field::ALL.len()],
) {
    let sent = sent_level(row).or(of_stream);
    if let Some(level) = sent {
        records.field(Field::Level.as_str(), Origin::Detected, FieldRef::Text(level.as_str()));
    }
    let sends = row.field_names().next().is_some();
    for (field, value) in found.fields() {
        let was_sent = sends && row.field(field.as_str()).is_some();
        if (field == Field::Level && sent.is_some()) || was_sent {
            continue;
        }
        let name = *names[field as usize].get_or_insert_with(|| records.name_index(field.as_str()));
        match value {
            Value::Text(text) => records.field_named(name, Origin::Detected, FieldRef::Text(text)),
            Value::Part(part) => records.field_part(name, Origin::Detected, part),
            Value::Int(int) => records.field_named(name, Origin::Detected, FieldRef::Int(int)),
            Value::Float(float) => records.field_named(name, Origin::Detected, FieldRef::Float(float)),
        }
    }
}

/// Names of the level, of fields and of labels.
const LEVELS: [&str; 8] =
    ["level", "severity_text", "severity", "log.level", "loglevel", "levelname", "lvl", "detected_level"];

/// The level that a sender told beside the message, under one of the names that senders use.
fn sent_level(row: &Row<'_>) -> Option<Level> {
    row.fields().find_map(|(name, _, value)| match (name, value) {
        ("severity_number", FieldRef::Int(number)) => Level::of_severity(number),
        (name, FieldRef::Text(text)) if LEVELS.contains(&name) => Level::parse(text),
        ("level" | "severity", FieldRef::Int(number)) => Level::of_number(number),
        _ => None,
    })
}

/// The level that the labels of a stream name.
fn level_of(stream: &Labels) -> Option<Level> {
    LEVELS.iter().find_map(|name| Level::parse(stream.get(name)?))
}

/// Bytes of a record, as they count for the rate.
fn size(row: &Row<'_>) -> usize {
    let text = |value| if let FieldRef::Text(text) = value { text.len() } else { 8 };
    row.body().len() + row.fields().map(|(name, _, value)| name.len() + text(value)).sum::<usize>()
}

impl RecordWriter for Lines {
    fn write(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        // Replacements and detected fields take room in the arena too.
        if !records.has_room(records.text_bytes().saturating_mul(3)) {
            return Err(Error::too_large("a batch of records is larger than 256 MiB; send smaller ones"));
        }
        let active = self.active.read().clone();
        let mut room = self.rooms.lock().pop().unwrap_or_default();
        let mut refused = self.pass(&active, &mut room, kind, records);
        let result = self.store.write(tenant, kind, &room.records, positions).map(|written| {
            for (row, why) in written.refused {
                let Some(&index) = room.rows.get(row) else { continue };
                if let Some(row) = records.get(index) {
                    self.metrics.refuse(row.labels(), why, 1);
                }
                refused.push((index, why));
            }
            refused.sort_unstable_by_key(|(index, _)| *index);
            self.metrics.accepted.inc_by(written.accepted as u64);
            Written { accepted: written.accepted, refused }
        });
        self.give_back(room);
        result
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.store.position(source)
    }
}

impl Lines {
    /// Keeps the memory of a batch for the next one, unless it was a large one.
    fn give_back(&self, mut room: Room) {
        const ROOMS: usize = 4;
        const LARGE: usize = 16 << 20;
        let mut rooms = self.rooms.lock();
        if rooms.len() < ROOMS && room.records.memory() < LARGE && room.text.capacity() < LARGE {
            room.records.clear();
            room.names = Default::default();
            room.streams.clear();
            room.levels.clear();
            room.verdicts.clear();
            room.suspects.clear();
            room.sent.clear();
            room.rows.clear();
            rooms.push(room);
        }
    }
}

fn read_key(path: &std::path::Path) -> Result<Key> {
    use std::io::Read;
    let wrong = |what: &str| Error::invalid(format!("the key of masking, {}: {what}", path.display()));
    let file = std::fs::File::open(path).map_err(|e| wrong(&e.to_string()))?;
    let mut bytes = Vec::new();
    file.take(KEY_MOST).read_to_end(&mut bytes).map_err(|e| wrong(&e.to_string()))?;
    let key = bytes.trim_ascii();
    if key.len() < KEY_LEAST {
        return Err(wrong("it has fewer than 16 bytes"));
    }
    Ok(Key::new(key))
}
