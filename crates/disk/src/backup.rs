//! Copies of a folder that can be checked: whole or not there, with a checksum for every file.
//!
//! A folder of backups holds one directory a backup. In it `data/` has the files as they were, `SHA256SUMS` their
//! checksums in the form of `sha256sum` (which can check it too), and `backup.json` says what it is. A backup takes its
//! name when everything in it is synced; what a crash leaves has another name and is no backup. A file that the backup
//! before has with the same bytes becomes a second name of that file where the file system has links: what does not
//! change takes space once. Every byte of the source is read all the same, and compared.
//!
//! It knows nothing of what is inside. Whoever copies makes sure that nothing in the source changes meanwhile.

mod make;
mod restore;
mod sums;
mod verify;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use model::{Error, Result};
use serde::{Deserialize, Serialize};

pub use make::{Made, make};
pub use restore::{restore, settle};
pub use verify::verify;

use crate::error::io_error;
use crate::fs::{Fs, read_file};
use crate::publish::is_temporary;

/// The version of the form drawn above. An unknown one is refused.
const FORMAT: u32 = 1;
const ABOUT_FILE: &str = "backup.json";
const SUMS_FILE: &str = "SHA256SUMS";
const DATA: &str = "data";
/// Names of backups begin so, and end with their time: their order is that of time.
const PREFIX: &str = "backup-";
/// `backup.json` is small.
const ABOUT_BYTES: u64 = 1 << 20;
/// Folders within folders.
const DEPTH: usize = 32;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of the form.
    pub format: u32,
    /// The program that made it, with its version.
    pub program: String,
    /// When, ms since the Unix epoch.
    pub made_ms: i64,
    /// Where the files come from.
    pub source: String,
    /// How many there are.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How far the work is: bytes behind, and all bytes.
pub type Progress<'p> = dyn FnMut(u64, u64) + 'p;

/// The name of a backup of this time, `YYYYMMDDTHHMMSSZ`.
pub fn name(time: &str) -> String {
    format!("{PREFIX}{time}")
}

/// The names of the backups in `folder`, oldest first.
pub fn list(fs: &dyn Fs, folder: &Path) -> Result<Vec<String>> {
    let entries = fs.list(folder).map_err(|e| io_error("list the backups", folder, &e))?;
    Ok(entries.into_iter().filter(|e| e.is_dir && e.name.starts_with(PREFIX)).map(|e| e.name).collect())
}

/// The backup at `path`: itself, or the newest in this folder.
pub fn find(fs: &dyn Fs, path: &Path) -> Result<PathBuf> {
    let there = |path: &Path| fs.exists(path).map_err(|e| io_error("look for a backup", path, &e));
    if there(&path.join(ABOUT_FILE))? {
        return Ok(path.to_owned());
    }
    let newest = if there(path)? { list(fs, path)?.pop() } else { None };
    newest.map(|name| path.join(name)).ok_or_else(|| {
        Error::not_found(format_args!("{}: no backup, and no folder with backups", path.display()))
    })
}

/// What the backup says of itself; an error where it is none, or of a form that is not known here.
pub fn about(fs: &dyn Fs, backup: &Path) -> Result<About> {
    let shown = backup.display();
    if backup.file_name().and_then(|n| n.to_str()).is_some_and(is_temporary) {
        return Err(Error::invalid(format_args!("{shown}: this backup was not finished")));
    }
    let path = backup.join(ABOUT_FILE);
    let text = read_file(fs, &path, ABOUT_BYTES)
        .map_err(|e| Error::invalid(format_args!("{shown}: no backup: {ABOUT_FILE}: {e}")))?;
    let about: About = serde_json::from_slice(&text)
        .map_err(|e| Error::invalid(format_args!("{shown}: {ABOUT_FILE} is damaged: {e}")))?;
    if about.format != FORMAT {
        return Err(Error::conflict(format_args!(
            "{shown}: a backup of form {} (made by {}); this program knows form {FORMAT}",
            about.format, about.program
        )));
    }
    Ok(about)
}

/// A file below a folder: its path from there with `/` between names, and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    path: String,
    bytes: u64,
}

/// All files below `root` that `skip` does not take out, sorted by path within their folder.
fn walk(fs: &dyn Fs, root: &Path, skip: &dyn Fn(&str) -> bool) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), 0usize)];
    while let Some((folder, depth)) = folders.pop() {
        let dir = if folder.is_empty() { root.to_owned() } else { root.join(&folder) };
        for entry in fs.list(&dir).map_err(|e| io_error("list a folder", &dir, &e))? {
            let path = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            if skip(&path) {
                continue;
            }
            if !entry.is_dir {
                found.push(Found { path, bytes: entry.size });
            } else if depth < DEPTH {
                folders.push((path, depth + 1));
            } else {
                return Err(Error::invalid(format_args!("{path}: folders lie deeper than {DEPTH}")));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
