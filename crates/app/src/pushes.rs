//! Small texts that the server keeps, in ledgers of the data directory: what was pushed to the Pushgateway API, and which lines
//! of logs were asked to be deleted.

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::ledger::Ledger;
use model::Result;

const GROUPS: Kind = Kind { tag: b'g', name: "pushed groups", version: 1, oldest: 1 };
const DELETIONS: Kind = Kind { tag: b'q', name: "deletions of logs", version: 1, oldest: 1 };
/// More than the server takes.
const MOST: usize = 20_000;

/// A ledger in a folder of `<data>/bonghwa`.
pub(crate) struct Pushes {
    ledger: Ledger<String>,
    folder: &'static str,
    kind: Kind,
}

impl Pushes {
    /// What was pushed.
    pub(crate) fn open(fs: Arc<dyn Fs>, ours: &Path) -> Result<Self> {
        Self::open_in(fs, ours, "pushgateway", GROUPS)
    }

    /// Which lines of logs were asked to be deleted.
    pub(crate) fn open_deletions(fs: Arc<dyn Fs>, ours: &Path) -> Result<Self> {
        Self::open_in(fs, ours, "deletions", DELETIONS)
    }

    fn open_in(fs: Arc<dyn Fs>, ours: &Path, folder: &'static str, kind: Kind) -> Result<Self> {
        let (ledger, recovery) = Ledger::open(fs, &ours.join(folder), kind, MOST)?;
        for warning in &recovery.warnings {
            tracing::warn!(warning, "{}", kind.name);
        }
        Ok(Self { ledger, folder, kind })
    }

    /// Copies it below another folder of the program.
    pub(crate) fn copy_to(&self, fs: Arc<dyn Fs>, ours: &Path) -> Result<()> {
        self.ledger.copy_to(fs, &ours.join(self.folder), self.kind)
    }
}

impl server::PushStore for Pushes {
    fn entries(&self) -> Vec<(String, String)> {
        self.ledger.entries()
    }

    fn put(&self, key: &str, text: &str) -> Result<()> {
        self.ledger.put(key, text.to_owned())
    }

    fn remove(&self, key: &str) -> Result<()> {
        self.ledger.remove(key).map(|_| ())
    }
}
