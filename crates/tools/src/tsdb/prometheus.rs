//! The data directory of a Prometheus, read only.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use wire::prometheus_block::{Block, ChunkFile, Index, Meta, ReadAt, Tombstones, is_ulid};

use crate::Failed;

/// Descriptions and tombstones larger than this are damage.
const MAX_SMALL_FILE: u64 = 256 << 20;

/// A file of a block.
pub(crate) struct OnDisk {
    file: File,
    size: u64,
}

impl OnDisk {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }
}

/// A block that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) meta: Meta,
    /// Bytes of all its files.
    pub(crate) bytes: u64,
}

impl Found {
    /// Opens it. `damage` hears which files cannot be read; without an index there is nothing to read at all.
    pub(crate) fn open(&self, damage: &mut dyn FnMut(String)) -> Option<Block<OnDisk>> {
        let name = self.meta.ulid.as_str();
        let index = OnDisk::open(&self.path.join("index")).map_err(|e| format!("block {name}: index: {e}"));
        let index = match index.and_then(|f| Index::new(f).map_err(|e| format!("block {name}: {e}"))) {
            Ok(index) => index,
            Err(what) => {
                damage(what);
                return None;
            }
        };
        let mut files = Vec::new();
        for path in chunk_files(&self.path) {
            let number = files.len() + 1;
            let file = OnDisk::open(&path).map_err(|e| e.to_string());
            match file.and_then(|f| ChunkFile::new(f).map_err(|e| e.to_string())) {
                Ok(file) => files.push(Some(file)),
                Err(what) => {
                    damage(format!("block {name}: chunks/{number:06}: {what}"));
                    files.push(None);
                }
            }
        }
        let path = self.path.join("tombstones");
        let tombstones = match small_file(&path) {
            Ok(bytes) => Tombstones::read(&bytes).map_err(|e| e.to_string()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Tombstones::default()),
            Err(e) => Err(e.to_string()),
        };
        let tombstones = tombstones.unwrap_or_else(|what| {
            damage(format!("block {name}: tombstones: {what}; what was deleted there comes back"));
            Tombstones::default()
        });
        Some(Block::new(index, files, tombstones))
    }
}

fn small_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = OnDisk::open(path)?;
    if file.size > MAX_SMALL_FILE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 256 MiB"));
    }
    let mut bytes = vec![0; file.size as usize];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// `chunks/000001` ... in their order: they are numbered without gaps.
fn chunk_files(block: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = block.join("chunks");
    (1..).map(move |n| folder.join(format!("{n:06}"))).take_while(|path| path.exists())
}

fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size_of(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The blocks in `dir` by time. Blocks that another one replaces, and folders that are being written or removed, are left
/// out, as Prometheus does. `damage` hears of descriptions that cannot be read.
pub(crate) fn blocks(dir: &Path, damage: &mut dyn FnMut(String)) -> Result<Vec<Found>, Failed> {
    let entries = std::fs::read_dir(dir)
        .map_err(|e| Failed::new(format_args!("opening the db dir: {}: {e}", dir.display())))?;
    let mut found: Vec<Found> = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned).filter(|name| is_ulid(name)) else {
            continue;
        };
        let path = entry.path();
        let meta = small_file(&path.join("meta.json")).map_err(|e| format!("meta.json: {e}"));
        match meta.and_then(|json| Meta::read(&json).map_err(|e| e.to_string())) {
            Ok(meta) => found.push(Found { bytes: size_of(&path), path, meta }),
            Err(what) => damage(format!("block {name}: {what}")),
        }
    }
    let parents: Vec<String> =
        found.iter().flat_map(|b| b.meta.compaction.parents.iter().map(|p| p.ulid.clone())).collect();
    found.retain(|b| !parents.contains(&b.meta.ulid) && !b.meta.compaction.deletable);
    found.sort_by(|a, b| (a.meta.min_time, &a.meta.ulid).cmp(&(b.meta.min_time, &b.meta.ulid)));
    Ok(found)
}

/// What a Prometheus left in a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// How many blocks there are.
    pub blocks: usize,
    /// The first millisecond of them, 0 without blocks.
    pub min_time: i64,
    /// The millisecond after the last.
    pub max_time: i64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether there is a write-ahead log too.
    pub log: bool,
}

/// Looks whether `dir` is, or is also, the data directory of a Prometheus. Nothing in it is touched.
pub fn foreign(dir: &Path) -> Option<Foreign> {
    let found = blocks(dir, &mut |_| {}).ok()?;
    let log = super::head::log_files(dir).is_ok_and(|files| !files.is_empty());
    if found.is_empty() && !log {
        return None;
    }
    Some(Foreign {
        blocks: found.len(),
        min_time: found.iter().map(|b| b.meta.min_time).min().unwrap_or(0),
        max_time: found.iter().map(|b| b.meta.max_time).max().unwrap_or(0),
        bytes: found.iter().map(|b| b.bytes).sum(),
        log,
    })
}
