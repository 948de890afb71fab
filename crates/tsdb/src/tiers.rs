//! Tiers: for history that no longer changes, summaries of spans of an hour and of five minutes, series by series.
//! Queries that need no more read them in place of samples; where samples were deleted for their age, they are what is
//! left.
//!
//! A tier is a folder of blocks of the ordinary kind. What is a time there is a column and a time ([`columns`]); so
//! pages, codecs, index, tombstones and cache are those of samples, and a query reads the columns that it needs.
//! [`coverage`] decides which part of a query a tier answers, [`read`] makes summaries of columns. The store builds
//! tiers (`store/tiers.rs`). docs/formats/tiers.md draws them; docs/decisions/tiers.md says which results they may give.

pub(crate) mod columns;
pub(crate) mod coverage;
pub(crate) mod read;

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use model::{Result, TimeRange};

use crate::block::{Block, parse_name};
use crate::config::Options;
use crate::metrics::Metrics;
use crate::store::blocks::Blocks;

/// Spans in ms with the names of their folders, coarsest first.
pub(crate) const LEVELS: [(i64, &str); 2] = [(3_600_000, "1h"), (300_000, "5m")];

/// The part of the memory for cached blocks that each tier gets.
const CACHE_SHARE: u64 = 4;

/// One tier.
pub(crate) struct Level {
    /// Length of its spans, ms.
    pub(crate) resolution: i64,
    pub(crate) blocks: Blocks,
}

/// All tiers, coarsest first.
pub(crate) struct Tiers {
    pub(crate) levels: Vec<Level>,
}

impl Tiers {
    pub(crate) fn open(fs: &Arc<dyn Fs>, dir: &Path, options: &Options) -> Result<Self> {
        let options = Options { cache_bytes: options.cache_bytes / CACHE_SHARE, ..options.clone() };
        disk::publish::prepare(&**fs, dir)?;
        let level = |(resolution, name): (i64, &str)| {
            // Their figures are not those of blocks of samples.
            let blocks = Blocks::open(fs, &dir.join(name), &options, &Metrics::default())?;
            Ok(Level { resolution, blocks })
        };
        Ok(Self { levels: LEVELS.into_iter().map(level).collect::<Result<_>>()? })
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.levels.iter().flat_map(|level| level.blocks.all().to_vec()).map(|b| b.bytes).sum()
    }

    /// The highest number of a block of samples that a tier has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.levels.iter().flat_map(|level| level.blocks.all().to_vec()).map(|b| b.seen()).max().unwrap_or(0)
    }
}

/// The first and the last millisecond that a block of a tier tells about.
pub(crate) fn window_of(block: &Block) -> TimeRange {
    // The name was read when the block was opened.
    parse_name(&block.name).map_or(TimeRange::new(0, -1), |(_, window)| window)
}

/// The first span that a block of a tier has, as far as its index tells: up to its end.
pub(crate) fn first_span_end(block: &Block, resolution: i64) -> i64 {
    border_at_or_after(columns::time_of(block.meta.range.start), resolution)
}

/// The border of spans at or after `t`.
pub(crate) fn border_at_or_after(t: i64, resolution: i64) -> i64 {
    (t - 1).div_euclid(resolution).saturating_add(1).saturating_mul(resolution)
}
