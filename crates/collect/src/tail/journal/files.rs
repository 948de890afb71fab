//! The files of a journal.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use wire::journal::{Bytes, Header};

/// The most files of a series that are looked at.
const FILES: usize = 2000;
/// What of a file's beginning is its header.
const HEADER: usize = 256;

/// What one writer keeps in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What its position is stored under.
    pub source: String,
    folder: PathBuf,
    /// `system`, `user-1000`.
    name: String,
}

impl Series {
    /// Whether the file that is written can be read.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn open(&self) -> io::Result<()> {
        match File::open(self.active()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The file that is written.
    pub fn active(&self) -> PathBuf {
        self.folder.join(format!("{}.journal", self.name))
    }

    pub(super) fn active_inode(&self) -> io::Result<Option<u64>> {
        match std::fs::metadata(self.active()) {
            Ok(metadata) => Ok(Some(metadata.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A file of a series.
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) header: Header,
}

/// A file as the reader wants it.
#[derive(Debug)]
pub(super) struct Source(File);

impl Source {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }
}

impl Bytes for Source {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match self.0.read_at(&mut into[read..], offset.saturating_add(read as u64)) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

/// Folders of journals below `root`: those of machines, on disk and in memory.
pub fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for parent in ["var/log/journal", "run/log/journal"] {
        let parent = root.join(parent);
        let entries = match std::fs::read_dir(&parent) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        found.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()));
    }
    found.sort();
    Ok(found)
}

/// The series of a folder.
pub fn series(folder: &Path) -> io::Result<Vec<Series>> {
    let machine = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kept = if folder.parent().is_some_and(|p| p.ends_with("run/log/journal")) { "run/" } else { "" };
    let names = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: BTreeSet<String> = names.filter_map(|name| of_series(&name).map(str::to_owned)).collect();
    let series = |name: String| Series {
        source: format!("journal:{kept}{machine}/{name}"),
        folder: folder.to_owned(),
        name,
    };
    Ok(names.into_iter().map(series).collect())
}

/// Which series a file belongs to: `system.journal`, `system@....journal`, `system@....journal~`.
fn of_series(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".journal").or_else(|| name.strip_suffix(".journal~"))?;
    let series = stem.split('@').next()?;
    (!series.is_empty()).then_some(series)
}

/// The files of a series, oldest first. What cannot be read as a journal is left out, but if nothing can it is an error.
pub(super) fn list(series: &Series) -> io::Result<Vec<Seen>> {
    let names =
        std::fs::read_dir(&series.folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| of_series(name) == Some(&series.name)).collect();
    // Names of rotated files have their first number in them: the newest come last, behind them the one that is written.
    names.sort_by_cached_key(|name| (!name.contains('@'), name.clone()));
    names.drain(..names.len().saturating_sub(FILES));
    let mut found = Vec::new();
    let mut wrong = None;
    for name in names {
        let path = series.folder.join(name);
        match seen(&path) {
            Ok(file) => found.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => wrong = Some(error),
        }
    }
    if let (true, Some(error)) = (found.is_empty(), wrong) {
        return Err(error);
    }
    // Times of entries may jump; within one sequence the numbers decide.
    found.sort_by_key(|file| file.header.head_us);
    let mut at = 0;
    while at < found.len() {
        let id = found[at].header.seqnum_id;
        let same = found[at..].iter().take_while(|file| file.header.seqnum_id == id).count();
        found[at..at + same].sort_by_key(|file| file.header.head_seqnum);
        at += same;
    }
    Ok(found)
}

fn seen(path: &Path) -> io::Result<Seen> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = [0; HEADER];
    let read = Source(file).read(0, &mut bytes)?;
    let header = Header::parse(&bytes[..read])
        .map_err(|failure| io::Error::new(io::ErrorKind::InvalidData, failure.to_string()))?;
    Ok(Seen { path: path.to_owned(), inode: metadata.ino(), size: metadata.len(), header })
}
