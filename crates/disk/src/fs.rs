//! All file I/O passes here: the real file system, and the simulator that forgets what was not synced.

mod real;

use std::io;
use std::path::Path;

pub use real::RealFs;

/// An open file. Writes go to the end; reads are positional, so that one handle serves many threads.
pub trait File: Send + Sync {
    /// Writes all of `data` at the end. After an error any prefix of it may be there.
    fn append(&self, data: &[u8]) -> io::Result<()>;

    /// Reads at `offset` until `buf` is full or the file ends; returns how many bytes.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes the content survive a power failure. The directory entry needs [`Fs::sync_dir`].
    fn sync(&self) -> io::Result<()>;

    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the directory. Names that are not UTF-8 are not ours and never listed.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Length in bytes of a file, 0 for a directory.
    pub size: u64,
}

/// Room on the file system that holds a path, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// The whole file system.
    pub total: u64,
    /// What this process may still write.
    pub available: u64,
}

/// A lock held until dropped.
pub trait Lock: Send + Sync {}

/// The operations on files that the product needs. Object-safe; paths are absolute or relative to the process.
pub trait Fs: Send + Sync {
    /// Creates a file, or empties the one that is there, and opens it for reading and appending.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Opens a file that exists for reading and appending.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Renames a file or directory; a file at `to` is replaced, atomically.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name, where the file system can; otherwise `Unsupported`, and the caller copies.
    fn link(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and all it holds.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory and its parents; no error if it is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// What a directory holds, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Whether a file or directory is there.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Makes the names in a directory survive a power failure.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Room on the file system of `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Takes an exclusive lock on a file (created if missing), or fails with `WouldBlock` where another process has
    /// it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// Reads a whole file of at most `limit` bytes; a longer one is `InvalidData`.
pub fn read_file(fs: &dyn Fs, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = fs.open(path)?;
    let size = file.size()?;
    if size > limit {
        let text = format!("file has {size} bytes, expected at most {limit}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    read_exact_at(&*file, 0, usize::try_from(size).map_err(io::Error::other)?)
}

/// Reads exactly `len` bytes at `offset`, or fails with `UnexpectedEof`. `len` must be bounded by the caller.
pub fn read_exact_at(file: &dyn File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    if file.read_at(&mut bytes, offset)? == len {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "file is shorter than its index says"))
    }
}
