//! Deletion. What is in memory goes to blocks first, so that tombstones only ever speak of blocks, which do not change:
//! what is appended later, at whatever time, is not deleted.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use model::{Ctx, Matcher, MetricAdmin, Result, TimeRange};
use roaring::RoaringBitmap;
use tracing::info;

use super::Store;
use super::read::unless_broken;
use crate::block::{Block, parse_name};
use crate::head::{Head, Listed, Snapshot};
use crate::tiers::{self, Level, columns};

/// Series looked at between two looks at the deadline.
const CHECK_EVERY: usize = 1024;
/// Rough memory of a series that is counted.
const COUNTED: u64 = 40;

impl Store {
    /// Whether memory must go to blocks before samples in `range` of series that satisfy the matchers are deleted: it holds
    /// some, or others of a series whose newest is one of them.
    fn is_in_memory(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<bool> {
        let members = self.members(ctx, matchers)?;
        let mut snapshot = Snapshot::default();
        let shards = self.head.read_all();
        Ok(members.series.iter().any(|Listed { id, .. }| {
            let shard = &shards[Head::shard_of(id.slot)];
            let place = Head::place_of(id.slot);
            shard.newest_is_in(place, id.generation, range)
                || snapshot.add(shard.current(), place, id.generation, range).is_some()
        }))
    }

    /// Deletes from one block; the series that were touched go to `touched`.
    fn delete_from(
        &self,
        ctx: &Ctx,
        block: &Block,
        matchers: &[Matcher],
        range: TimeRange,
        touched: &mut HashSet<u128, RandomState>,
    ) -> Result<()> {
        let wanted = block.select(matchers)?;
        let mut reserved = ctx.budget.reserve(0)?;
        let mut tombstones = (*block.tombstones()).clone();
        let (mut numbers, mut news, mut looked_at) = (wanted.iter(), false, 0usize);
        block.series(&wanted, &mut |series| {
            let Some(number) = numbers.next() else { return Ok(false) };
            let mut pages = series.pages_in(range).peekable();
            if pages.peek().is_none() {
                return Ok(true);
            }
            if looked_at.is_multiple_of(CHECK_EVERY) {
                ctx.check()?;
            }
            looked_at += 1;
            reserved.grow(COUNTED)?;
            for page in pages {
                let start = page.range.start.max(range.start);
                news |= tombstones.add(number, TimeRange::new(start, page.range.end.min(range.end)));
            }
            touched.insert(series.labels.hash128());
            Ok(true)
        })?;
        if news { block.bury(&*self.fs, self.blocks.dir(), tombstones) } else { Ok(()) }
    }
}

impl Store {
    /// Deletes from tiers, before samples are deleted: what a tier tells must never outlive them. A block of which a
    /// span is deleted in part goes, to be made anew of what remains; where the samples are gone already, the whole
    /// span goes.
    fn delete_from_tiers(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        touched: &mut HashSet<u128, RandomState>,
    ) -> Result<()> {
        let gone = self.gone_before();
        for level in &self.tiers.levels {
            for block in level.blocks.all().iter().filter(|b| !b.is_broken()) {
                let window = tiers::window_of(block);
                if !window.overlaps(range) {
                    continue;
                }
                ctx.check()?;
                let wanted = block.select(matchers)?;
                if wanted.is_empty() {
                    continue;
                }
                let cut = |t: i64| window.contains(t) && t.rem_euclid(level.resolution) != 0;
                let in_part = cut(range.start.saturating_sub(1)) || cut(range.end);
                if in_part && tiers::first_span_end(block, level.resolution) >= gone {
                    level.blocks.replace(std::slice::from_ref(block), Vec::new())?;
                } else {
                    unless_broken(block, || self.bury_spans(ctx, level, block, &wanted, range, touched))?;
                }
            }
        }
        Ok(())
    }

