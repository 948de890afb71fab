//! Whether files changed since they were read.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What tells a file from what it was: modification time, size, inode; `None` if it is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// The state of some files.
pub(super) struct Stamps(Vec<(PathBuf, Stamp)>);

impl Stamps {
    pub(super) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut stamps = Self(Vec::new());
        stamps.add(paths);
        stamps
    }

    pub(super) fn add(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        self.0.extend(paths.into_iter().map(|path| {
            let stamp = now(&path);
            (path, stamp)
        }));
    }

    pub(super) fn are_fresh(&self) -> bool {
        self.0.iter().all(|(path, stamp)| now(path) == *stamp)
    }
}

fn now(path: &std::path::Path) -> Stamp {
    let m = std::fs::metadata(path).ok()?;
    Some((m.mtime(), m.mtime_nsec(), m.size(), m.ino()))
}
