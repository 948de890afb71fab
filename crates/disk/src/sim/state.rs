//! What the simulator remembers: names and contents, each as it is now and as it was last synced, and what was done to
//! names in between.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Random;
use crate::fs::Entry;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(usize),
    Dir,
}

#[derive(Default)]
struct Inode {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// Something done to a name that is not durable yet.
enum Change {
    Add(PathBuf, Node),
    Remove(PathBuf),
    /// Within one directory: a crash leaves the one name or the other.
    Rename(PathBuf, PathBuf, Node),
}

/// What a power failure leaves of what was not synced.
pub(super) enum Left<'a> {
    Nothing,
    Everything,
    /// Of each directory and each file something else.
    Some(&'a mut Random),
}

/// Bytes that a device writes together.
const SECTOR: usize = 512;

pub(super) struct State {
    pub(super) names: BTreeMap<PathBuf, Node>,
    synced_names: BTreeMap<PathBuf, Node>,
    /// By directory, in order.
    changes: BTreeMap<PathBuf, Vec<Change>>,
    inodes: Vec<Inode>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) operations: u64,
    pub(super) fail_at: Option<Range<u64>>,
    pub(super) failed: Option<String>,
    pub(super) capacity: u64,
    pub(super) read_only: bool,
    /// Counts crashes: handles of an earlier epoch are dead.
    pub(super) epoch: u64,
}

impl Default for State {
    fn default() -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Dir)]);
        Self {
            names: root.clone(),
            synced_names: root,
            changes: BTreeMap::new(),
            inodes: Vec::new(),
            locks: BTreeSet::new(),
            operations: 0,
            fail_at: None,
            failed: None,
            capacity: u64::MAX,
            read_only: false,
            epoch: 0,
        }
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

fn parent_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

impl State {
    /// Counts a changing operation; whether it is one that must fail.
    fn step(&mut self, what: &str, path: &Path) -> bool {
        let fails = self.fail_at.as_ref().is_some_and(|range| range.contains(&self.operations));
        if fails && self.failed.is_none() {
            self.failed = Some(format!("operation {}: {what} {}", self.operations, path.display()));
        }
        self.operations += 1;
        fails
    }

    fn change(&mut self, what: &str, path: &Path) -> io::Result<()> {
        if self.step(what, path) {
            return Err(io::Error::other("simulated failure"));
        }
        self.writable()
    }