    fn bury_spans(
        &self,
        ctx: &Ctx,
        level: &Level,
        block: &Block,
        wanted: &RoaringBitmap,
        range: TimeRange,
        touched: &mut HashSet<u128, RandomState>,
    ) -> Result<()> {
        let window = tiers::window_of(block);
        let (start, end) = (range.start.max(window.start), range.end.min(window.end));
        let first = tiers::border_at_or_after(start, level.resolution) - level.resolution + 1;
        let spans = TimeRange::new(first, tiers::border_at_or_after(end, level.resolution));
        let mut reserved = ctx.budget.reserve(0)?;
        let mut tombstones = (*block.tombstones()).clone();
        let (mut numbers, mut news) = (wanted.iter(), false);
        block.series(wanted, &mut |series| {
            let Some(number) = numbers.next() else { return Ok(false) };
            reserved.grow(COUNTED)?;
            let mut met = false;
            for deleted in columns::everywhere(spans) {
                if series.pages_in(deleted).next().is_some() {
                    news |= tombstones.add(number, deleted);
                    met = true;
                }
            }
            if met {
                touched.insert(series.labels.hash128());
            }
            Ok(true)
        })?;
        if news { block.bury(&*self.fs, level.blocks.dir(), tombstones) } else { Ok(()) }
    }

    /// Forgets series of which nothing is left anywhere: their labels are listed no more. What holds a reference to
    /// one is told that it is unknown, and resolves it again.
    fn forget_deleted(&self, ctx: &Ctx, matchers: &[Matcher]) -> Result<()> {
        for series in self.members(ctx, matchers)?.series.chunks(CHECK_EVERY) {
            ctx.check()?;
            let _membership = self.membership.lock();
            let _epoch = self.epoch.write();
            let mut index = self.index.write();
            let mut canonical = String::new();
            for Listed { id, .. } in series {
                let (shard, place) = (Head::shard_of(id.slot), Head::place_of(id.slot));
                let mut shard = self.head.write(shard);
                let mut snapshot = Snapshot::default();
                let empty = snapshot.add(shard.current(), place, id.generation, TimeRange::ALL).is_none();
                if empty && index.id(id.slot) == Some(*id) && index.canonical(id.slot, &mut canonical) {
                    self.lookup.remove(self.lookup.hash(&canonical), id.slot);
                    shard.dismiss(place);
                    index.remove(id.slot);
                    self.metrics.series_removed.inc();
                }
            }
            self.metrics.series.set(index.live().len() as i64);
        }
        Ok(())
    }

    /// Removes exemplars, in memory and from the log.
    fn delete_exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Result<()> {
        let removed = {
            let mut ring = self.exemplars.lock();
            let removed = ring.remove(matchers, range);
            self.metrics.show_exemplars(&ring);
            removed
        };
        // The log still has them; a new one gets those that are left.
        if removed > 0 { self.flush_locked() } else { Ok(()) }
    }
}

impl MetricAdmin for Store {
    fn delete_series(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<u64> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let _one_at_a_time = self.maintenance.lock();
        self.finish_flush()?;
        if self.is_in_memory(ctx, matchers, range)? {
            self.flush_locked()?;
        }
        for Listed { id, .. } in self.members(ctx, matchers)?.series {
            self.head.write(Head::shard_of(id.slot)).forget_newest(
                Head::place_of(id.slot),
                id.generation,
                range,
            );
        }
        self.blocks.clear_leftovers()?;
        self.delete_exemplars(matchers, range)?;
        let mut touched = HashSet::default();
        self.delete_from_tiers(ctx, matchers, range, &mut touched)?;
        let deleted = self.blocks_in(range).iter().try_for_each(|block| {
            ctx.check()?;
            unless_broken(block, || self.delete_from(ctx, block, matchers, range, &mut touched))
        });
        self.changes.everything();
        deleted?;
        if self.range().is_none_or(|all| range.start <= all.start && range.end >= all.end) {
            self.forget_deleted(ctx, matchers)?;
        }
        info!(series = touched.len(), start = range.start, end = range.end, "samples deleted");
        Ok(touched.len() as u64)
    }

    fn clean_tombstones(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock();
        for block in self.blocks.all().iter().filter(|b| !b.is_broken() && !b.tombstones().is_empty()) {
            if let Some((_, window)) = parse_name(&block.name) {
                self.rewrite(window, std::slice::from_ref(block))?;
            }
        }
        for level in &self.tiers.levels {
            let all = level.blocks.all();
            for block in all.iter().filter(|b| !b.is_broken() && !b.tombstones().is_empty()) {
                self.rewrite_tier(level.resolution, std::slice::from_ref(block))?;
            }
        }
        Ok(())
    }

    fn snapshot(&self, skip_head: bool) -> Result<String> {
        self.publish_snapshot(skip_head)
    }
}
