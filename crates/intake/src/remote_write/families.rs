//! Metadata that comes with every series: told to the store once, not with every request.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use wire::remote_write::Metadata;

/// Families remembered; a full memory starts anew.
const MOST: usize = 1 << 16;

/// What was told already, as hashes.
#[derive(Debug, Default)]
pub(super) struct Told {
    seen: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Told {
    /// Whether this metadata of a family was not told before; it counts as told from now on.
    pub(super) fn is_new(&self, family: &str, metadata: &Metadata<'_>) -> bool {
        let key = self.hasher.hash_one((family, metadata.kind, metadata.help, metadata.unit));
        let mut seen = self.seen.lock();
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert(key)
    }
}

/// The family of a series, from its name and type.
pub(super) fn family_of<'a>(name: &'a str, kind: &str) -> &'a str {
    let suffixes: &[&str] = match kind {
        "histogram" => &["_bucket", "_count", "_sum"],
        "summary" => &["_count", "_sum"],
        "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
