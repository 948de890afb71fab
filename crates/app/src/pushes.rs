//! What was pushed to the Pushgateway API, in a ledger of the data directory.

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::ledger::Ledger;
use model::Result;

const KIND: Kind = Kind { tag: b'g', name: "pushed groups", version: 1, oldest: 1 };
const FOLDER: &str = "pushgateway";
/// More than the server takes.
const MAX_GROUPS: usize = 20_000;

/// The ledger in `<data>/bonghwa/pushgateway`.
pub(crate) struct Pushes(Ledger<String>);

impl Pushes {
    /// Opens it below the program's folder.
    pub(crate) fn open(fs: Arc<dyn Fs>, ours: &Path) -> Result<Self> {
        let (ledger, recovery) = Ledger::open(fs, &ours.join(FOLDER), KIND, MAX_GROUPS)?;
        for warning in &recovery.warnings {
            tracing::warn!(warning, "pushed groups");
        }
        Ok(Self(ledger))
    }

    /// Copies it below another folder of the program.
    pub(crate) fn copy_to(&self, fs: Arc<dyn Fs>, ours: &Path) -> Result<()> {
        self.0.copy_to(fs, &ours.join(FOLDER), KIND)
    }
}

impl server::PushStore for Pushes {
    fn entries(&self) -> Vec<(String, String)> {
        self.0.entries()
    }

    fn put(&self, key: &str, text: &str) -> Result<()> {
        self.0.put(key, text.to_owned())
    }

    fn remove(&self, key: &str) -> Result<()> {
        self.0.remove(key).map(|_| ())
    }
}
