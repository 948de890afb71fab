//! `meta.json`: what a block is without looking inside.

use serde::Deserialize;

use super::Error;

/// A block larger than this has no such description.
const MAX_BYTES: usize = 64 << 20;

/// The description of a block. Fields of later versions are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    /// The block's name.
    pub ulid: String,
    /// First millisecond.
    pub min_time: i64,
    /// The millisecond after the last.
    pub max_time: i64,
    /// What is in it.
    pub stats: Stats,
    /// Where it comes from.
    pub compaction: Compaction,
    /// Version of this description: 1.
    pub version: u32,
}

/// Figures of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Stats {
    /// Samples.
    pub num_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
    /// Deletions that are not carried out yet.
    pub num_tombstones: u64,
}

/// Where a block comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Compaction {
    /// How often its samples were written again.
    pub level: u32,
    /// Whether it is empty and may go.
    pub deletable: bool,
    /// Blocks that it replaces.
    pub parents: Vec<Parent>,
    /// `from-out-of-order`: made of samples that came late.
    pub hints: Vec<String>,
}

/// A block that was replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Parent {
    /// Its name.
    pub ulid: String,
    /// First millisecond.
    pub min_time: i64,
    /// The millisecond after the last.
    pub max_time: i64,
}

impl Meta {
    /// Whether it was made of samples that came late.
    pub fn is_out_of_order(&self) -> bool {
        self.compaction.hints.iter().any(|hint| hint == "from-out-of-order")
    }

    /// Reads the description.
    pub fn read(json: &[u8]) -> Result<Self, Error> {
        const FILE: &str = "meta.json";
        if json.len() > MAX_BYTES {
            return Err(Error::damaged(FILE, 0, "larger than 64 MiB"));
        }
        let meta: Self = serde_json::from_slice(json).map_err(|e| Error::damaged(FILE, 0, e))?;
        if meta.version != 1 {
            return Err(Error::damaged(FILE, 0, format_args!("version {} is not known, 1 is", meta.version)));
        }
        if meta.max_time < meta.min_time || !is_ulid(&meta.ulid) {
            return Err(Error::damaged(FILE, 0, "no ULID, or an end before the start"));
        }
        Ok(meta)
    }
}

/// Whether `name` could be the name of a block.
pub fn is_ulid(name: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b));
    name.len() == 26 && name.bytes().all(digit) && name.as_bytes().first().is_some_and(|b| *b <= b'7')
}
