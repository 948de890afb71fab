//! How much a store may take: an explicit size, or the default drawn from the file system.

use std::path::Path;

use model::Result;

use crate::error::io_error;
use crate::fs::Fs;

/// The default upper bound: 10 GiB.
pub const DEFAULT_MAX_BYTES: u64 = 10 << 30;

/// What a store in `dir` may take on disk: `explicit` where given (0: no limit), otherwise at most 10 GiB and at most
/// 80 % of the file system.
pub fn size_limit(fs: &dyn Fs, dir: &Path, explicit: Option<u64>) -> Result<u64> {
    match explicit {
        Some(0) => Ok(u64::MAX),
        Some(bytes) => Ok(bytes),
        None => {
            let space = fs.space(dir).map_err(|e| io_error("measure the file system", dir, &e))?;
            Ok(DEFAULT_MAX_BYTES.min(space.total / 5 * 4))
        }
    }
}

/// Bytes of all files under `dir`; 0 where it is missing.
pub fn used_bytes(fs: &dyn Fs, dir: &Path) -> Result<u64> {
    let mut sum = 0u64;
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        let entries = match fs.list(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(io_error("list a directory", &dir, &e)),
        };
        for entry in entries {
            if entry.is_dir {
                pending.push(dir.join(entry.name));
            } else {
                sum = sum.saturating_add(entry.size);
            }
        }
    }
    Ok(sum)
}

/// Which of `sizes` (oldest first) must go so that the rest fits `limit`: the number of oldest entries to remove.
pub fn oldest_to_remove(sizes: &[u64], limit: u64) -> usize {
    let mut total = sizes.iter().fold(0u64, |a, b| a.saturating_add(*b));
    let mut count = 0;
    while total > limit && count < sizes.len() {
        total -= sizes[count];
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealFs;

    #[test]
    fn the_oldest_go_first_and_no_more_than_needed() {
        assert_eq!(oldest_to_remove(&[5, 5, 5], 15), 0);
        assert_eq!(oldest_to_remove(&[5, 5, 5], 14), 1);
        assert_eq!(oldest_to_remove(&[5, 5, 5], 4), 3);
        assert_eq!(oldest_to_remove(&[], 0), 0);
    }

    #[test]
    fn an_explicit_limit_replaces_the_default() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(size_limit(&RealFs, dir.path(), Some(7)).unwrap(), 7);
        assert_eq!(size_limit(&RealFs, dir.path(), Some(0)).unwrap(), u64::MAX);
        let default = size_limit(&RealFs, dir.path(), None).unwrap();
        assert!(default > 0 && default <= DEFAULT_MAX_BYTES);
    }

    #[test]
    fn bytes_are_counted_through_sub_directories() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), [0; 10]).unwrap();
        std::fs::write(dir.path().join("c"), [0; 5]).unwrap();
        assert_eq!(used_bytes(&RealFs, dir.path()).unwrap(), 15);
        assert_eq!(used_bytes(&RealFs, &dir.path().join("missing")).unwrap(), 0);
    }
}
