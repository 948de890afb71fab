//! Checking a backup.

use std::path::Path;

use model::{Error, Result};

use super::sums::{self, Sums};
use super::{ABOUT_FILE, About, DATA, Found, Progress, SUMS_FILE, about, walk};
use crate::fs::Fs;

/// Damaged files that are named; the others are counted.
const NAMED: usize = 10;

/// Reads every file of a backup and compares it with its checksum. An error names the files that are missing, damaged
/// or none of the backup's.
pub fn verify(fs: &dyn Fs, backup: &Path, progress: &mut Progress<'_>) -> Result<About> {
    let about = about(fs, backup)?;
    let sums = sums::read(fs, backup)?;
    let found = walk(fs, backup, &|path| path == SUMS_FILE)?;
    let mut problems = strangers(&found, &sums);
    let total = found.iter().map(|f| f.bytes).sum();
    let (mut done, mut files, mut bytes) = (0, 0u64, 0u64);
    for (path, expected) in &sums {
        let mut tell = |n| {
            done += n;
            progress(done, total);
        };
        match sums::of_file(fs, &backup.join(path), &mut tell) {
            Ok((sum, _)) if sum != *expected => problems.push(format!("{path} is damaged")),
            Ok((_, size)) if path.starts_with(DATA) => (files, bytes) = (files + 1, bytes + size),
            Ok(_) => {}
            Err(e) => problems.push(format!("{path}: {}", e.message)),
        }
    }
    if !sums.contains_key(ABOUT_FILE) {
        problems.push(format!("{SUMS_FILE} has no line for {ABOUT_FILE}"));
    }
    if problems.is_empty() && (files, bytes) != (about.files, about.bytes) {
        problems.push(format!(
            "it should hold {} files of {} bytes, and holds {files} of {bytes}",
            about.files, about.bytes
        ));
    }
    if problems.is_empty() { Ok(about) } else { Err(damaged(backup, &problems)) }
}

/// Files without a checksum.
fn strangers(found: &[Found], sums: &Sums) -> Vec<String> {
    let unknown = found.iter().filter(|f| !sums.contains_key(&f.path));
    unknown.map(|f| format!("{} is not a file of this backup", f.path)).collect()
}

pub(super) fn damaged(backup: &Path, problems: &[String]) -> Error {
    let named = problems.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = match problems.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Error::invalid(format_args!("{}: {named}{more}", backup.display()))
}
