//! Retention: blocks that are too old as a whole, series that are kept shorter or longer than others, and the size of
//! everything. Series go from a block by rewriting it, so that queries look at nothing but blocks.

use std::sync::Arc;

use model::{Result, TimeRange};
use roaring::RoaringBitmap;
use tracing::info;

use super::Store;
use super::blocks::Blocks;
use crate::block::{Block, parse_name};
use crate::retention::Retention;
use crate::tiers::{self, columns};

/// Tiers may take one part in so many of what the store may take; beyond it, the oldest go before samples do.
const TIERS_SHARE: u64 = 4;

/// What was looked at already: by folder (0: samples, then the tiers) and number of a block.
#[derive(Debug, Default)]
pub(crate) struct Thinned {
    /// Counts changes of the rules.
    version: u64,
    done: std::collections::HashMap<(usize, u64), (u64, Vec<Stage>)>,
    /// Before this time samples of some series are gone, ms.
    pub(crate) before: i64,
}

/// How much of a block a rule has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Nothing,
    Half,
    All,
}

impl Thinned {
    pub(crate) fn new() -> Self {
        Self { before: i64::MIN, ..Self::default() }
    }
}

impl Store {
    /// Changes what is kept, from the next maintenance on.
    pub fn set_retention(&self, retention: Retention) {
        *self.retention.write() = Arc::new(retention);
        self.thinned.lock().version += 1;
    }

    /// What is kept now.
    pub fn retention(&self) -> Arc<Retention> {
        Arc::clone(&self.retention.read())
    }

    /// Removes what is too old or too much. `rewrite`: also from blocks that have something to keep, which takes room.
    pub(super) fn apply_retention(&self, rewrite: bool) -> Result<()> {
        let retention = self.retention();
        let now = self.retention_now();
        if retention.series.is_empty() {
            if retention.time_ms > 0 {
                let oldest = now.saturating_sub(retention.time_ms);
                let all = self.blocks.all();
                let expired: Vec<_> = all.iter().filter(|b| b.meta.range.end < oldest).cloned().collect();
                if !expired.is_empty() {
                    self.metrics.named.by_time.inc();
                }
                drop_blocks(&self.blocks, &expired, "older than the retention")?;
            }
        } else {
            while self.thin_once(&retention, now, rewrite)? {}
        }
        for level in &self.tiers.levels {
            let keep = retention.tier_ms(level.resolution);
            if keep > 0 {
                let oldest = now.saturating_sub(keep);
                let all = level.blocks.all();
                let expired: Vec<_> =
                    all.iter().filter(|b| tiers::window_of(b).end < oldest).cloned().collect();
                drop_blocks(&level.blocks, &expired, "summaries older than their retention")?;
            }
        }
        self.apply_size(retention.bytes)
    }

    fn apply_size(&self, limit: u64) -> Result<()> {
        let other = self.log.bytes()?.saturating_add(self.feed.bytes());
        let mut by_age = self.blocks.all().to_vec();
        by_age.sort_by_key(|b| b.meta.range.end);
        let sizes: Vec<u64> = by_age.iter().map(|b| b.bytes).collect();
        let samples: u64 = sizes.iter().sum();
        if other.saturating_add(samples).saturating_add(self.tiers.bytes()) > limit {
            let mut all: Vec<(usize, Arc<Block>)> = Vec::new();
            for (at, level) in self.tiers.levels.iter().enumerate() {
                all.extend(level.blocks.all().iter().map(|b| (at, Arc::clone(b))));
            }
            all.sort_by_key(|(_, b)| tiers::window_of(b).end);
            let sizes: Vec<u64> = all.iter().map(|(_, b)| b.bytes).collect();
            let too_many = disk::space::oldest_to_remove(&sizes, limit / TIERS_SHARE);
            for (at, block) in all.into_iter().take(too_many) {
                let end = tiers::window_of(&block).end;
                drop_blocks(&self.tiers.levels[at].blocks, &[block], "summaries over their share")?;
                let dropped = &mut self.making.lock().dropped;
                let upto = dropped.entry(at).or_insert(end);
                *upto = end.max(*upto);
            }
        }
        let room = limit.saturating_sub(other).saturating_sub(self.tiers.bytes());
        let too_many = disk::space::oldest_to_remove(&sizes, room);
        if too_many > 0 {
            self.metrics.named.by_size.inc();
        }
        drop_blocks(&self.blocks, &by_age[..too_many], "over the size limit")
    }

