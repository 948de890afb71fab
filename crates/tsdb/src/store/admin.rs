//! Deletion. What is in memory goes to blocks first, so that tombstones only ever speak of blocks, which do not change:
//! what is appended later, at whatever time, is not deleted.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use model::{Ctx, Matcher, MetricAdmin, Result, TimeRange};
use tracing::info;

use super::Store;
use super::read::unless_broken;
use crate::block::{Block, parse_name};
use crate::head::{Head, Snapshot};

/// Series looked at between two looks at the deadline.
const CHECK_EVERY: usize = 1024;
/// Rough memory of a series that is counted.
const COUNTED: u64 = 40;

impl Store {
    /// Whether memory holds samples in `range` of a series that satisfies the matchers.
    fn is_in_memory(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<bool> {
        let (series, _memory) = self.head_series(ctx, matchers)?;
        let mut snapshot = Snapshot::default();
        let shards = self.head.read_all();
        Ok(series.iter().any(|(id, _)| {
            let shard = &shards[Head::shard_of(id.slot)];
            snapshot.add(shard.current(), Head::place_of(id.slot), id.generation, range).is_some()
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

impl MetricAdmin for Store {
    fn delete_series(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<u64> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let _one_at_a_time = self.maintenance.lock();
        if self.head.frozen().is_some() {
            self.flush_locked()?; // the last flush failed
        }
        if self.is_in_memory(ctx, matchers, range)? {
            self.flush_locked()?;
        }
        let mut touched = HashSet::default();
        for block in self.blocks_in(range) {
            ctx.check()?;
            unless_broken(&block, || self.delete_from(ctx, &block, matchers, range, &mut touched))?;
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
        Ok(())
    }

    fn snapshot(&self, skip_head: bool) -> Result<String> {
        self.publish_snapshot(skip_head)
    }
}
