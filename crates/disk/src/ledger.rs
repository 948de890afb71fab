//! Small typed ledgers: a map of keys to JSON values that is kept whole in memory and survives on a [`Log`]. For
//! silences, notification state and the like: thousands of entries, not millions.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::{Error, Result};
use parking_lot::{Mutex, RwLock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fs::Fs;
use crate::header::Kind;
use crate::log::{Log, MAX_RECORD, Options, Recovery, SyncPolicy};

/// A ledger's log is rewritten when it holds this many times more changes than there are entries.
const GARBAGE_FACTOR: u64 = 4;
/// ... and at least this many.
const GARBAGE_MIN: u64 = if cfg!(test) { 50 } else { 1_000 };

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change<V> {
    /// The entry is now this.
    Put(String, V),
    /// The entry is gone.
    Remove(String),
    /// What came before is void: these are the entries. One record, so that a crash leaves all of it or nothing.
    All(BTreeMap<String, V>),
}

/// A durable map. Every change is on disk, synced, when the call returns.
pub struct Ledger<V> {
    log: Log,
    entries: RwLock<BTreeMap<String, V>>,
    /// Changes in the log; also the lock that orders log and map.
    changes: Mutex<u64>,
    max_entries: usize,
}

impl<V: Clone + Serialize + DeserializeOwned + Send + Sync> Ledger<V> {
    /// Opens the ledger in `dir`, which may hold at most `max_entries`.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, kind: Kind, max_entries: usize) -> Result<(Self, Recovery)> {
        let mut entries = BTreeMap::new();
        let mut changes = 0;
        let options = Options { sync: SyncPolicy::Batch, segment_bytes: 4 << 20, ..Options::new(kind) };
        let (log, recovery) = Log::open(fs, dir, options, &mut |_, record| {
            changes += 1;
            match serde_json::from_slice(record) {
                Ok(Change::Put(key, value)) => {
                    entries.insert(key, value);
                }
                Ok(Change::Remove(key)) => {
                    entries.remove(&key);
                }
                Ok(Change::All(all)) => entries = all,
                Err(e) => {
                    let name = kind.name;
                    return Err(Error::invalid(format_args!(
                        "{name}: record {changes} is not readable: {e}"
                    )));
                }
            }
            Ok(())
        })?;
        let ledger = Self { log, entries: RwLock::new(entries), changes: Mutex::new(changes), max_entries };
        Ok((ledger, recovery))
    }

    /// Sets an entry.
    pub fn put(&self, key: &str, value: V) -> Result<()> {
        let mut changes = self.changes.lock();
        if self.entries.read().len() >= self.max_entries && !self.entries.read().contains_key(key) {
            return Err(Error::limited(format_args!("the ledger is full ({} entries)", self.max_entries)));
        }
        self.log.append(&encode(&Change::Put(key.to_owned(), &value))?)?;
        self.entries.write().insert(key.to_owned(), value);
        *changes += 1;
        self.compact(&mut changes)
    }

    /// Removes an entry; whether it was there.
    pub fn remove(&self, key: &str) -> Result<bool> {
        let mut changes = self.changes.lock();
        if !self.entries.read().contains_key(key) {
            return Ok(false);
        }
        self.log.append(&encode(&Change::<V>::Remove(key.to_owned()))?)?;
        self.entries.write().remove(key);
        *changes += 1;
        self.compact(&mut changes)?;
        Ok(true)
    }

    /// Sets many entries with one write; where one does not fit, none is set.
    pub fn put_all(&self, puts: Vec<(String, V)>) -> Result<()> {
        if puts.is_empty() {
            return Ok(());
        }
        let mut changes = self.changes.lock();
        let new = puts.iter().filter(|(key, _)| !self.entries.read().contains_key(key)).count();
        if self.entries.read().len() + new > self.max_entries {
            return Err(Error::limited(format_args!("the ledger is full ({} entries)", self.max_entries)));
        }
        self.log.ready()?;
        let records = puts.iter().map(|(key, value)| encode(&Change::Put(key.clone(), value)));
        for record in records.collect::<Result<Vec<_>>>()? {
            self.log.enqueue(&record)?;
        }
        self.log.commit(self.log.enqueued())?;
        *changes += puts.len() as u64;
        self.entries.write().extend(puts);
        self.compact(&mut changes)
    }

    /// Removes the entries that `goes` accepts, with one write; how many there were.
    pub fn remove_if(&self, mut goes: impl FnMut(&str, &V) -> bool) -> Result<usize> {
        let mut changes = self.changes.lock();
        let keys: Vec<String> =
            self.entries.read().iter().filter(|(k, v)| goes(k, v)).map(|(k, _)| k.clone()).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        self.log.ready()?;
        for key in &keys {
            self.log.enqueue(&encode(&Change::<V>::Remove(key.clone()))?)?;
        }
        self.log.commit(self.log.enqueued())?;
        let mut entries = self.entries.write();
        for key in &keys {
            entries.remove(key);
        }
        drop(entries);
        *changes += keys.len() as u64;
        self.compact(&mut changes)?;
        Ok(keys.len())
    }

    /// What `look` makes of an entry where it lies.
    pub fn with<R>(&self, key: &str, look: impl FnOnce(Option<&V>) -> R) -> R {
        look(self.entries.read().get(key))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.read().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.read().is_empty()
    }

    /// An entry.
    pub fn get(&self, key: &str) -> Option<V> {
        self.entries.read().get(key).cloned()
    }

    /// All entries, by key.
    pub fn entries(&self) -> Vec<(String, V)> {
        self.entries.read().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// Writes all entries to a new ledger in `dir`, synced but for the name of `dir`.
    pub fn copy_to(&self, fs: Arc<dyn Fs>, dir: &Path, kind: Kind) -> Result<()> {
        let options = Options { sync: SyncPolicy::Interval, ..Options::new(kind) };
        let (log, _) = Log::open(fs, dir, options, &mut |_, _| Ok(()))?;
        let _no_change = self.changes.lock();
        for (key, value) in self.entries.read().iter() {
            log.append(&encode(&Change::Put(key.clone(), value))?)?;
        }
        log.sync()
    }

    /// Writes the live entries to a fresh segment once most of the log is history, then drops the older ones.
    fn compact(&self, changes: &mut u64) -> Result<()> {
        let entries = self.entries.read();
        let live = entries.len() as u64;
        if *changes < GARBAGE_MIN || *changes / GARBAGE_FACTOR < live {
            return Ok(());
        }
        let all = serde_json::to_vec(&AllRef::All(&entries))
            .map_err(|e| Error::internal("ledger entries cannot be written").with_detail(e))?;
        if all.len() > MAX_RECORD {
            return Ok(());
        }
        let first = self.log.rotate()?;
        self.log.append(&all)?;
        self.log.remove_before(first)?;
        *changes = 1;
        Ok(())
    }
}

/// [`Change::All`] without a copy of the entries.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum AllRef<'a, V> {
    All(&'a BTreeMap<String, V>),
}

fn encode<V: Serialize>(change: &Change<V>) -> Result<Vec<u8>> {
    serde_json::to_vec(change).map_err(|e| Error::internal("ledger entry cannot be written").with_detail(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimFs;

    const KIND: Kind = Kind { tag: b'l', name: "test ledger", version: 1, oldest: 1 };

    fn open(fs: &SimFs) -> Ledger<u32> {
        Ledger::open(Arc::new(fs.clone()), Path::new("/l"), KIND, 10).unwrap().0
    }

    #[test]
    fn changes_survive_a_power_failure_and_compaction() {
        let fs = SimFs::new();
        let ledger = open(&fs);
        for i in 0..3_000u32 {
            ledger.put(&format!("k{}", i % 10), i).unwrap();
        }
        assert!(ledger.remove("k3").unwrap());
        assert!(!ledger.remove("k3").unwrap());
        let before = ledger.entries();
        assert_eq!((before.len(), ledger.get("k9")), (9, Some(2_999)));
        assert!(ledger.log.bytes().unwrap() < 60_000, "history is dropped");
        drop(ledger);
        fs.crash();
        assert_eq!(open(&fs).entries(), before);
    }

    #[test]
    fn many_changes_are_one_write() {
        let fs = SimFs::new();
        let ledger = open(&fs);
        ledger.put("0", 0).unwrap();
        let before = fs.operations();
        ledger.put_all((0..9).map(|i| (i.to_string(), i)).collect()).unwrap();
        assert!(fs.operations() - before <= 2, "one write, not nine");
        assert_eq!(ledger.remove_if(|_, v| v % 2 == 1).unwrap(), 4);
        assert_eq!(ledger.remove_if(|_, v| v % 2 == 1).unwrap(), 0);
        let too_many = (20..30).map(|i| (i.to_string(), i)).collect();
        assert_eq!(ledger.put_all(too_many).unwrap_err().kind, model::ErrorKind::Limited);
        drop(ledger);
        fs.crash();
        let ledger = open(&fs);
        assert_eq!(ledger.entries().iter().map(|(_, v)| *v).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!((ledger.len(), ledger.with("4", |v| v.copied())), (5, Some(4)));
    }

    #[test]
    fn a_copy_has_what_is_there() {
        let fs = SimFs::new();
        let ledger = open(&fs);
        ledger.put("a", 1).unwrap();
        ledger.put("b", 2).unwrap();
        ledger.remove("a").unwrap();
        ledger.copy_to(Arc::new(fs.clone()), Path::new("/copy"), KIND).unwrap();
        ledger.put("c", 3).unwrap();
        let copy = Ledger::<u32>::open(Arc::new(fs), Path::new("/copy"), KIND, 10).unwrap().0;
        assert_eq!(copy.entries(), [("b".to_owned(), 2)]);
    }

    #[test]
    fn a_full_ledger_refuses_new_keys_but_changes_old_ones() {
        let ledger = open(&SimFs::new());
        for i in 0..10 {
            ledger.put(&i.to_string(), i).unwrap();
        }
        assert_eq!(ledger.put("new", 1).unwrap_err().kind, model::ErrorKind::Limited);
        ledger.put("9", 99).unwrap();
    }

    #[test]
    fn a_flipped_bit_anywhere_costs_one_change_and_is_reported() {
        let build = || {
            let fs = SimFs::new();
            let ledger = open(&fs);
            (0..8).for_each(|i| ledger.put(&i.to_string(), i).unwrap());
            drop(ledger);
            fs.kill();
            fs
        };
        let path = build().files().remove(0);
        let size = crate::fs::read_file(&build(), &path, 1 << 20).unwrap().len();
        for bit in (0..size * 8).step_by(3) {
            let fs = build();
            fs.corrupt(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let (ledger, recovery) = Ledger::<u32>::open(Arc::new(fs), Path::new("/l"), KIND, 10).unwrap();
            assert_eq!(recovery.warnings.len(), 1, "bit {bit}");
            let entries = ledger.entries();
            assert!(
                entries.len() >= 7 && entries.iter().all(|(k, v)| *k == v.to_string()),
                "bit {bit}: {entries:?}"
            );
        }
    }

    #[test]
    fn a_crash_at_any_operation_loses_nothing_that_was_acknowledged() {
        for at in 0.. {
            let fs = SimFs::new();
            let mut acknowledged = BTreeMap::new();
            fs.fail_from(at);
            if let Ok((ledger, _)) = Ledger::<u32>::open(Arc::new(fs.clone()), Path::new("/l"), KIND, 10) {
                for i in 0..60 {
                    let key = format!("k{}", i % 3);
                    if ledger.put(&key, i).is_err() {
                        break;
                    }
                    acknowledged.insert(key, i);
                }
            }
            let survived = !fs.failed();
            fs.crash();
            let after: BTreeMap<_, _> = open(&fs).entries().into_iter().collect();
            for (key, value) in &acknowledged {
                assert!(after[key] >= *value, "{key} after failure at operation {at}");
            }
            if survived {
                break;
            }
        }
    }
}
