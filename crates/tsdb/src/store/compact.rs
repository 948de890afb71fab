//! Blocks of one window become one, then those of larger windows.

use std::sync::Arc;

use model::{Labels, Result, TimeRange};
use tracing::info;

use super::Store;
use crate::block::{Block, BlockWriter, Pages, Walk};
use crate::codec::Effort;
use crate::config::{WINDOW, window_of};
use crate::merge::{Run, merge};

/// Each range is this many times the one before.
const FACTOR: i64 = 3;
/// The largest range: 31 days.
const LARGEST: i64 = 31 * 86_400_000;
/// An open window is compacted too when it has this many blocks.
const CROWDED: usize = 8;
/// Small late blocks wait until they are this many, or hold a tenth of the window's samples.
const LATECOMERS: usize = 4;

impl Store {
    /// Compacts the first window that needs it; whether there was one.
    pub(super) fn compact_once(&self) -> Result<bool> {
        let Some((window, group)) = self.plan() else { return Ok(false) };
        self.rewrite(window, &group)?;
        Ok(true)
    }

    /// Writes blocks again as one, without what is deleted.
    pub(super) fn rewrite(&self, window: TimeRange, group: &[Arc<Block>]) -> Result<()> {
        let names: Vec<String> = group.iter().map(|b| b.name.clone()).collect();
        let rank = group.iter().map(|b| b.meta.rank).max().unwrap_or(0);
        let merged = self.blocks.publish(window, |dir, _| {
            let mut writer = BlockWriter::create(&*self.fs, dir, Effort::Thorough, &self.options.budget)?
                .observed(&self.metrics.named);
            merge_blocks(group, &mut writer)?;
            writer.finish(rank, &names)
        })?;
        info!(blocks = names.len(), samples = merged.meta.samples, "blocks compacted");
        if merged.meta.samples == 0 {
            // All of it was deleted. The empty block goes last: it says which blocks it replaces.
            self.blocks.replace(group, Vec::new())?;
            self.blocks.replace(&[merged], Vec::new())?;
        } else {
            self.blocks.replace(group, vec![merged])?;
        }
        self.metrics.compactions.inc();
        Ok(())
    }

    fn plan(&self) -> Option<(TimeRange, Vec<Arc<Block>>)> {
        let all = self.blocks.all();
        let closed_before = self.clock.now_ms().saturating_sub(self.out_of_order_ms());
        let largest = match self.options.retention_ms {
            0 => LARGEST,
            retention => LARGEST.min(retention / 10),
        };
        let mut length = WINDOW;
        loop {
            let found = all.iter().find_map(|block| {
                let window = window_of(block.meta.range.start, length);
                let inside = |b: &&Arc<Block>| {
                    window.contains(b.meta.range.start) && window.contains(b.meta.range.end) && !b.is_broken()
                };
                let group: Vec<Arc<Block>> = all.iter().filter(inside).cloned().collect();
                let due = group.len() >= 2
                    && (group.len() >= CROWDED || (window.end < closed_before && worth_it(&group)));
                due.then_some((window, group))
            });
            if found.is_some() {
                return found;
            }
            length *= FACTOR;
            if length > largest {
                return None;
            }
        }
    }
}

/// Whether the blocks beside the largest justify writing it again.
fn worth_it(group: &[Arc<Block>]) -> bool {
    let samples = |b: &Arc<Block>| b.meta.samples;
    let all: u64 = group.iter().map(samples).sum();
    let largest = group.iter().map(samples).max().unwrap_or(0);
    group.len() > LATECOMERS || (all - largest) * 10 >= all
}

/// Merges the series of blocks, which are in order of rank: of equal times the first block wins.
fn merge_blocks(group: &[Arc<Block>], writer: &mut BlockWriter) -> Result<()> {
    let mut sources: Vec<(Walk, Pages)> =
        group.iter().map(|b| (Walk::new(Arc::clone(b)), Pages::default())).collect();
    let mut runs = vec![Run::default(); group.len()];
    let (mut merged, mut scratch) = (Run::default(), Run::default());
    while let Some(labels) = first_labels(&mut sources)? {
        for ((walk, pages), run) in sources.iter_mut().zip(&mut runs) {
            run.clear();
            if walk.peek()?.is_some_and(|s| s.labels == labels)
                && let Some(series) = walk.take()
            {
                for page in &series.pages {
                    pages.read(&walk.block, page, run)?;
                }
                if let Some(deleted) = &series.deleted {
                    run.delete(deleted);
                }
            }
        }
        merge(&mut runs, TimeRange::ALL, &mut merged, &mut scratch);
        writer.add(&labels, &merged)?;
    }
    Ok(())
}

fn first_labels(sources: &mut [(Walk, Pages)]) -> Result<Option<Labels>> {
    let mut first: Option<Labels> = None;
    for (walk, _) in sources {
        if let Some(series) = walk.peek()?
            && first.as_ref().is_none_or(|f| series.labels < *f)
        {
            first = Some(series.labels.clone());
        }
    }
    Ok(first)
}
