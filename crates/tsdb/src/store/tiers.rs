//! Makes tiers of samples that no longer change, and larger blocks of theirs (`join`); says what of them may be read
//! (`reading`).
//!
//! A block of a tier remembers the highest number that a block of samples had when it was made. It is current while no
//! block with a higher rank holds samples of its window: a block that was compacted from seen ones has one of their
//! ranks, one with late samples has a higher one. Where seen ones become one with others, what is current remembers the
//! rank of the whole first. A block that is not current is not read in place of samples, and is made anew once nothing
//! came into its window for a while.

mod join;
mod reading;

use std::collections::HashMap;
use std::sync::Arc;

use model::{Result, TimeRange};
use tracing::info;

use super::Store;
use super::compact::first_labels;
use crate::block::{Block, BlockWriter, Pages, Walk};
use crate::codec::Effort;
use crate::merge::{Run, merge};
use crate::retention::TierInfo;
use crate::tiers::columns::{Folded, TIMES};
use crate::tiers::{Level, border_at_or_after, first_span_end, window_of};

const DAY: i64 = 86_400_000;
/// Windows of blocks, longest first.
const LENGTHS: [i64; 4] = [64 * DAY, 16 * DAY, 4 * DAY, DAY];
/// Samples that are folded in one go, unless a day has more.
const MOST_SAMPLES: u64 = 200_000_000;
/// Samples may come this much later than the window for late samples says.
const MARGIN: i64 = 3_600_000;
/// A window with late samples is made anew when none came for this long.
const QUIET: i64 = 600_000;
/// Steps of one maintenance.
const STEPS: usize = 8;
/// Series folded between two looks at what else is due.
pub(super) const LOOK_EVERY: usize = 1 << 12;

/// What the making of tiers must know from call to call.
#[derive(Debug, Default)]
pub(crate) struct Making {
    /// Days without any sample, by level and start: with the highest rank of a block that spans them.
    empty: HashMap<(usize, i64), u64>,
    /// Blocks that are not current, by level and number: the highest rank of samples then, and since when, by the
    /// clock.
    outdated: HashMap<(usize, u64), (u64, i64)>,
    /// Up to here summaries were removed for want of room: they are not made again.
    pub(super) dropped: HashMap<usize, i64>,
}

