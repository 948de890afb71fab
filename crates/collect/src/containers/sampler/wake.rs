//! What wakes the sampler besides the clock: a bell, new and removed directories, processes that end.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::event::{EventfdFlags, epoll};
use rustix::fs::inotify;

/// Wakes the sampler from elsewhere.
#[derive(Debug, Clone)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        // A full counter rings already.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

/// Why the sampler woke.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The bell.
    Bell,
    /// Something was made or removed below this group.
    Directory(String),
    /// The process with this token ended.
    Exit(u64),
    /// Changes were lost: look everywhere.
    Overflow,
}

const BELL: u64 = u64::MAX;
const DIRECTORIES: u64 = u64::MAX - 1;

#[derive(Debug)]
pub(super) struct Waker {
    epoll: OwnedFd,
    bell: Arc<OwnedFd>,
    inotify: Option<OwnedFd>,
    watches: HashMap<i32, String>,
    by_path: HashMap<String, i32>,
    exits: HashMap<u64, OwnedFd>,
}

impl Waker {
    pub(super) fn new() -> std::io::Result<(Self, Bell)> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        epoll::add(&epoll, &*bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        // Without inotify (no watches left, say) the periodic walk finds groups, later.
        let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok();
        if let Some(fd) = &inotify {
            epoll::add(&epoll, fd, epoll::EventData::new_u64(DIRECTORIES), epoll::EventFlags::IN)?;
        }
        let waker = Self {
            epoll,
            bell: Arc::clone(&bell),
            inotify,
            watches: HashMap::new(),
            by_path: HashMap::new(),
            exits: HashMap::new(),
        };
        Ok((waker, Bell(bell)))
    }

    /// Watches the directory of group `path`.
    pub(super) fn watch(&mut self, dir: &Path, path: &str) {
        let Some(fd) = &self.inotify else { return };
        let flags = inotify::WatchFlags::CREATE | inotify::WatchFlags::DELETE | inotify::WatchFlags::ONLYDIR;
        if let Ok(watch) = inotify::add_watch(fd, dir, flags) {
            self.watches.insert(watch, path.to_owned());
            self.by_path.insert(path.to_owned(), watch);
        }
    }

    /// Tells when process `pid` ends; `false` where that is not possible.
    pub(super) fn watch_exit(&mut self, pid: u32, token: u64) -> bool {
        let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
            return false;
        };
        let Ok(fd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK) else {
            return false;
        };
        if epoll::add(&self.epoll, &fd, epoll::EventData::new_u64(token), epoll::EventFlags::IN).is_err() {
            return false;
        }
        self.exits.insert(token, fd);
        true
    }

    pub(super) fn forget_exit(&mut self, token: u64) {
        if let Some(fd) = self.exits.remove(&token) {
            let _ = epoll::delete(&self.epoll, &fd);
        }
    }

    pub(super) fn forget(&mut self, path: &str, token: Option<u64>) {
        if let Some(watch) = self.by_path.remove(path) {
            self.watches.remove(&watch);
            if let Some(fd) = &self.inotify {
                // The kernel has dropped it already where the directory is gone.
                let _ = inotify::remove_watch(fd, watch);
            }
        }
        if let Some(token) = token {
            self.forget_exit(token);
        }
    }

    /// Waits at most `ms` and says what happened.
    pub(super) fn wait(&mut self, ms: i64) -> Vec<Wake> {
        let mut ready = Vec::with_capacity(64);
        let timeout = rustix::event::Timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 };
        let buffer = rustix::buffer::spare_capacity(&mut ready);
        if epoll::wait(&self.epoll, buffer, Some(&timeout)).is_err() {
            return Vec::new();
        }
        let mut out = Vec::new();
        for event in &ready {
            match event.data.u64() {
                BELL => {
                    let mut count = [0; 8];
                    let _ = rustix::io::read(self.bell.as_fd(), &mut count);
                    out.push(Wake::Bell);
                }
                DIRECTORIES => self.directories(&mut out),
                token => out.push(Wake::Exit(token)),
            }
        }
        out
    }

    fn directories(&mut self, out: &mut Vec<Wake>) {
        let Some(fd) = &self.inotify else { return };
        let mut buffer = [std::mem::MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(fd, &mut buffer);
        while let Ok(event) = reader.next() {
            if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
                out.push(Wake::Overflow);
            } else if let Some(path) = self.watches.get(&event.wd()) {
                let wake = Wake::Directory(path.clone());
                if !out.contains(&wake) {
                    out.push(wake);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_for_directories_processes_and_the_bell() {
        let dir = tempfile::tempdir().unwrap();
        let (mut waker, bell) = Waker::new().unwrap();
        waker.watch(dir.path(), "/docker");
        assert_eq!(waker.wait(0), []);
        std::fs::create_dir(dir.path().join("ab")).unwrap();
        assert_eq!(waker.wait(5000), [Wake::Directory("/docker".into())]);
        bell.ring();
        bell.ring();
        assert_eq!(waker.wait(5000), [Wake::Bell]);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        assert!(waker.watch_exit(child.id(), 7));
        assert_eq!(waker.wait(5000), [Wake::Exit(7)]);
        child.wait().unwrap();
        waker.forget_exit(7);
        waker.forget("/docker", None);
        std::fs::create_dir(dir.path().join("cd")).unwrap();
        assert_eq!(waker.wait(0), []);
        assert!(!waker.watch_exit(0, 8), "no process");
    }
}
