//! The lock of a data directory: two processes on one directory would destroy each other's files.

use std::path::{Path, PathBuf};

use model::{Error, Result};

use crate::error::io_error;
use crate::fs::{Fs, Lock};

/// A locked directory; unlocked when dropped or when the process ends, however it ends.
pub struct DirLock {
    path: PathBuf,
    _lock: Box<dyn Lock>,
}

impl DirLock {
    /// Creates `dir` where it is missing and locks the file `lock` in it.
    pub fn acquire(fs: &dyn Fs, dir: &Path) -> Result<Self> {
        fs.create_dir(dir).map_err(|e| io_error("create the data directory", dir, &e))?;
        let path = dir.join("lock");
        match fs.lock(&path) {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Err(Error::conflict(format_args!(
                "the data directory {} is in use by another process; stop it or choose another directory",
                dir.display()
            ))),
            Err(e) => Err(io_error("lock the data directory", &path, &e)),
        }
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealFs;

    #[test]
    fn the_second_one_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::acquire(&RealFs, dir.path()).unwrap();
        let refused = DirLock::acquire(&RealFs, dir.path()).err().unwrap();
        assert_eq!(refused.kind, model::ErrorKind::Conflict);
        assert!(refused.message.contains("in use by another process"));
        drop(first);
        DirLock::acquire(&RealFs, dir.path()).unwrap();
    }
}