impl Store {
    /// Makes what is due, a few steps at a time.
    pub(super) fn maintain_tiers(&self) -> Result<()> {
        for _ in 0..STEPS {
            match self.tiers_once() {
                Ok(true) if !self.flush_is_due()? => self.go_on()?,
                Ok(_) => break,
                // Memory is short: samples have all of it, summaries can wait.
                Err(error) if error.kind == model::ErrorKind::Limited => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn tiers_once(&self) -> Result<bool> {
        for level in &self.tiers.levels {
            level.blocks.quarantine()?;
        }
        if !self.retention().downsampling.enabled {
            return Ok(false);
        }
        let now = self.clock.now_ms();
        let late = self.out_of_order_ms().saturating_add(MARGIN);
        let in_memory = self.oldest_in_memory();
        let settled = now.saturating_sub(late).min(in_memory.saturating_sub(1)).min(TIMES.end);
        if self.drop_outdated(now)? {
            return Ok(true);
        }
        for level in 0..self.tiers.levels.len() {
            if let Some(window) = self.missing(level, settled, now) {
                self.make(window, settled, now)?;
                return Ok(true);
            }
        }
        for (at, level) in self.tiers.levels.iter().enumerate() {
            if let Some(group) = self.mergeable(at, settled) {
                self.rewrite_tier(level.resolution, &group)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Time of the oldest sample that is not in a block, if there is one.
    fn oldest_in_memory(&self) -> i64 {
        self.head.range().map_or(i64::MAX, |range| range.start)
    }

    /// Removes one block that late samples made wrong, where the samples to make it anew are there.
    fn drop_outdated(&self, now: i64) -> Result<bool> {
        let (samples, gone) = (self.blocks.all(), self.gone_before());
        let mut making = self.making.lock();
        let mut still = HashMap::new();
        for (at, level) in self.tiers.levels.iter().enumerate() {
            for block in level.blocks.all().iter() {
                let window = window_of(block);
                if is_current(block, window, &samples) || first_span_end(block, level.resolution) < gone {
                    continue;
                }
                let key = (at, block.number);
                let newest = newest_rank(&samples, window);
                let known = making.outdated.get(&key).filter(|known| known.0 == newest);
                let since = known.map_or(now, |known| known.1);
                if now.saturating_sub(since) >= QUIET {
                    info!(block = block.name, "summaries are made anew: there are late samples");
                    level.blocks.replace(std::slice::from_ref(block), Vec::new())?;
                    return Ok(true);
                }
                still.insert(key, (newest, since));
            }
        }
        making.outdated = still;
        Ok(false)
    }

    /// A window that this level should have and has not.
    fn missing(&self, level: usize, settled: i64, now: i64) -> Option<TimeRange> {
        let samples = self.blocks.all();
        let have: Vec<TimeRange> =
            self.tiers.levels[level].blocks.all().iter().map(|b| window_of(b)).collect();
        let keep = self.retention().tier_ms(self.tiers.levels[level].resolution);
        let oldest_kept = if keep > 0 { now.saturating_sub(keep) } else { i64::MIN };
        let resolution = self.tiers.levels[level].resolution;
        let least = self.retention().downsampling.least_samples;
        let lost = self.blocks.lost();
        let making = self.making.lock();
        let dropped = making.dropped.get(&level).copied().unwrap_or(i64::MIN);
        let mut day = TimeRange::new(TIMES.start + 1, DAY);
        while day.end <= settled {
            let later = samples.iter().filter(|b| b.meta.range.end >= day.start);
            let next = later.map(|b| b.meta.range.start).min()?;
            if next > day.end {
                day = aligned(next, DAY);
                continue;
            }
            let covered = have.iter().any(|w| w.overlaps(day))
                || day.end <= dropped
                || day.end < oldest_kept
                || making.empty.get(&(level, day.start)) == Some(&newest_rank(&samples, day))
                || lost.iter().any(|l| l.range.overlaps(day));
            if !covered && density(&samples, day, resolution) >= least as f64 {
                let fits = |window: &TimeRange| {
                    let free = |w: &TimeRange| !have.iter().any(|h| h.overlaps(*w));
                    window.end <= settled
                        && free(window)
                        && window.start >= oldest_kept
                        && window.start > dropped
                        && estimate(&samples, *window) <= MOST_SAMPLES
                        && !lost.iter().any(|l| l.range.overlaps(*window))
                };
                let longer = lengths(keep).map(|length| aligned(day.start, length)).find(fits);
                return Some(longer.unwrap_or(day));
            }
            day = TimeRange::new(day.start + DAY, day.end + DAY);
        }
        None
    }

    /// Folds the samples of a window for all levels that lack it.
    fn make(&self, window: TimeRange, settled: i64, now: i64) -> Result<()> {
        let due: Vec<usize> = (0..self.tiers.levels.len())
            .filter(|at| self.missing(*at, settled, now) == Some(window))
            .collect();
        let (samples, seen) = (self.blocks.all(), self.blocks.last_number());
        let mut made = Vec::new();
        if let Err(e) = self.make_all(window, seen, &due, &mut Vec::new(), &mut made) {
            // All are made again.
            made.into_iter().for_each(|(at, block)| self.tiers.levels[at].blocks.abandon(block.name.clone()));
            return Err(e);
        }
        for (at, block) in made {
            let blocks = &self.tiers.levels[at].blocks;
            if block.meta.samples == 0 {
                blocks.abandon(block.name.clone());
                let starts = (0..).map(|n| window.start + n * DAY).take_while(|start| *start <= window.end);
                let days = starts.map(|start| TimeRange::new(start, start + DAY - 1));
                let empty = days.map(|day| ((at, day.start), newest_rank(&samples, day)));
                self.making.lock().empty.extend(empty);
            } else {
                info!(block = block.name, series = block.meta.series, "summaries made");
                blocks.add(block);
            }
        }
        Ok(())
    }

    /// Publishes one block a level, each within the writing of the one before, so that samples are read once.
    fn make_all(
        &self,
        window: TimeRange,
        seen: u64,
        due: &[usize],
        writers: &mut Vec<(i64, BlockWriter)>,
        made: &mut Vec<(usize, Arc<Block>)>,
    ) -> Result<()> {
        let Some((at, rest)) = due.split_first() else { return self.fold(window, writers) };
        let level = &self.tiers.levels[*at];
        let block = level.blocks.publish(window, |dir, _| {
            let writer = BlockWriter::create(&*self.fs, dir, Effort::Thorough, &self.options.budget)?;
            writers.push((level.resolution, writer));
            self.make_all(window, seen, rest, writers, made)?;
            match writers.pop() {
                Some((_, writer)) => writer.finish(seen, &[]),
                None => Err(model::Error::internal("a tier lost its writer")),
            }
        })?;
        made.push((*at, block));
        Ok(())
    }

    fn fold(&self, window: TimeRange, writers: &mut [(i64, BlockWriter)]) -> Result<()> {
        let all = self.blocks.all();
        let mut sources: Vec<(Walk, Pages)> = all
            .iter()
            .filter(|b| b.meta.range.overlaps(window))
            .map(|b| (Walk::new(Arc::clone(b)), Pages::default()))
            .collect();
        let mut runs = vec![Run::default(); sources.len()];
        let (mut merged, mut scratch, mut folded) = (Run::default(), Run::default(), Folded::default());
        let mut count = 0;
        while let Some(labels) = first_labels(&mut sources)? {
            for ((walk, pages), run) in sources.iter_mut().zip(&mut runs) {
                run.clear();
                if walk.peek()?.is_some_and(|s| s.labels == labels)
                    && let Some(series) = walk.take()
                {
                    for page in series.pages_in(window) {
                        pages.read(&walk.block, page, run)?;
                    }
                    if let Some(deleted) = &series.deleted {
                        run.delete(deleted);
                    }
                }
            }
            count += 1;
            if count % LOOK_EVERY == 0 {
                self.go_on()?;
                if self.flush_is_due()? {
                    self.flush_locked()?;
                }
            }
            merge(&mut runs, window, &mut merged, &mut scratch);
            if merged.is_empty() {
                continue;
            }
            for (resolution, writer) in writers.iter_mut() {
                folded.clear();
                folded.fold(&merged, *resolution);
                writer.add_parts(&labels, folded.finish())?;
            }
        }
        Ok(())
    }

    /// Blocks of samples in `window` are about to become one of this rank: what is current there stays so.
    pub(super) fn stay_current(&self, window: TimeRange, rank: u64) -> Result<()> {
        let samples = self.blocks.all();
        for level in &self.tiers.levels {
            let all = level.blocks.all();
            for block in all.iter().filter(|b| b.seen() < rank && window_of(b).overlaps(window)) {
                if is_current(block, window_of(block), &samples) {
                    block.see(&*self.fs, level.blocks.dir(), rank)?;
                }
            }
        }
        Ok(())
    }

    /// What there is of summaries, coarsest first.
    pub fn tier_sizes(&self) -> Vec<TierInfo> {
        let info = |level: &Level| {
            let all = level.blocks.all();
            let ranges = all.iter().map(|b| window_of(b));
            TierInfo {
                resolution: level.resolution,
                blocks: all.len() as u64,
                bytes: all.iter().map(|b| b.bytes).sum(),
                range: ranges.reduce(TimeRange::union),
            }
        };
        self.tiers.levels.iter().map(info).collect()
    }
}

/// Whether nothing came into the window since the block was made.
fn is_current(block: &Block, window: TimeRange, samples: &[Arc<Block>]) -> bool {
    newest_rank(samples, window) <= block.seen()
}

/// The highest rank of the blocks that may have samples in a window.
fn newest_rank(samples: &[Arc<Block>], window: TimeRange) -> u64 {
    samples.iter().filter(|b| b.meta.range.overlaps(window)).map(|b| b.meta.rank).max().unwrap_or(0)
}

/// The window of this length that a millisecond belongs to: from right after one border to the next.
fn aligned(t: i64, length: i64) -> TimeRange {
    let end = border_at_or_after(t, length);
    TimeRange::new(end - length + 1, end)
}

/// About how many samples lie in a window.
fn estimate(samples: &[Arc<Block>], window: TimeRange) -> u64 {
    let share = |b: &Arc<Block>| {
        let range = b.meta.range;
        let both = range.end.min(window.end).saturating_sub(range.start.max(window.start)).saturating_add(1);
        let length = range.end.saturating_sub(range.start).saturating_add(1);
        (b.meta.samples as f64 * both.max(0) as f64 / length.max(1) as f64) as u64
    };
    samples.iter().filter(|b| b.meta.range.overlaps(window)).map(share).sum()
}

/// Lengths that windows may have, longest first: more than a day up to a tenth of the time for which summaries are kept
/// (0: no limit), as with samples. A block goes as a whole, so its oldest summaries outlive that time by its length.
fn lengths(keep: i64) -> impl DoubleEndedIterator<Item = i64> {
    LENGTHS.into_iter().filter(move |length| *length == DAY || keep == 0 || *length <= keep / 10)
}

/// How many samples a span of one series has on average.
fn density(samples: &[Arc<Block>], window: TimeRange, resolution: i64) -> f64 {
    let inside = samples.iter().filter(|b| b.meta.range.overlaps(window));
    let series = inside.map(|b| b.meta.series).max().unwrap_or(0).max(1);
    let spans = (window.end - window.start + 1) / resolution;
    estimate(samples, window) as f64 / f64::from(series) / spans as f64
}
