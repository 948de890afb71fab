//! Makes tiers of samples that no longer change, and larger blocks of theirs; says what of them may be read.
//!
//! A block of a tier remembers the highest number that a block of samples had when it was made. It is current while no
//! block with a higher rank holds samples of its window: a block that was compacted from seen ones has one of their
//! ranks, one with late samples has a higher one. A block that is not current is not read in place of samples, and is
//! made anew once things have been quiet for a while.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Result, SelectHints, TimeRange};
use tracing::info;

use super::Store;
use super::compact::first_labels;
use crate::block::{Block, BlockWriter, PAGE_SAMPLES, Pages, Walk};
use crate::codec::Effort;
use crate::merge::{Run, merge};
use crate::retention::TierInfo;
use crate::tiers::columns::{Column, Folded, TIMES};
use crate::tiers::coverage::{Candidate, Plan, Question, plan};
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
const LOOK_EVERY: usize = 1 << 12;

/// What the making of tiers must know from call to call.
#[derive(Debug, Default)]
pub(crate) struct Making {
    /// Windows without any sample, with the highest number of a block then: level, start, number.
    empty: HashSet<(usize, i64, u64)>,
    /// Blocks that are not current: the highest number of a block then, and since when, by the clock.
    outdated: HashMap<(usize, u64), (u64, i64)>,
    /// Up to here summaries were removed for want of room: they are not made again.
    pub(super) dropped: HashMap<usize, i64>,
}

