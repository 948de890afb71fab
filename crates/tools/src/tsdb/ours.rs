//! Our own data directory, opened while no server has it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::lock::DirLock;
use disk::{Fs, RealFs};
use model::SystemClock;
use tsdb::{Options, Store};

use crate::Failed;

/// Where our files are below the data directory.
pub(crate) const OURS: &str = "bonghwa";
/// What is said where a server has the directory.
pub(crate) const LOCKED: &str = "a server is running on this data directory";
const METRICS: &str = "metrics";

/// An open data directory. It is locked until this is dropped.
pub(crate) struct Ours {
    pub(crate) store: Store,
    _lock: DirLock,
}

/// Whether `dir` is a data directory of ours.
pub(crate) fn is_ours(dir: &Path) -> bool {
    folder(dir).join(METRICS).is_dir()
}

fn folder(dir: &Path) -> PathBuf {
    dir.join(OURS)
}

impl Ours {
    /// Opens the store in `dir`, which is made where it is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failed> {
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        let lock = DirLock::acquire(&*fs, &folder(dir)).map_err(|e| match e.kind {
            model::ErrorKind::Conflict => Failed::new(format_args!(
                "{}: {LOCKED}. Name the URL of the server instead where the command takes one (--to \
                 http://localhost:9090), or stop it",
                dir.display()
            )),
            _ => Failed::from(e),
        })?;
        // Nothing is deleted here: what is too old, the server knows when it runs.
        let options = Options { retention_ms: 0, retention_bytes: Some(0), ..Options::default() };
        let store = Store::open(fs, &folder(dir).join(METRICS), options, Arc::new(SystemClock))?;
        Ok(Self { store, _lock: lock })
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // Everything that was acknowledged is durable; closing only syncs once more.
        let _ = self.store.close();
    }
}
