//! `SHA256SUMS`: a line a file, its checksum in hexadecimal digits, two blanks, its path.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use model::{Error, Result};
use sha2::{Digest, Sha256};

use super::{DEPTH, SUMS_FILE};
use crate::error::io_error;
use crate::fs::{File, Fs, read_file};

/// A line has at most some hundred bytes: this is a million files and more.
const SUMS_BYTES: u64 = 256 << 20;
/// What is read at once.
pub(super) const PIECE: usize = 256 << 10;

/// Checksums by path.
pub(super) type Sums = BTreeMap<String, String>;

/// A checksum as it grows.
#[derive(Default)]
pub(super) struct Sum(Sha256);

impl Sum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

pub(super) fn write(sums: &Sums) -> String {
    sums.iter().fold(String::new(), |mut text, (path, sum)| {
        // As above.
        let _ = writeln!(text, "{sum}  {path}");
        text
    })
}

/// Reads the checksums of a backup. Paths that lead out of it are refused.
pub(super) fn read(fs: &dyn Fs, backup: &Path) -> Result<Sums> {
    let path = backup.join(SUMS_FILE);
    let bytes = read_file(fs, &path, SUMS_BYTES).map_err(|e| io_error("read the checksums", &path, &e))?;
    let shown = backup.display();
    let damaged =
        |line: usize, what: &str| Error::invalid(format_args!("{shown}: {SUMS_FILE}, line {line}: {what}"));
    let text = std::str::from_utf8(&bytes)
        .map_err(|e| Error::invalid(format_args!("{shown}: {SUMS_FILE} is damaged: {e}")))?;
    let mut sums = Sums::new();
    for (at, line) in text.lines().enumerate() {
        let (sum, path) = line.split_once("  ").ok_or_else(|| damaged(at + 1, "no checksum and path"))?;
        if sum.len() != 64 || !sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(damaged(at + 1, "the checksum is not one of SHA-256"));
        }
        let names = path.split('/');
        if names.clone().count() > DEPTH + 2 || names.clone().any(|name| matches!(name, "" | "." | "..")) {
            return Err(damaged(at + 1, "the path leads elsewhere"));
        }
        if sums.insert(path.to_owned(), sum.to_owned()).is_some() {
            return Err(damaged(at + 1, "the path is there twice"));
        }
    }
    Ok(sums)
}

/// Reads a file to its end, piece by piece.
pub(super) fn read_through(
    file: &dyn File,
    path: &Path,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let (mut piece, mut at) = (vec![0; PIECE], 0u64);
    loop {
        let n = file.read_at(&mut piece, at).map_err(|e| io_error("read a file", path, &e))?;
        if n == 0 {
            return Ok(at);
        }
        take(&piece[..n])?; // `read_at` says how much of the piece it filled
        at += n as u64;
    }
}

/// The checksum of a file and its size.
pub(super) fn of_file(fs: &dyn Fs, path: &Path, tell: &mut dyn FnMut(u64)) -> Result<(String, u64)> {
    let file = fs.open(path).map_err(|e| io_error("open a file", path, &e))?;
    let mut sum = Sum::default();
    let size = read_through(&*file, path, &mut |piece| {
        sum.add(piece);
        tell(piece.len() as u64);
        Ok(())
    })?;
    Ok((sum.finish(), size))
}
