//! Blocks of one window become one, then those of larger windows.

use std::sync::Arc;

use model::{Labels, Result, TimeRange};
use tracing::info;

use super::Store;
use super::tiers::LOOK_EVERY;
use crate::block::{Block, BlockSeries, BlockWriter, Page, Pages, Walk};
use crate::codec::Effort;
use crate::config::{WINDOW, window_of};
use crate::merge::{Run, merge};

/// Each range is this many times the one before.
pub(super) const FACTOR: i64 = 3;
/// The largest range: 31 days.
const LARGEST: i64 = 31 * 86_400_000;
/// An open window is compacted too when it has this many blocks.
const CROWDED: usize = 8;
/// So many pages of a series are written as longer ones where they have fewer samples than this on average. Windows
/// grow threefold, so a sample is encoded once in every second compaction, and from a length on never again.
const MANY_PAGES: usize = 4;
const LONG_PAGE: usize = 2048;
/// Small late blocks wait until they are this many, or hold a tenth of the window's samples.
const LATECOMERS: usize = 4;

impl Store {
    /// Compacts the first window that needs it; whether there was one.
    pub(super) fn compact_once(&self) -> Result<bool> {
        let Some((window, group)) = self.plan() else { return Ok(false) };
        self.rewrite(window, &group)?;
        Ok(true)
    }

    /// Writes blocks again as one, without what is deleted; `None` where that was all.
    pub(super) fn rewrite(&self, window: TimeRange, group: &[Arc<Block>]) -> Result<Option<Arc<Block>>> {
        let names: Vec<String> = group.iter().map(|b| b.name.clone()).collect();
        let rank = group.iter().map(|b| b.meta.rank).max().unwrap_or(0);
        self.stay_current(window, rank)?;
        let merged = self.blocks.publish(window, |dir, _| {
            let mut writer = BlockWriter::create(&*self.fs, dir, Effort::Thorough, &self.compacting)?
                .observed(&self.metrics.named);
            merge_blocks(group, &mut writer, &|| self.go_on())?;
            writer.finish(rank, &names)
        })?;
        info!(blocks = names.len(), samples = merged.meta.samples, "blocks compacted");
        self.metrics.compactions.inc();
        self.blocks.exchange(group, merged)
    }

    fn plan(&self) -> Option<(TimeRange, Vec<Arc<Block>>)> {
        let all = self.blocks.all();
        let closed_before = self.clock.now_ms().saturating_sub(self.out_of_order_ms());
        let largest = largest(self.retention().shortest_ms());
        let mut length = WINDOW;
        loop {
            let found = all.iter().find_map(|block| {
                let window = window_of(block.meta.range.start, length);
                let inside = |b: &&Arc<Block>| {
                    window.contains(b.meta.range.start) && window.contains(b.meta.range.end)
                };
                let due = |group: &Vec<Arc<Block>>| {
                    group.len() >= 2
                        && (group.len() >= CROWDED || (window.end < closed_before && worth_it(group)))
                };
                runs(&all, inside).into_iter().find(due).map(|group| (window, group))
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

/// The longest window of a block, ms.
pub(crate) fn largest(retention_ms: i64) -> i64 {
    match retention_ms {
        0 => LARGEST,
        retention => LARGEST.min(retention / 10),
    }
}

/// Those of the blocks, which are in order of rank, that are `inside` a window, parted where another block of a rank between
/// overlaps some of lower rank: the blocks of a group get the highest of their ranks, and the one between would win over
/// what wins over it.
fn runs(all: &[Arc<Block>], inside: impl Fn(&&Arc<Block>) -> bool) -> Vec<Vec<Arc<Block>>> {
    let (mut runs, mut run) = (Vec::new(), Vec::<Arc<Block>>::new());
    for block in all.iter().filter(|b| !b.is_broken()) {
        if inside(&block) {
            run.push(Arc::clone(block));
        } else if run.iter().any(|b| b.meta.range.overlaps(block.meta.range)) {
            runs.push(std::mem::take(&mut run));
        }
    }
    runs.push(run);
    runs
}

/// Whether the blocks beside the largest justify writing it again.
fn worth_it(group: &[Arc<Block>]) -> bool {
    let samples = |b: &Arc<Block>| b.meta.samples;
    let all: u64 = group.iter().map(samples).sum();
    let largest = group.iter().map(samples).max().unwrap_or(0);
    group.len() > LATECOMERS || (all - largest) * 10 >= all
}

/// Merges the series of blocks, which are in order of rank: of equal times the first block wins. An error of `go_on`,
/// which is asked from time to time, ends it.
fn merge_blocks(
    group: &[Arc<Block>],
    writer: &mut BlockWriter,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let mut sources: Vec<(Walk, Pages)> =
        group.iter().map(|b| (Walk::new(Arc::clone(b)), Pages::default())).collect();
    let mut runs = vec![Run::default(); group.len()];
    let (mut merged, mut scratch) = (Run::default(), Run::default());
    let mut count = 0usize;
    while let Some(labels) = first_labels(&mut sources)? {
        count += 1;
        if count.is_multiple_of(LOOK_EVERY) {
            go_on()?;
        }
        let mut found: Vec<(usize, BlockSeries)> = Vec::with_capacity(group.len());
        for (at, (walk, _)) in sources.iter_mut().enumerate() {
            if walk.peek()?.is_some_and(|s| s.labels == labels) {
                found.extend(walk.take().map(|series| (at, series)));
            }
        }
        if let Some(pages) = copyable(&found) {
            let pages: Vec<_> = pages.iter().map(|(at, page)| (&*group[*at], *page)).collect();
            writer.copy(&labels, &pages)?;
            continue;
        }
        runs.iter_mut().for_each(Run::clear);
        for (at, series) in &found {
            // `at` counts the sources, of which each has a run.
            let ((walk, pages), run) = (&mut sources[*at], &mut runs[*at]);
            for page in &series.pages {
                pages.read(&walk.block, page, run)?;
            }
            if let Some(deleted) = &series.deleted {
                run.delete(deleted);
            }
        }
        merge(&mut runs, TimeRange::ALL, &mut merged, &mut scratch);
        writer.add(&labels, &merged)?;
    }
    Ok(())
}

/// The pages of a series, with the number of their block, if they can go over as they are: apart from each other,
/// nothing deleted, and not so many and short that one long page is worth the work.
fn copyable(found: &[(usize, BlockSeries)]) -> Option<Vec<(usize, Page)>> {
    if found.iter().any(|(_, series)| series.deleted.is_some()) {
        return None;
    }
    let mut pages: Vec<(usize, Page)> =
        found.iter().flat_map(|(at, series)| series.pages.iter().map(|page| (*at, *page))).collect();
    pages.sort_unstable_by_key(|(_, page)| page.range.start);
    let apart = pages.windows(2).all(|two| two[0].1.range.end < two[1].1.range.start);
    let plain = pages.iter().all(|(_, page)| !page.has_histograms());
    let samples: usize = pages.iter().map(|(_, page)| page.samples as usize).sum();
    let long = pages.len() < MANY_PAGES || samples >= pages.len() * LONG_PAGE;
    (apart && plain && long).then_some(pages)
}

pub(super) fn first_labels(sources: &mut [(Walk, Pages)]) -> Result<Option<Labels>> {
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