    fn writable(&self) -> io::Result<()> {
        if self.read_only { Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem)) } else { Ok(()) }
    }

    fn note(&mut self, change: Change) {
        let (Change::Add(path, _) | Change::Remove(path) | Change::Rename(path, ..)) = &change;
        self.changes.entry(parent_of(path)).or_default().push(change);
    }

    pub(super) fn crash(&mut self, left: Left<'_>) {
        match left {
            Left::Nothing => {}
            Left::Everything => {
                self.synced_names = self.names.clone();
                for inode in &mut self.inodes {
                    inode.synced = inode.now.clone();
                }
            }
            Left::Some(random) => self.keep_some(random),
        }
        // A name whose directory was not synced is gone with it.
        let synced = self.synced_names.clone();
        let reachable = |p: &Path| p.ancestors().skip(1).all(|a| synced.get(a) == Some(&Node::Dir));
        self.synced_names.retain(|path, _| path == Path::new("/") || reachable(path));
        self.names = self.synced_names.clone();
        for inode in &mut self.inodes {
            inode.now = inode.synced.clone();
        }
        self.changes.clear();
        self.locks.clear();
        self.fail_at = None;
        self.failed = None;
        self.read_only = false;
        self.epoch += 1;
    }

    fn keep_some(&mut self, random: &mut Random) {
        for changes in std::mem::take(&mut self.changes).into_values() {
            // A journal keeps their order, other file systems keep any of them.
            let (ordered, kept) = (random.below(2) == 0, random.below(changes.len() as u64 + 1));
            for (at, change) in (0..).zip(changes) {
                if if ordered { at < kept } else { random.below(2) == 0 } {
                    self.make_durable(change);
                }
            }
        }
        for inode in &mut self.inodes {
            if inode.now != inode.synced {
                inode.synced = torn(&inode.synced, &inode.now, random);
            }
        }
    }

    fn make_durable(&mut self, change: Change) {
        let names = &mut self.synced_names;
        match change {
            Change::Add(path, node) => {
                names.insert(path, node);
            }
            Change::Remove(path) => names.retain(|p, _| !p.starts_with(&path)),
            Change::Rename(from, to, node) => {
                move_names(names, &from, &to);
                names.insert(to, node);
            }
        }
    }

    pub(super) fn used(&self) -> u64 {
        let files = self.names.values().filter_map(|n| if let Node::File(i) = n { Some(*i) } else { None });
        let files: BTreeSet<usize> = files.collect();
        files.into_iter().map(|i| self.inodes[i].now.len() as u64).sum()
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.names.iter().filter(|(_, n)| **n != Node::Dir).map(|(p, _)| p.clone()).collect()
    }

    pub(super) fn corrupt(&mut self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        if let Ok(inode) = self.inode(path) {
            change(&mut self.inodes[inode].now);
            self.inodes[inode].synced = self.inodes[inode].now.clone();
        }
    }

    pub(super) fn inode(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(inode)) => Ok(*inode),
            _ => Err(not_found()),
        }
    }

    fn alive(&self, epoch: u64) -> io::Result<()> {
        if epoch == self.epoch { Ok(()) } else { Err(io::Error::other("handle from before the crash")) }
    }

    pub(super) fn content(&self, inode: usize, epoch: u64) -> io::Result<&[u8]> {
        self.alive(epoch)?;
        Ok(&self.inodes[inode].now)
    }

    fn parent_is_there(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.names.get(parent) != Some(&Node::Dir) => Err(not_found()),
            _ => Ok(()),
        }
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<usize> {
        self.change("create", path)?;
        self.parent_is_there(path)?;
        if let Some(Node::File(inode)) = self.names.get(path) {
            self.inodes[*inode].now.clear();
            return Ok(*inode);
        }
        if self.capacity <= self.used() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.inodes.push(Inode::default());
        let node = Node::File(self.inodes.len() - 1);
        self.names.insert(path.to_owned(), node);
        self.note(Change::Add(path.to_owned(), node));
        Ok(self.inodes.len() - 1)
    }

    pub(super) fn append(&mut self, inode: usize, epoch: u64, path: &Path, data: &[u8]) -> io::Result<()> {
        self.alive(epoch)?;
        let already_failed = self.failed.is_some();
        if self.step("write", path) {
            // The first failing write tears; later ones leave nothing.
            let half = if already_failed { 0 } else { data.len() / 2 };
            self.inodes[inode].now.extend_from_slice(&data[..half]);
            return Err(io::Error::other("simulated failure"));
        }
        self.writable()?;
        let room = usize::try_from(self.capacity.saturating_sub(self.used())).unwrap_or(usize::MAX);
        let fits = data.len().min(room);
        self.inodes[inode].now.extend_from_slice(&data[..fits]);
        if fits < data.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    pub(super) fn truncate(&mut self, inode: usize, epoch: u64, path: &Path, len: u64) -> io::Result<()> {
        self.alive(epoch)?;
        self.change("truncate", path)?;
        self.inodes[inode].now.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: usize, epoch: u64, path: &Path) -> io::Result<()> {
        self.alive(epoch)?;
        self.change("sync", path)?;
        let inode = &mut self.inodes[inode];
        inode.synced = inode.now.clone();
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("rename", from)?;
        self.parent_is_there(to)?;
        let node = *self.names.get(from).ok_or_else(not_found)?;
        if node == Node::Dir && self.names.keys().any(|p| p.starts_with(to) && p != to) {
            return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
        }
        move_names(&mut self.names, from, to);
        // What was done inside a directory goes with it.
        let inside: Vec<PathBuf> = self.changes.keys().filter(|dir| dir.starts_with(from)).cloned().collect();
        for dir in inside {
            let changes = self.changes.remove(&dir).unwrap_or_default();
            let changes = changes.into_iter().map(|change| match change {
                Change::Add(path, node) => Change::Add(moved(&path, from, to), node),
                Change::Remove(path) => Change::Remove(moved(&path, from, to)),
                Change::Rename(a, b, node) => Change::Rename(moved(&a, from, to), moved(&b, from, to), node),
            });
            let changes = changes.collect();
            self.changes.insert(moved(&dir, from, to), changes);
        }
        if from.parent() == to.parent() {
            self.note(Change::Rename(from.to_owned(), to.to_owned(), node));
        } else {
            self.note(Change::Add(to.to_owned(), node));
            self.note(Change::Remove(from.to_owned()));
        }
        Ok(())
    }

    pub(super) fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("link", to)?;
        self.parent_is_there(to)?;
        if self.names.contains_key(to) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let node = Node::File(self.inode(from)?);
        self.names.insert(to.to_owned(), node);
        self.note(Change::Add(to.to_owned(), node));
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.change("unlink", path)?;
        self.inode(path)?;
        self.names.remove(path);
        self.note(Change::Remove(path.to_owned()));
        Ok(())
    }

    /// As the operating system does it: name by name, so that a failure leaves half of it.
    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        if self.names.get(path) != Some(&Node::Dir) {
            return Err(not_found());
        }
        let inside: Vec<PathBuf> = self.names.keys().rev().filter(|p| p.starts_with(path)).cloned().collect();
        for name in inside {
            self.change("unlink", &name)?;
            self.names.remove(&name);
            self.note(Change::Remove(name));
        }
        Ok(())
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        self.change("create directory", path)?;
        let missing: Vec<_> = path.ancestors().take_while(|a| !self.names.contains_key(*a)).collect();
        let above = missing.last().map_or(path, |last| last.parent().unwrap_or(last));
        if self.names.get(above) != Some(&Node::Dir) {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        for dir in missing.into_iter().rev() {
            self.forget_undurable(dir);
            self.names.insert(dir.to_owned(), Node::Dir);
            self.changes.remove(dir); // those of a directory that had this name before
            self.note(Change::Add(dir.to_owned(), Node::Dir));
        }
        Ok(())
    }

    /// A directory that was made and removed under this name since its parent was synced leaves no trace: the removal,
    /// once durable, must not take what is in the next one of that name.
    fn forget_undurable(&mut self, dir: &Path) {
        let pending = dir.parent().and_then(|parent| self.changes.get_mut(parent));
        let Some(changes) = pending.filter(|_| !self.synced_names.contains_key(dir)) else { return };
        let renamed = |change: &Change| matches!(change, Change::Rename(a, b, _) if a == dir || b == dir);
        if !changes.iter().any(renamed) {
            changes.retain(|change| !matches!(change, Change::Add(p, _) | Change::Remove(p) if p == dir));
        }
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        if self.names.get(dir) != Some(&Node::Dir) {
            return Err(not_found());
        }
        let children = self.names.iter().filter(|(p, _)| p.parent() == Some(dir));
        Ok(children
            .filter_map(|(path, node)| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some(match node {
                    Node::Dir => Entry { name, is_dir: true, size: 0 },
                    Node::File(i) => Entry { name, is_dir: false, size: self.inodes[*i].now.len() as u64 },
                })
            })
            .collect())
    }

    /// What was done to the names directly in `dir` becomes durable.
    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.change("sync directory", dir)?;
        if self.names.get(dir) != Some(&Node::Dir) {
            return Err(not_found());
        }
        for change in self.changes.remove(dir).unwrap_or_default() {
            self.make_durable(change);
        }
        Ok(())
    }
}

/// `path`, which lies below `from`, or is it, as seen after the rename.
fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
        Ok(rest) => to.join(rest),
        Err(_) => path.to_owned(),
    }
}

fn move_names(names: &mut BTreeMap<PathBuf, Node>, from: &Path, to: &Path) {
    let below: Vec<PathBuf> = names.keys().filter(|p| p.starts_with(from)).cloned().collect();
    for path in below {
        if let Some(node) = names.remove(&path) {
            names.insert(moved(&path, from, to), node);
        }
    }
}

/// Of a file whose content changed from `synced` to `now`: the one, the other, a part of what is new, or its length
/// with zeros where sectors were not written.
fn torn(synced: &[u8], now: &[u8], random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => synced.to_vec(),
        1 => now.to_vec(),
        _ if !now.starts_with(synced) => now.to_vec(),
        2 => now[..synced.len() + random.below((now.len() - synced.len()) as u64 + 1) as usize].to_vec(),
        _ => {
            let mut bytes = now.to_vec();
            for sector in bytes[synced.len()..].chunks_mut(SECTOR) {
                if random.below(2) == 0 {
                    sector.fill(0);
                }
            }
            bytes
        }
    }
}
