//! A copy of the store that can be opened as one: parts under a second name, and logs with the positions.

use std::path::Path;
use std::sync::Arc;

use disk::log::{Log, Options, SyncPolicy};
use disk::{io_error, publish};
use model::{Result, Tenant};

use super::record::{LOG, positions_record};
use super::shelf::Shelf;
use super::{FOLDERS, Store};

impl Store {
    /// Makes `dir` a copy of everything stored so far. Whoever calls publishes it.
    pub fn snapshot_to(&self, dir: &Path) -> Result<()> {
        let _nothing_else = (self.maintenance.lock(), self.rewriting.lock());
        let tenant = dir.join(Tenant::DEFAULT);
        for (shelf, name) in self.shelves.iter().zip(FOLDERS) {
            self.flush_all(shelf)?;
            copy(shelf, &tenant.join(name))?;
        }
        let fs = &*self.shelves[0].fs;
        [&*tenant, dir]
            .into_iter()
            .try_for_each(|dir| fs.sync_dir(dir).map_err(|e| io_error("sync a directory", dir, &e)))
    }
}

fn copy(shelf: &Shelf, to: &Path) -> Result<()> {
    let fs = &*shelf.fs;
    let parts_dir = to.join("parts");
    publish::prepare(fs, &parts_dir)?;
    let parts = shelf.parts();
    for part in parts.iter().filter(|p| !p.is_damaged()) {
        let (from, copy) = (shelf.dir.join(&part.name), parts_dir.join(&part.name));
        publish::link_or_copy_directory(fs, &from, &copy)?;
    }
    fs.sync_dir(&parts_dir).map_err(|e| io_error("sync a directory", &parts_dir, &e))?;
    let options = Options { sync: SyncPolicy::Interval, ..Options::new(LOG) };
    let (log, _) = Log::open(Arc::clone(&shelf.fs), &to.join("wal"), options, &mut |_, _| Ok(()))?;
    // What the parts have is in segments before this one, which are removed when the copy is opened.
    log.skip_to(parts.iter().map(|p| p.log_upto).max().unwrap_or(0));
    let positions = shelf.positions.read();
    if !positions.is_empty() {
        log.append(&positions_record(positions.iter()))?;
    }
    log.sync()?;
    fs.sync_dir(to).map_err(|e| io_error("sync a directory", to, &e))
}
