//! A file system in memory for tests: it forgets what was not synced (all of it, or any part, in any order), fails or
//! tears at a chosen operation, and can be full, read-only or slow.

mod random;
mod state;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::fs::{Entry, File, Fs, Lock, Space};
pub use random::Random;
use state::{Left, State};

/// The simulator. Clones share one file system.
#[derive(Clone, Default)]
pub struct SimFs(Arc<Mutex<State>>, Arc<Gate>);

/// Where syncs wait.
#[derive(Default)]
struct Gate {
    /// Whether it is closed, and how many wait.
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock();
        if state.0 {
            state.1 += 1;
            self.changed.notify_all();
            self.changed.wait_while(&mut state, |state| state.0);
            state.1 -= 1;
        }
    }
}

impl SimFs {
    /// An empty file system without a size limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// A power failure: only synced content under synced names is left. Open handles are dead, faults are cleared.
    pub fn crash(&self) {
        self.0.lock().crash(Left::Nothing);
    }

    /// A power failure that leaves, beside what was synced, some of what was not: changes of names in their order or in
    /// any, contents whole, in part, or with zeros for sectors that were not written.
    pub fn crash_leaving_some(&self, random: &mut Random) {
        self.0.lock().crash(Left::Some(random));
    }

    /// The process is killed: everything written is left. Open handles are dead, faults are cleared.
    pub fn kill(&self) {
        self.0.lock().crash(Left::Everything);
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
        self.0.lock().failed.is_some()
    }

    /// Which operation that was.
    pub fn failure(&self) -> Option<String> {
        self.0.lock().failed.clone()
    }

    /// Whether changes are refused, as on a file system that was mounted read-only.
    pub fn set_read_only(&self, read_only: bool) {
        self.0.lock().read_only = read_only;
    }

    /// From here on syncs of files do not return until [`SimFs::release_syncs`].
    pub fn hold_syncs(&self) {
        self.1.state.lock().0 = true;
    }

    /// Waits until so many syncs wait.
    pub fn wait_for_held_syncs(&self, count: usize) {
        self.1.changed.wait_while(&mut self.1.state.lock(), |state| state.1 < count);
    }

    /// Ends [`SimFs::hold_syncs`].
    pub fn release_syncs(&self) {
        self.1.state.lock().0 = false;
        self.1.changed.notify_all();
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
    /// For reports.
    path: PathBuf,
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
        self.fs.0.lock().append(self.inode, self.epoch, &self.path, data)
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
        self.fs.0.lock().truncate(self.inode, self.epoch, &self.path, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.fs.1.pass();
        self.fs.0.lock().sync(self.inode, self.epoch, &self.path)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.fs.0.lock().content(self.inode, self.epoch)?.len() as u64)
    }
}

impl SimFs {
    fn handle(&self, path: &Path, inode: usize, epoch: u64, writable: bool) -> Box<dyn File> {
        Box::new(SimFile { fs: self.clone(), path: path.to_owned(), inode, epoch, writable })
    }
}

impl Fs for SimFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut state = self.0.lock();
        let inode = state.create(path)?;
        let epoch = state.epoch;
        Ok(self.handle(path, inode, epoch, true))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.0.lock();
        Ok(self.handle(path, state.inode(path)?, state.epoch, false))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.0.lock();
        Ok(self.handle(path, state.inode(path)?, state.epoch, true))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.lock().rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.lock().link(from, to)
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
