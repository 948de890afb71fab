//! Unpacks a text archive (its README tells the format): a list of folders, links and files with their lines.

use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Unpacks `archive` into `dir`.
pub(crate) fn unpack(archive: &[u8], dir: &Path) -> Result<()> {
    let mut lines = archive.strip_suffix(b"\n").unwrap_or(archive).split(|b| *b == b'\n');
    let mut path = PathBuf::new();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        match line.split_once(": ") {
            Some(("Directory", name)) => std::fs::create_dir_all(dir.join(name))?,
            Some(("Path", name)) => {
                path = dir.join(name);
                std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
            }
            Some(("SymlinkTo", target)) => symlink(target, &path)?,
            Some(("Lines", count)) => {
                let count = count.parse().map_err(|_| Error::new(ErrorKind::InvalidData, line.clone()))?;
                let content: Vec<u8> = lines.by_ref().take(count).flat_map(content).collect();
                std::fs::write(&path, content)?;
            }
            Some(("Mode", _)) => {}
            _ => return Err(Error::new(ErrorKind::InvalidData, line.clone())),
        }
    }
    Ok(())
}

/// One line with its end, escapes resolved.
fn content(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len() + 1);
    let mut ended = false;
    let mut rest = line;
    while let Some(first) = rest.first() {
        let (skip, bytes): (usize, &[u8]) = if rest.starts_with(b"\\NULLBYTE") {
            (9, b"NULLBYTE")
        } else if rest.starts_with(b"\\EOF") {
            (4, b"EOF")
        } else if rest.starts_with(b"NULLBYTE") {
            (8, &[0])
        } else if rest.starts_with(b"EOF") {
            ended = true;
            (3, &[])
        } else {
            (1, std::slice::from_ref(first))
        };
        out.extend_from_slice(bytes);
        rest = &rest[skip..];
    }
    if !ended {
        out.push(b'\n');
    }
    out
}
