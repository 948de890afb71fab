//! Small files into a reused buffer, with a cap.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No file of /proc or /sys that is read here comes near this; /proc/stat of a machine with thousands of interrupts
/// has some hundred kilobytes.
const MOST: u64 = 16 << 20;

/// Why a source could not give its samples.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// A file could not be read.
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    /// A file says something that it should not.
    #[error("{path}: line {line}: {what}")]
    Malformed { path: String, line: usize, what: String },
    /// This kernel or machine does not have it.
    #[error("{reason}")]
    NoData { reason: String, remedy: &'static str },
}

impl SourceError {
    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), error }
    }

    /// `line` counts from 1.
    pub(crate) fn malformed(path: &Path, line: usize, what: impl Into<String>) -> Self {
        Self::Malformed { path: path.display().to_string(), line, what: what.into() }
    }

    /// Whether the file is just not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound)
    }
}

pub(crate) type SourceResult<T> = Result<T, SourceError>;

/// Reads the whole file into `buffer`, which is emptied first.
pub(crate) fn read_into<'a>(path: &Path, buffer: &'a mut Vec<u8>) -> SourceResult<&'a [u8]> {
    buffer.clear();
    let read = File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(buffer));
    match read {
        Ok(n) if n as u64 > MOST => {
            buffer.clear();
            Err(SourceError::malformed(path, 1, format!("the file has more than {MOST} bytes")))
        }
        Ok(_) => Ok(buffer),
        Err(error) => Err(SourceError::io(path, error)),
    }
}

/// Reads a file that need not be there.
pub(crate) fn read_optional<'a>(path: &Path, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    read_into(path, buffer).ok()
}

/// Names in a directory that `wanted` accepts, sorted by their number where they end in one (`cpu2` before `cpu10`).
pub(crate) fn entries(dir: &Path, wanted: impl Fn(&str) -> bool) -> SourceResult<Vec<(String, PathBuf)>> {
    let list = std::fs::read_dir(dir).map_err(|error| SourceError::io(dir, error))?;
    let mut found = Vec::new();
    for entry in list {
        let entry = entry.map_err(|error| SourceError::io(dir, error))?;
        let name: OsString = entry.file_name();
        if let Some(name) = name.to_str().filter(|name| wanted(name)) {
            found.push((name.to_owned(), entry.path()));
        }
    }
    found.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
    Ok(found)
}

/// Whether `name` is `prefix` followed by digits only.
pub(crate) fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}
