//! What the simulator remembers: names and contents, each as it is now and as it was last synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

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

pub(super) struct State {
    pub(super) names: BTreeMap<PathBuf, Node>,
    synced_names: BTreeMap<PathBuf, Node>,
    inodes: Vec<Inode>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) operations: u64,
    pub(super) fail_at: Option<Range<u64>>,
    pub(super) failed: bool,
    pub(super) capacity: u64,
    /// Counts crashes: handles of an earlier epoch are dead.
    pub(super) epoch: u64,
}

impl Default for State {
    fn default() -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Dir)]);
        Self {
            names: root.clone(),
            synced_names: root,
            inodes: Vec::new(),
            locks: BTreeSet::new(),
            operations: 0,
            fail_at: None,
            failed: false,
            capacity: u64::MAX,
            epoch: 0,
        }
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl State {
    /// Counts a changing operation; whether it is one that must fail.
    fn step(&mut self) -> bool {
        let fails = self.fail_at.as_ref().is_some_and(|range| range.contains(&self.operations));
        self.operations += 1;
        self.failed |= fails;
        fails
    }

    fn change(&mut self) -> io::Result<()> {
        if self.step() { Err(io::Error::other("simulated failure")) } else { Ok(()) }
    }

    pub(super) fn crash(&mut self, keep_unsynced: bool) {
        if keep_unsynced {
            self.synced_names = self.names.clone();
            for inode in &mut self.inodes {
                inode.synced = inode.now.clone();
            }
        } else {
            // A name whose directory was not synced is gone with it.
            let synced = self.synced_names.clone();
            let reachable = |p: &Path| p.ancestors().skip(1).all(|a| synced.get(a) == Some(&Node::Dir));
            self.synced_names.retain(|path, _| path == Path::new("/") || reachable(path));
            self.names = self.synced_names.clone();
            for inode in &mut self.inodes {
                inode.now = inode.synced.clone();
            }
        }
        self.locks.clear();
        self.fail_at = None;
        self.failed = false;
        self.epoch += 1;
    }

    pub(super) fn used(&self) -> u64 {
        self.names
            .values()
            .map(|n| if let Node::File(i) = n { self.inodes[*i].now.len() as u64 } else { 0 })
            .sum()
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
        self.change()?;
        self.parent_is_there(path)?;
        if let Some(Node::File(inode)) = self.names.get(path) {
            self.inodes[*inode].now.clear();
            return Ok(*inode);
        }
        self.inodes.push(Inode::default());
        let inode = self.inodes.len() - 1;
        self.names.insert(path.to_owned(), Node::File(inode));
        Ok(inode)
    }

    pub(super) fn append(&mut self, inode: usize, epoch: u64, data: &[u8]) -> io::Result<()> {
        self.alive(epoch)?;
        let already_failed = self.failed;
        if self.step() {
            // The first failing write tears; later ones leave nothing.
            let half = if already_failed { 0 } else { data.len() / 2 };
            self.inodes[inode].now.extend_from_slice(&data[..half]);
            return Err(io::Error::other("simulated failure"));
        }
        let room = usize::try_from(self.capacity.saturating_sub(self.used())).unwrap_or(usize::MAX);
        let fits = data.len().min(room);
        self.inodes[inode].now.extend_from_slice(&data[..fits]);
        if fits < data.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    pub(super) fn truncate(&mut self, inode: usize, epoch: u64, len: u64) -> io::Result<()> {
        self.alive(epoch)?;
        self.change()?;
        self.inodes[inode].now.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }

    pub(super) fn sync(&mut self, inode: usize, epoch: u64) -> io::Result<()> {
        self.alive(epoch)?;
        self.change()?;
        let inode = &mut self.inodes[inode];
        inode.synced = inode.now.clone();
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.change()?;
        self.parent_is_there(to)?;
        let node = *self.names.get(from).ok_or_else(not_found)?;
        if node == Node::Dir && self.names.keys().any(|p| p.starts_with(to) && p != to) {
            return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
        }
        let moved: Vec<PathBuf> = self.names.keys().filter(|p| p.starts_with(from)).cloned().collect();
        for path in moved {
            let Ok(rest) = path.strip_prefix(from) else { continue };
            let target = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
            if let Some(node) = self.names.remove(&path) {
                self.names.insert(target, node);
            }
        }
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.change()?;
        self.inode(path)?;
        self.names.remove(path);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        self.change()?;
        if self.names.get(path) != Some(&Node::Dir) {
            return Err(not_found());
        }
        self.names.retain(|p, _| !p.starts_with(path));
        Ok(())
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        self.change()?;
        for ancestor in path.ancestors() {
            match self.names.get(ancestor) {
                Some(Node::Dir) => {}
                Some(Node::File(_)) => return Err(io::Error::from(io::ErrorKind::NotADirectory)),
                None => {
                    self.names.insert(ancestor.to_owned(), Node::Dir);
                }
            }
        }
        Ok(())
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

    /// The names directly in `dir` become durable. What a durable rename moved brings its own synced names along: a
    /// real file system moves the directory's inode, contents and all.
    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.change()?;
        if self.names.get(dir) != Some(&Node::Dir) {
            return Err(not_found());
        }
        let direct = |p: &Path| p.parent() == Some(dir) && p != dir;
        // The name directly in `dir` through which a path below it goes.
        let through = |p: &Path| {
            let first = p.strip_prefix(dir).ok()?.components().next()?;
            Some(dir.join(first))
        };
        let gone: Vec<PathBuf> = self
            .synced_names
            .keys()
            .filter(|p| through(p).is_some_and(|t| !self.names.contains_key(&t)))
            .cloned()
            .collect();
        let new: Vec<PathBuf> = self.names.keys().filter(|p| direct(p)).cloned().collect();
        let mut orphans = BTreeSet::new();
        // Directories below a name that is gone, as seen from it.
        let mut orphan_dirs = BTreeSet::new();
        for path in gone {
            match self.synced_names.remove(&path) {
                Some(Node::File(inode)) => {
                    orphans.insert(inode);
                }
                Some(Node::Dir) => {
                    let below = through(&path).and_then(|t| Some(path.strip_prefix(t).ok()?.to_owned()));
                    orphan_dirs.extend(below);
                }
                None => {}
            }
        }
        for path in new {
            let node = self.names[&path];
            self.synced_names.insert(path.clone(), node);
            // What was durable under the old name of this directory stays durable under the new one.
            let below = || self.names.iter().filter(|(p, _)| p.starts_with(&path) && **p != path);
            let is_orphan = |n: &Node| matches!(n, Node::File(inode) if orphans.contains(inode));
            if !below().any(|(_, node)| is_orphan(node)) {
                continue;
            }
            let stays = |(p, node): &(&PathBuf, &Node)| match node {
                Node::File(_) => is_orphan(node),
                Node::Dir => p.strip_prefix(&path).is_ok_and(|below| orphan_dirs.contains(below)),
            };
            let durable: Vec<_> = below().filter(stays).map(|(p, n)| (p.clone(), *n)).collect();
            self.synced_names.extend(durable);
        }
        Ok(())
    }
}