impl Store {
    /// Makes what is due, a few steps at a time.
    pub(super) fn maintain_tiers(&self) -> Result<()> {
        for _ in 0..STEPS {
            match self.tiers_once() {
                Ok(true) if !self.flush_is_due()? => {}
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
        let in_memory = self.oldest_in_memory().unwrap_or(i64::MAX);
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

    /// Time of the oldest sample that is not in a block.
    fn oldest_in_memory(&self) -> Option<i64> {
        let shards = self.head.read_all();
        let now = shards.iter().filter_map(|shard| shard.current().range());
        let frozen = self.head.frozen();
        let out = frozen.iter().flat_map(|f| f.shards.iter().filter_map(|s| s.range()));
        now.chain(out).map(|range| range.start).min()
    }

    /// Removes one block that late samples made wrong, where the samples to make it anew are there.
    fn drop_outdated(&self, now: i64) -> Result<bool> {
        let (samples, last, gone) = (self.blocks.all(), self.blocks.last_number(), self.gone_before());
        let mut making = self.making.lock();
        let mut still = HashMap::new();
        for (at, level) in self.tiers.levels.iter().enumerate() {
            for block in level.blocks.all().iter() {
                let window = window_of(block);
                if is_current(block, window, &samples) || first_span_end(block, level.resolution) < gone {
                    continue;
                }
                let key = (at, block.number);
                let (number, since) = making.outdated.get(&key).copied().unwrap_or((last, now));
                if number == last && now.saturating_sub(since) >= QUIET {
                    info!(block = block.name, "summaries are made anew: there are late samples");
                    level.blocks.replace(std::slice::from_ref(block), Vec::new())?;
                    return Ok(true);
                }
                still.insert(key, if number == last { (number, since) } else { (last, now) });
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
        let number = self.blocks.last_number();
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
                || making.empty.contains(&(level, day.start, number))
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
        let seen = self.blocks.last_number();
        let mut made = Vec::new();
        self.make_all(window, seen, &due, &mut Vec::new(), &mut made)?;
        for (at, block) in made {
            let blocks = &self.tiers.levels[at].blocks;
            if block.meta.samples == 0 {
                blocks.replace(&[block], Vec::new())?;
                let days = (0..).map(|n| window.start + n * DAY).take_while(|start| *start <= window.end);
                self.making.lock().empty.extend(days.map(|start| (at, start, seen)));
            } else {
                info!(block = block.name, series = block.meta.series, "summaries made");
                blocks.replace(&[], vec![block])?;
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
            merge(&mut runs, window, &mut merged, &mut scratch);
            if merged.is_empty() {
                continue;
            }
            for (resolution, writer) in writers.iter_mut() {
                folded.clear();
                folded.fold(&merged, *resolution);
                writer.add_parts(&labels, folded.finish())?;
            }
            count += 1;
            if count % LOOK_EVERY == 0 && self.flush_is_due()? {
                self.flush_locked()?;
            }
        }
        Ok(())
    }

    /// Neighbours in a longer window that may become one.
    fn mergeable(&self, level: usize, settled: i64) -> Option<Vec<Arc<Block>>> {
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
    pub(super) fn rewrite_tier(&self, resolution: i64, group: &[Arc<Block>]) -> Result<Option<Arc<Block>>> {
        let level = self.tiers.levels.iter().find(|level| level.resolution == resolution);
        let (Some(level), Some(first), Some(last)) = (level, group.first(), group.last()) else {
            return Ok(None);
        };
        let window = TimeRange::new(window_of(first).start, window_of(last).end);
        let names: Vec<String> = group.iter().map(|b| b.name.clone()).collect();
        // Several are merged only where all are current: then they have seen all that there is.
        let seen = if group.len() > 1 { self.blocks.last_number() } else { first.meta.rank };
        let merged = level.blocks.publish(window, |dir, _| {
            let mut writer = BlockWriter::create(&*self.fs, dir, Effort::Thorough, &self.options.budget)?;
            join(group, resolution, &mut writer)?;
            writer.finish(seen, &names)
        })?;
        level.blocks.exchange(group, merged)
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
                range: ranges.reduce(|a, b| TimeRange::new(a.start.min(b.start), a.end.max(b.end))),
            }
        };
        self.tiers.levels.iter().map(info).collect()
    }

    /// Before this time samples of some series may have been deleted for their age, ms.
    pub(super) fn gone_before(&self) -> i64 {
        let blocks = self.blocks.all().iter().map(|b| b.meta.range.start).min();
        let floor = blocks.into_iter().chain(self.oldest_in_memory()).min().unwrap_or(i64::MAX);
        floor.max(self.thinned.lock().before)
    }

    /// Blocks of tiers that tell about series whose samples are gone.
    pub(super) fn older_blocks(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let gone = self.gone_before();
        let reaches = |level: &Level, b: &Arc<Block>| {
            !b.is_broken() && first_span_end(b, level.resolution) < gone && window_of(b).overlaps(range)
        };
        let mut found = Vec::new();
        for level in &self.tiers.levels {
            found.extend(level.blocks.all().iter().filter(|b| reaches(level, b)).cloned());
        }
        found
    }

    /// How tiers answer a selection; `None` where samples answer all of it.
    pub(super) fn tier_plan(
        &self,
        range: TimeRange,
        hints: &SelectHints,
        without: &[(i64, u64)],
    ) -> Option<Plan> {
        let hint = hints.summary.filter(|_| !hints.labels_only && self.retention().downsampling.queries);
        let blocks: Vec<(i64, Arc<Block>)> = self
            .tiers
            .levels
            .iter()
            .flat_map(|level| {
                level.blocks.all().iter().map(|b| (level.resolution, Arc::clone(b))).collect::<Vec<_>>()
            })
            .filter(|(_, b)| !b.is_broken())
            .collect();
        if blocks.is_empty() {
            return None;
        }
        // In this order: a late sample that moves meanwhile is seen in one of the two.
        let in_memory = self.oldest_in_memory().unwrap_or(i64::MAX);
        let gone_before = self.gone_before();
        if hint.is_none() && range.start >= gone_before {
            return None;
        }
        let samples = self.blocks.all();
        let coarsest = crate::tiers::LEVELS[0].0;
        let around = TimeRange::new(range.start.saturating_sub(coarsest), range.end.saturating_add(coarsest));
        let mut candidates: Vec<Candidate> = blocks
            .into_iter()
            .map(|(resolution, block)| {
                let window = window_of(&block);
                let current = window.end < in_memory
                    && !without.contains(&(resolution, block.number))
                    && is_current(&block, window, &samples);
                let first = first_span_end(&block, resolution);
                Candidate { block, resolution, window, first, current }
            })
            .filter(|c| c.window.overlaps(around))
            .collect();
        candidates.sort_by_key(|c| (std::cmp::Reverse(c.resolution), c.window.start));
        let page = |range: TimeRange| page_length(&samples, range);
        plan(&Question { range, hint, gone_before, page: &page }, candidates)
    }
}

/// Whether nothing came into the window since the block was made.
fn is_current(block: &Block, window: TimeRange, samples: &[Arc<Block>]) -> bool {
    samples.iter().all(|b| b.meta.rank <= block.meta.rank || !b.meta.range.overlaps(window))
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

/// How long the longest pages around a range are, ms.
fn page_length(samples: &[Arc<Block>], range: TimeRange) -> i64 {
    let length = |b: &Arc<Block>| {
        let length = b.meta.range.end.saturating_sub(b.meta.range.start).saturating_add(1);
        let pages = (b.meta.samples / u64::from(b.meta.series.max(1))).div_ceil(PAGE_SAMPLES as u64);
        length / (pages.max(1) as i64)
    };
    samples.iter().filter(|b| b.meta.range.overlaps(range)).map(length).max().unwrap_or(0)
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