    /// Takes from one block the series whose time has come; whether there was one.
    fn thin_once(&self, retention: &Retention, now: i64, rewrite: bool) -> Result<bool> {
        let folders = std::iter::once((&self.blocks, None))
            .chain(self.tiers.levels.iter().map(|level| (&level.blocks, Some(level.resolution))));
        for (folder, (blocks, resolution)) in folders.enumerate() {
            let mut all: Vec<Arc<Block>> = blocks.all().iter().filter(|b| !b.is_broken()).cloned().collect();
            all.sort_by_key(|b| b.meta.range.end);
            let known: std::collections::HashSet<u64> = all.iter().map(|b| b.number).collect();
            self.thinned.lock().done.retain(|key, _| key.0 != folder || known.contains(&key.1));
            for block in all {
                if self.thin(&block, folder, blocks, resolution, (retention, now, rewrite))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether the block was rewritten or removed.
    fn thin(
        &self,
        block: &Arc<Block>,
        folder: usize,
        blocks: &Blocks,
        resolution: Option<i64>,
        (retention, now, rewrite): (&Retention, i64, bool),
    ) -> Result<bool> {
        let range = if resolution.is_some() { tiers::window_of(block) } else { block.meta.range };
        let general = resolution.map_or(retention.time_ms, |r| retention.tier_ms(r));
        let stage = |keep: i64, own: bool| {
            // Of summaries a rule can only shorten the time.
            let keep = match (resolution, keep, general) {
                (Some(_), 0, general) => general,
                (Some(_), keep, general) if general > 0 => keep.min(general),
                (_, keep, _) => keep,
            };
            let oldest = now.saturating_sub(keep);
            match keep {
                0 => Stage::Nothing,
                _ if range.end < oldest => Stage::All,
                _ if own && range.start + (range.end - range.start) / 2 < oldest => Stage::Half,
                _ => Stage::Nothing,
            }
        };
        let mut stages: Vec<Stage> = retention.series.iter().map(|rule| stage(rule.time_ms, true)).collect();
        stages.push(stage(general, false));
        let version = {
            let thinned = self.thinned.lock();
            if thinned.done.get(&(folder, block.number)) == Some(&(thinned.version, stages.clone())) {
                return Ok(false);
            }
            thinned.version
        };
        let mut left = block.select(&[])?;
        let (mut whole, mut half) = (RoaringBitmap::new(), Vec::new());
        for (rule, stage) in retention.series.iter().zip(&stages) {
            let mut meant = block.select(&rule.matchers)?;
            meant &= &left;
            left -= &meant;
            match stage {
                Stage::All => whole |= meant,
                Stage::Half => half.push((meant, now.saturating_sub(rule.time_ms))),
                Stage::Nothing => {}
            }
        }
        if stages.last() == Some(&Stage::All) {
            whole |= left;
            if resolution.is_none() {
                let mut thinned = self.thinned.lock();
                thinned.before = thinned.before.max(range.end.saturating_add(1));
            }
        }
        if !rewrite && whole.len() != u64::from(block.meta.series) {
            return Ok(false);
        }
        let taken = self.take_out(block, blocks, resolution, whole, half)?;
        let number = match &taken {
            Taken::Nothing => block.number,
            Taken::Some(rest) => rest.number,
            Taken::All => return Ok(true),
        };
        self.thinned.lock().done.insert((folder, number), (version, stages));
        Ok(!matches!(taken, Taken::Nothing))
    }

    /// Takes series out of a block: some as a whole, some before a time.
    fn take_out(
        &self,
        block: &Arc<Block>,
        blocks: &Blocks,
        resolution: Option<i64>,
        whole: RoaringBitmap,
        half: Vec<(RoaringBitmap, i64)>,
    ) -> Result<Taken> {
        if whole.len() == u64::from(block.meta.series) {
            self.metrics.named.by_time.inc();
            drop_blocks(blocks, std::slice::from_ref(block), "older than the retention of all its series")?;
            return Ok(Taken::All);
        }
        let mut tombstones = (*block.tombstones()).clone();
        let mut news = false;
        for (series, before) in std::iter::once((whole, i64::MAX)).chain(half) {
            let numbers: Vec<u32> = series.iter().collect();
            let mut numbers = numbers.into_iter();
            block.series(&series, &mut |found| {
                let Some(number) = numbers.next() else { return Ok(false) };
                for range in doomed(&found.pages, resolution, before) {
                    news |= tombstones.add(number, range);
                }
                Ok(true)
            })?;
        }
        if !news {
            return Ok(Taken::Nothing);
        }
        // First hidden, then gone: whatever happens between, nothing comes back.
        block.bury(&*self.fs, blocks.dir(), tombstones)?;
        self.changes.everything();
        let rest = match (resolution, parse_name(&block.name)) {
            (Some(resolution), _) => self.rewrite_tier(resolution, std::slice::from_ref(block))?,
            (None, Some((_, window))) => self.rewrite(window, std::slice::from_ref(block))?,
            (None, None) => None,
        };
        info!(block = block.name, "series removed: older than their retention");
        Ok(rest.map_or(Taken::All, Taken::Some))
    }
}

/// What became of a block.
enum Taken {
    Nothing,
    /// Without some of its series.
    Some(Arc<Block>),
    All,
}

/// What of these pages lies before a time.
fn doomed(pages: &[crate::block::Page], resolution: Option<i64>, before: i64) -> Vec<TimeRange> {
    match resolution {
        None => {
            let old = pages.iter().filter(|p| p.range.start < before);
            old.map(|p| TimeRange::new(p.range.start, p.range.end.min(before.saturating_sub(1)))).collect()
        }
        Some(_) if before == i64::MAX => pages.iter().map(|p| p.range).collect(),
        Some(resolution) => {
            let end = (before - 1).div_euclid(resolution) * resolution;
            let old = TimeRange::new(columns::TIMES.start, end);
            if pages.is_empty() || old.is_empty() { Vec::new() } else { columns::everywhere(old).collect() }
        }
    }
}

fn drop_blocks(blocks: &Blocks, doomed: &[Arc<Block>], why: &str) -> Result<()> {
    if doomed.is_empty() {
        return Ok(());
    }
    for block in doomed {
        info!(block = block.name, "block removed: {why}");
    }
    blocks.replace(doomed, Vec::new())
}
