//! A file system in memory for tests: it forgets what was not synced, fails or tears at a chosen operation, and can
//! be full.

mod state;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::fs::{Entry, File, Fs, Lock, Space};
use state::State;

/// The simulator. Clones share one file system.
#[derive(Clone, Default)]
pub struct SimFs(Arc<Mutex<State>>);

impl SimFs {
    /// An empty file system without a size limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// A power failure: only synced content under synced names is left. Open handles are dead, faults are cleared.
    pub fn crash(&self) {
        self.0.lock().crash(false);
    }

    /// The process is killed: everything written is left. Open handles are dead, faults are cleared.
    pub fn kill(&self) {
        self.0.lock().crash(true);
    }

    /// Every changing operation from the `n`-th on (0: the next) fails; the first of them, if it is a write, leaves a
    /// torn half.
    pub fn fail_from(&self, n: u64) {
        let mut state = self.0.lock();
        let at = state.operations + n;
        state.fail_at = Some(at..u64::MAX);
    }

    /// Only the `n`-th changing operation from now fails (and tears).
    pub fn fail_once(&self, n: u64) {
        let mut state = self.0.lock();
        let at = state.operations + n;
        state.fail_at = Some(at..at + 1);
    }

    /// Whether a chosen failure has happened.
    pub fn failed(&self) -> bool {
        self.0.lock().failed
    }

    /// Changing operations so far.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Limits the bytes of all files; a write beyond it is cut short and fails with `StorageFull`.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.lock().capacity = bytes;
    }

    /// Bytes of all files now.
    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }

    /// All files, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        self.0.lock().files()
    }

    /// Changes a file's bytes in place, as decay would; they count as synced.
    pub fn corrupt(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        self.0.lock().corrupt(path, change);
    }
}

struct SimFile {
    fs: SimFs,
    inode: usize,
    epoch: u64,
    writable: bool,
}

struct SimLock {
    fs: SimFs,
    path: PathBuf,
    epoch: u64,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.fs.0.lock();
        if state.epoch == self.epoch {
            state.locks.remove(&self.path);
        }
    }
}

impl SimFile {
    fn writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::Error::from(io::ErrorKind::PermissionDenied)) }
    }
}

impl File for SimFile {
    fn append(&self, data: &[u8]) -> io::Result<()> {
        self.writable()?;
        self.fs.0.lock().append(self.inode, self.epoch, data)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.fs.0.lock();
        let bytes = state.content(self.inode, self.epoch)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let n = buf.len().min(bytes.len() - from);
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        self.fs.0.lock().truncate(self.inode, self.epoch, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.fs.0.lock().sync(self.inode, self.epoch)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.fs.0.lock().content(self.inode, self.epoch)?.len() as u64)
    }
}

impl SimFs {
    fn handle(&self, inode: usize, epoch: u64, writable: bool) -> Box<dyn File> {
        Box::new(SimFile { fs: self.clone(), inode, epoch, writable })
    }
}

impl Fs for SimFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut state = self.0.lock();
        let inode = state.create(path)?;
        let epoch = state.epoch;
        Ok(self.handle(inode, epoch, true))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.0.lock();
        Ok(self.handle(state.inode(path)?, state.epoch, false))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.0.lock();
        Ok(self.handle(state.inode(path)?, state.epoch, true))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.lock().rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.lock().remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.lock().remove_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.lock().create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.0.lock().list(dir)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.0.lock().names.contains_key(path))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.lock().sync_dir(dir)
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let state = self.0.lock();
        Ok(Space { total: state.capacity, available: state.capacity.saturating_sub(state.used()) })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.0.lock();
        if !state.locks.insert(path.to_owned()) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        let epoch = state.epoch;
        Ok(Box::new(SimLock { fs: self.clone(), path: path.to_owned(), epoch }))
    }
}
