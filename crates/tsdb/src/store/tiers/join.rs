//! Blocks of summaries become larger ones.

use std::sync::Arc;

use model::{Result, TimeRange};

use super::super::Store;
use super::super::compact::first_labels;
use super::{DAY, aligned, is_current, lengths};
use crate::block::{Block, BlockWriter, Pages, Walk};
use crate::codec::Effort;
use crate::merge::Run;
use crate::tiers::columns::{Column, Folded};
use crate::tiers::window_of;

impl Store {
    /// Neighbours in a longer window that may become one.
    pub(super) fn mergeable(&self, level: usize, settled: i64) -> Option<Vec<Arc<Block>>> {
        let samples = self.blocks.all();
        let mut all = self.tiers.levels[level].blocks.all().to_vec();
        all.sort_by_key(|b| window_of(b).start);
        let keep = self.retention().tier_ms(self.tiers.levels[level].resolution);
        for length in lengths(keep).rev().filter(|length| *length > DAY) {
            let longer = |b: &Arc<Block>| aligned(window_of(b).start, length);
            for group in all.chunk_by(|a, b| longer(a) == longer(b)) {
                let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
                let window = longer(first);
                let whole = |b: &Arc<Block>| {
                    let own = window_of(b);
                    own.end <= window.end && !b.is_broken() && is_current(b, own, &samples)
                };
                // Between them there is nothing that they would then claim to know.
                let gapless = group.windows(2).all(|pair| {
                    let gap = TimeRange::new(window_of(&pair[0]).end + 1, window_of(&pair[1]).start - 1);
                    gap.is_empty() || !samples.iter().any(|b| b.meta.range.overlaps(gap))
                });
                let closed = window.end <= settled && window_of(last).end <= window.end;
                if group.len() >= 2 && closed && gapless && group.iter().all(whole) {
                    return Some(group.to_vec());
                }
            }
        }
        None
    }

    /// Writes blocks of a tier, in order of time, again as one, without what is deleted.
    pub(in crate::store) fn rewrite_tier(
        &self,
        resolution: i64,
        group: &[Arc<Block>],
    ) -> Result<Option<Arc<Block>>> {
        let level = self.tiers.levels.iter().find(|level| level.resolution == resolution);
        let (Some(level), Some(first), Some(last)) = (level, group.first(), group.last()) else {
            return Ok(None);
        };
        let window = TimeRange::new(window_of(first).start, window_of(last).end);
        let names: Vec<String> = group.iter().map(|b| b.name.clone()).collect();
        // Several are merged only where all are current: then they have seen all that there is.
        let seen = if group.len() > 1 { self.blocks.last_number() } else { first.seen() };
        let merged = level.blocks.publish(window, |dir, _| {
            let mut writer = BlockWriter::create(&*self.fs, dir, Effort::Thorough, &self.options.budget)?;
            join(group, resolution, &mut writer)?;
            writer.finish(seen, &names)
        })?;
        level.blocks.exchange(group, merged)
    }
}

/// Joins blocks of one tier, which follow each other in time.
fn join(group: &[Arc<Block>], resolution: i64, writer: &mut BlockWriter) -> Result<()> {
    let mut sources: Vec<(Walk, Pages)> =
        group.iter().map(|b| (Walk::new(Arc::clone(b)), Pages::default())).collect();
    let (mut folded, mut run) = (Folded::default(), Run::default());
    while let Some(labels) = first_labels(&mut sources)? {
        folded.clear();
        for (walk, pages) in &mut sources {
            if walk.peek()?.is_some_and(|s| s.labels == labels)
                && let Some(series) = walk.take()
            {
                let of = |column: Column| {
                    series.pages.iter().filter(move |p| Column::of(p.range.start) == Some(column))
                };
                for column in Column::each() {
                    // What was left out because another column tells it is written out, and left out again at the end.
                    let stored = match column {
                        Column::Min if of(column).next().is_none() => Column::First,
                        Column::Max if of(column).next().is_none() => Column::Last,
                        other => other,
                    };
                    run.clear();
                    for page in of(stored) {
                        pages.read(&walk.block, page, &mut run)?;
                    }
                    if let Some(deleted) = &series.deleted {
                        run.delete(deleted);
                    }
                    folded.append(column, stored, resolution, &mut run);
                }
            }
        }
        writer.add_parts(&labels, folded.finish())?;
    }
    Ok(())
}
