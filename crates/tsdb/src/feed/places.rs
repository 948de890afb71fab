//! Where each follower stands, on a small log of its own: a place survives `kill -9` when [`Places::put`] returns, and
//! a power failure once [`Places::sync`] was called. docs/formats/feed.md draws the records.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::log::{Log, Options, Place};
use model::Result;

use crate::codec::{Corrupt, Reader, put_bytes, put_u64};

const KIND: Kind = Kind { tag: b'f', name: "places of followers", version: 1, oldest: 1 };

/// These are the places; others are unchanged.
const SOME: u8 = 1;
/// These are all places.
const ALL: u8 = 2;
/// This one is gone.
const GONE: u8 = 3;

/// The log is rewritten after this many changes.
const REWRITE: u64 = if cfg!(test) { 20 } else { 10_000 };

type Map = BTreeMap<String, (Place, u64)>;

/// Places by name, each with the follower's cap in bytes.
pub(super) struct Places {
    log: Log,
    map: Map,
    changes: u64,
    unsynced: bool,
}

impl Places {
    /// Reads the places kept in `dir`, and says what was wrong with them.
    pub(super) fn open(fs: &Arc<dyn Fs>, dir: &Path) -> Result<(Self, Vec<String>)> {
        let mut map = Map::new();
        let (mut bad, mut records) = (0u64, 0u64);
        let (log, recovery) = Log::open(Arc::clone(fs), dir, Options::new(KIND), &mut |_, record| {
            records += 1;
            bad += u64::from(apply(record, &mut map).is_err());
            Ok(())
        })?;
        let mut warnings = recovery.warnings;
        if bad > 0 {
            warnings.push(format!("places of followers: {bad} records are not readable"));
        }
        let mut places = Self { log, map, changes: 0, unsynced: false };
        if records > 1 || bad > 0 {
            places.rewrite()?;
        }
        Ok((places, warnings))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Place, u64)> {
        self.map.iter().map(|(name, (place, cap))| (name.as_str(), *place, *cap))
    }

    pub(super) fn put(&mut self, name: &str, place: Place, cap: u64) -> Result<()> {
        let mut record = vec![SOME];
        put_entry(&mut record, name, place, cap);
        self.append(&record)?;
        match self.map.get_mut(name) {
            Some(known) => *known = (place, cap),
            None => {
                self.map.insert(name.to_owned(), (place, cap));
            }
        }
        if self.changes >= REWRITE { self.rewrite() } else { Ok(()) }
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        let mut record = vec![GONE];
        put_bytes(&mut record, name.as_bytes());
        self.append(&record)?;
        self.map.remove(name);
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> Result<()> {
        self.log.append(record)?;
        self.changes += 1;
        self.unsynced = true;
        Ok(())
    }

    fn rewrite(&mut self) -> Result<()> {
        let mut record = vec![ALL];
        for (name, (place, cap)) in &self.map {
            put_entry(&mut record, name, *place, *cap);
        }
        let first = self.log.rotate()?;
        self.log.append(&record)?;
        self.log.sync()?;
        self.log.remove_before(first)?;
        (self.changes, self.unsynced) = (0, false);
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        if self.unsynced {
            self.log.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }
}

fn put_entry(out: &mut Vec<u8>, name: &str, place: Place, cap: u64) {
    put_bytes(out, name.as_bytes());
    put_u64(out, place.segment);
    put_u64(out, place.offset);
    put_u64(out, cap);
}

/// Reads any bytes as a record: for the fuzzer.
pub(crate) fn read_any(bytes: &[u8]) {
    let _ = apply(bytes, &mut Map::new());
}

fn apply(record: &[u8], map: &mut Map) -> Result<(), Corrupt> {
    let mut reader = Reader::new(record);
    match reader.u8()? {
        GONE => {
            map.remove(reader.str()?);
            return Ok(());
        }
        ALL => map.clear(),
        SOME => {}
        _ => return Err(Corrupt("unknown record")),
    }
    while !reader.is_empty() {
        let name = reader.str()?.to_owned();
        let place = Place { segment: reader.u64()?, offset: reader.u64()? };
        map.insert(name, (place, reader.u64()?));
    }
    Ok(())
}
