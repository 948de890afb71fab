//! How much of the samples a block of summaries knows, where that is more than when it was written. A small file beside
//! the other two, published anew when it changes; docs/formats/tiers.md draws it.

use std::path::Path;
use std::sync::atomic::Ordering;

use disk::header::{self, Kind};
use disk::{Fs, io_error, publish};
use model::{ErrorKind, Result};
use tracing::warn;

use super::read::Block;

const KIND: Kind = Kind { tag: b's', name: "what summaries have seen", version: 1, oldest: 1 };
const FILE: &str = "seen";
/// Header, number and checksum.
const LEN: usize = header::LEN + 8 + 4;

/// The rank in the directory of a block; 0 where there is none. One that is damaged costs no more than the summaries'
/// being made anew.
pub(super) fn open(fs: &dyn Fs, dir: &Path) -> Result<u64> {
    let path = dir.join(FILE);
    if !fs.exists(&path).map_err(|e| io_error("look at a file", &path, &e))? {
        return Ok(0);
    }
    let read = disk::fs::read_file(fs, &path, LEN as u64).map_err(|e| io_error("read a file", &path, &e));
    let found = match read.and_then(|bytes| header::check(KIND, &bytes).map(|_| bytes)) {
        Err(e) if e.kind == ErrorKind::Conflict => return Err(e),
        Err(_) => None,
        Ok(bytes) => bytes
            .get(header::LEN..)
            .and_then(|body| body.first_chunk())
            .map(|rank| u64::from_le_bytes(*rank))
            .filter(|rank| bytes == encode(KIND, *rank)),
    };
    Ok(found.unwrap_or_else(|| {
        warn!("{} is damaged; its summaries may be made anew", path.display());
        0
    }))
}

fn encode(kind: Kind, rank: u64) -> Vec<u8> {
    let rank = rank.to_le_bytes();
    [&header::write(kind)[..], &rank, &crc32fast::hash(&rank).to_le_bytes()].concat()
}

impl Block {
    /// The highest rank of samples that this block of summaries knows.
    pub(crate) fn seen(&self) -> u64 {
        self.meta.rank.max(self.seen.load(Ordering::Relaxed))
    }

    /// Raises [`Block::seen`], durably.
    pub(crate) fn see(&self, fs: &dyn Fs, blocks: &Path, rank: u64) -> Result<()> {
        publish::file(fs, &blocks.join(&self.name).join(FILE), &encode(KIND, rank))?;
        self.seen.fetch_max(rank, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use disk::sim::SimFs;

    use super::*;

    #[test]
    fn a_damaged_file_says_nothing_and_another_version_is_refused() {
        let (fs, dir) = (SimFs::new(), Path::new("/b"));
        publish::prepare(&fs, dir).unwrap();
        assert_eq!(open(&fs, dir).unwrap(), 0);
        let write = |kind: Kind, rank: u64| publish::file(&fs, &dir.join(FILE), &encode(kind, rank)).unwrap();
        for at in 0..LEN {
            write(KIND, 77);
            assert_eq!(open(&fs, dir).unwrap(), 77);
            fs.corrupt(&dir.join(FILE), |bytes| bytes[at] ^= 4);
            assert_eq!(open(&fs, dir).unwrap(), 0, "byte {at}");
            fs.corrupt(&dir.join(FILE), |bytes| bytes.truncate(at));
            assert_eq!(open(&fs, dir).unwrap(), 0, "{at} bytes");
        }
        write(Kind { version: 2, ..KIND }, 77);
        assert_eq!(open(&fs, dir).unwrap_err().kind, ErrorKind::Conflict);
    }
}
