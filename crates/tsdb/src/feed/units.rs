//! Segments that were cut off the log and are kept: one directory a cut, named by the first segment that stayed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::log::{Place, segment_name, segments};
use disk::{Fs, publish};
use model::{Error, Result};

struct Segment {
    number: u64,
    path: PathBuf,
    bytes: u64,
}

/// All units, by their cut: a unit's segments are before it.
pub(super) struct Units {
    home: PathBuf,
    units: BTreeMap<u64, Vec<Segment>>,
}

fn io(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::unavailable(format_args!("storage: cannot {what}"))
        .with_detail(format_args!("{}: {error}", path.display()))
}

/// Bytes of a segment after a place.
pub(super) fn bytes_after(place: Place, number: u64, bytes: u64) -> u64 {
    match number.cmp(&place.segment) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => bytes.saturating_sub(place.offset),
        std::cmp::Ordering::Greater => bytes,
    }
}

impl Units {
    /// Reads the directory and finishes a cut of the log in `wal` that was interrupted.
    pub(super) fn open(fs: &Arc<dyn Fs>, home: &Path, wal: &Path) -> Result<Self> {
        publish::prepare(&**fs, home)?;
        let mut found = Self { home: home.to_owned(), units: BTreeMap::new() };
        let entries = fs.list(home).map_err(|e| io("list the kept log", home, &e))?;
        for cut in entries.iter().filter(|e| e.is_dir).filter_map(|e| e.name.parse::<u64>().ok()) {
            found.read(&**fs, cut)?;
        }
        let there = fs.exists(wal).map_err(|e| io("look at the log", wal, &e))?;
        if let Some(cut) = found.units.keys().next_back().copied()
            && there
        {
            found.keep(&**fs, wal, cut)?;
        }
        Ok(found)
    }

    fn path(&self, cut: u64) -> PathBuf {
        self.home.join(format!("{cut:010}"))
    }

    fn read(&mut self, fs: &dyn Fs, cut: u64) -> Result<()> {
        let dir = self.path(cut);
        let segments = segments(fs, &dir)?.into_iter();
        let segment =
            |(number, name, bytes): (u64, String, u64)| Segment { number, path: dir.join(name), bytes };
        self.units.insert(cut, segments.map(segment).collect());
        Ok(())
    }

    /// Moves the segments before `cut` out of the log. The directory comes first: once it is there, what is left of
    /// them in the log is moved at the next start.
    pub(super) fn keep(&mut self, fs: &dyn Fs, wal: &Path, cut: u64) -> Result<()> {
        let dir = self.path(cut);
        fs.create_dir(&dir).map_err(|e| io("create a directory", &dir, &e))?;
        fs.sync_dir(&self.home).map_err(|e| io("sync a directory", &self.home, &e))?;
        let moved: Vec<_> = segments(fs, wal)?.into_iter().filter(|(number, ..)| *number < cut).collect();
        for (number, name, _) in &moved {
            let (from, to) = (wal.join(name), dir.join(segment_name(*number)));
            fs.rename(&from, &to).map_err(|e| io("move a log segment", &from, &e))?;
        }
        if !moved.is_empty() {
            fs.sync_dir(&dir).map_err(|e| io("sync a directory", &dir, &e))?;
            fs.sync_dir(wal).map_err(|e| io("sync a directory", wal, &e))?;
        }
        self.read(fs, cut)
    }

    /// Removes the units before `oldest` (all where there is no place).
    pub(super) fn release(&mut self, fs: &dyn Fs, oldest: Option<Place>) -> Result<()> {
        while let Some((cut, unit)) = self.units.first_key_value() {
            let needed = |s: &Segment| oldest.is_some_and(|place| bytes_after(place, s.number, s.bytes) > 0);
            if unit.iter().any(needed) {
                break;
            }
            let cut = *cut;
            publish::remove_directory(fs, &self.home, &format!("{cut:010}"))?;
            self.units.remove(&cut);
        }
        Ok(())
    }

    /// Every kept segment with its file, in order.
    pub(super) fn segments(&self) -> impl Iterator<Item = (u64, &Path)> {
        self.units.values().flatten().map(|s| (s.number, &*s.path))
    }

    pub(super) fn first_segment(&self) -> Option<u64> {
        self.segments().next().map(|(number, _)| number)
    }

    pub(super) fn cuts(&self) -> impl Iterator<Item = u64> + '_ {
        self.units.keys().copied()
    }

    pub(super) fn last_cut(&self) -> Option<u64> {
        self.cuts().last()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.units.values().flatten().map(|s| s.bytes).sum()
    }

    /// Bytes after a place.
    pub(super) fn bytes_from(&self, place: Place) -> u64 {
        self.units.values().flatten().map(|s| bytes_after(place, s.number, s.bytes)).sum()
    }

    /// Bytes between two places.
    pub(super) fn bytes_between(&self, from: Place, to: Place) -> u64 {
        self.bytes_from(from).saturating_sub(self.bytes_from(to))
    }

    /// The cut of the oldest unit that has something after `place`.
    pub(super) fn oldest_from(&self, place: Place) -> Option<u64> {
        let after = |unit: &[Segment]| unit.iter().any(|s| bytes_after(place, s.number, s.bytes) > 0);
        self.units.iter().find(|(_, unit)| after(unit)).map(|(cut, _)| *cut)
    }
}
