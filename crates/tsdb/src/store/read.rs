//! The way out.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::metrics::Family;
use model::{
    Ctx, Labels, Listing, Matcher, MetricReader, Partition, Reservation, Result, SelectHints, Selected,
    Selection, TimeRange,
};

use super::Store;
use super::names::Names;
use super::partition::{Found, Share, Shared};
use crate::block::{Block, Page};
use crate::head::{Head, SeriesId, Snapshot};

/// Series looked at between two looks at the deadline.
const CHECK_EVERY: usize = 1024;
/// A partition has at least this many series.
const PARTITION_SERIES: usize = 64;
/// With more matching series than this the values of a label are found through postings instead of through series.
const MANY_SERIES: u64 = 2_000;
/// Rough memory of a found series beside its labels and pages.
const FOUND_COST: usize = 160;
/// Rough memory of a series in the head beside its labels, on its way to being a found one.
const HEAD_COST: u64 = 400;
/// Memory for labels is reserved in steps of this many bytes.
const STEP: u64 = 64 << 10;

/// The series of a selection, gathered source by source.
struct Gathering<'a> {
    ctx: &'a Ctx,
    range: TimeRange,
    limit: usize,
    found: Vec<Found>,
    by_labels: HashMap<Labels, usize, RandomState>,
    reserved: Reservation,
    used: u64,
}

impl<'a> Gathering<'a> {
    fn new(ctx: &'a Ctx, range: TimeRange, limit: usize) -> Result<Self> {
        let reserved = ctx.budget.reserve(0)?;
        let limit = if limit == 0 { usize::MAX } else { limit };
        Ok(Self { ctx, range, limit, found: Vec::new(), by_labels: HashMap::default(), reserved, used: 0 })
    }

    fn reserve(&mut self, bytes: usize) -> Result<()> {
        self.used += bytes as u64;
        if self.used > self.reserved.bytes() {
            self.reserved.grow(self.used - self.reserved.bytes() + (64 << 10))?;
        }
        Ok(())
    }

    /// The entry of these labels, at this cost where they are new; `None` where the limit is reached and they are new.
    fn entry(&mut self, labels: Labels, cost: usize) -> Result<Option<&mut Found>> {
        if self.found.len().is_multiple_of(CHECK_EVERY) {
            self.ctx.check()?;
        }
        let at = match self.by_labels.get(&labels) {
            Some(at) => *at,
            None if self.found.len() >= self.limit => return Ok(None),
            None => {
                self.reserve(cost)?;
                self.by_labels.insert(labels.clone(), self.found.len());
                self.found.push(Found { labels, pages: Vec::new(), deleted: Vec::new(), head: Vec::new() });
                self.found.len() - 1
            }
        };
        Ok(self.found.get_mut(at))
    }

    fn add_block(&mut self, number: u32, block: &Block, matchers: &[Matcher]) -> Result<()> {
        let wanted = block.select(matchers)?;
        let range = self.range;
        block.series(&wanted, &mut |series| {
            let mut pages = series.pages_in(range).peekable();
            if pages.peek().is_none() {
                return Ok(true);
            }
            self.reserve(series.pages.len() * size_of::<(u32, Page)>())?;
            let cost = FOUND_COST + series.labels.canonical().len();
            if let Some(found) = self.entry(series.labels.clone(), cost)? {
                found.pages.extend(pages.map(|p| (number, *p)));
                found.deleted.extend(series.deleted.map(|ranges| (number, ranges)));
            }
            Ok(true)
        })
    }
}

impl Store {
    /// Series in memory that satisfy the matchers, and what they and the way on take of the budget. It is reserved
    /// before it is allocated: a query for all series of a flood is refused here.
    pub(super) fn head_series(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
    ) -> Result<(Vec<(SeriesId, Labels)>, Reservation)> {
        let index = self.index.read();
        let slots = index.select(matchers)?;
        let mut memory = ctx.budget.reserve(slots.len() * HEAD_COST)?;
        let (mut scratch, mut ahead) = (String::new(), 0);
        let mut series = Vec::with_capacity(usize::try_from(slots.len()).unwrap_or(0));
        for slot in slots {
            if series.len().is_multiple_of(CHECK_EVERY) {
                ctx.check()?;
            }
            if let (Some(id), Some(labels)) = (index.id(slot), index.labels(slot, &mut scratch)) {
                let bytes = labels.canonical().len() as u64;
                if ahead < bytes {
                    memory.grow(bytes.max(STEP))?;
                    ahead += bytes.max(STEP);
                }
                ahead -= bytes;
                series.push((id, labels));
            }
        }
        Ok((series, memory))
    }

    /// Blocks that overlap `range`, by rank.
    pub(super) fn blocks_in(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let usable = |b: &&Arc<Block>| !b.is_broken() && b.meta.range.overlaps(range);
        self.blocks.all().iter().filter(usable).cloned().collect()
    }

    fn warnings_in(&self, range: TimeRange) -> Vec<String> {
        let lost = self.blocks.lost();
        let mut warnings: Vec<_> =
            lost.into_iter().filter(|l| l.range.overlaps(range)).map(|l| l.text).collect();
        // Found corrupt just now; maintenance sets it aside.
        let all = self.blocks.all();
        let broken = all.iter().filter(|b| b.is_broken() && b.meta.range.overlaps(range));
        warnings.extend(broken.map(|b| format!("block {} is corrupt; its samples are missing", b.name)));
        warnings
    }

    /// Gives the labels of all series in `range` that satisfy `matchers`.
    fn each_labels(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        take: &mut dyn FnMut(&Labels),
    ) -> Result<()> {
        self.head_series(ctx, matchers)?.0.iter().for_each(|(_, labels)| take(labels));
        for block in self.blocks_in(range) {
            let each = || {
                block.series(&block.select(matchers)?, &mut |series| {
                    if series.deleted.is_none() || series.pages_in(range).next().is_some() {
                        take(&series.labels);
                    }
                    Ok(true)
                })
            };
            unless_broken(&block, each)?;
        }
        Ok(())
    }
}

/// A block that turns out to be corrupt gives nothing (the warnings say so) instead of an error.
pub(super) fn unless_broken(block: &Block, read: impl FnOnce() -> Result<()>) -> Result<()> {
    match read() {
        Err(_) if block.is_broken() => Ok(()),
        result => result,
    }
}

impl MetricReader for Store {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let (series, mut memory) = self.head_series(ctx, matchers)?;
        let mut snapshot = Snapshot::default();
        let mut in_head = Vec::new();
        {
            // In one moment: a batch is seen whole or not at all.
            let shards = self.head.read_all();
            let frozen = self.head.frozen();
            let mut reserved = 0;
            for (looked_at, (id, labels)) in series.into_iter().enumerate() {
                let copied = snapshot.size();
                if looked_at.is_multiple_of(CHECK_EVERY) && copied > reserved {
                    memory.grow(copied - reserved + STEP)?;
                    reserved = copied + STEP;
                }
                let (shard, place) = (Head::shard_of(id.slot), Head::place_of(id.slot));
                let out =
                    frozen.as_ref().and_then(|f| snapshot.add(&f.shards[shard], place, id.generation, range));
                let now = snapshot.add(shards[shard].current(), place, id.generation, range);
                if out.is_some() || now.is_some() {
                    in_head.push((labels, out, now));
                }
            }
        }
        // After the head: what a flush moves meanwhile is then seen twice, never not at all.
        let blocks = self.blocks_in(range);
        let mut gathering = Gathering::new(ctx, range, hints.limit)?;
        for (number, block) in blocks.iter().enumerate() {
            unless_broken(block, || gathering.add_block(number as u32, block, matchers))?;
        }
        for (labels, out, now) in in_head {
            // Its cost is reserved since it was found in the head.
            if let Some(found) = gathering.entry(labels, 0)? {
                found.head.reserve_exact(usize::from(out.is_some()) + usize::from(now.is_some()));
                found.head.extend(out.into_iter().chain(now));
            }
        }
        let warnings = self.warnings_in(range);
        let shared = Shared {
            ctx: ctx.clone(),
            range,
            labels_only: hints.labels_only,
            snapshot,
            blocks,
            _reserved: [gathering.reserved, memory],
        };
        let partitions = split(gathering.found, Arc::new(shared));
        Ok(Selection { data: Selected::Series(partitions), complete: warnings.is_empty(), warnings })
    }

    fn label_names(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let mut names = Names::new(ctx)?;
        let mut add = |name: &str| names.add(name);
        if matchers.is_empty() {
            self.index.read().label_names(None, &mut add);
            self.blocks_in(range).iter().for_each(|block| block.label_names().for_each(&mut add));
        } else {
            self.each_labels(ctx, matchers, range, &mut |labels| labels.iter().for_each(|(n, _)| add(n)))?;
        }
        names.listing(limit, self.warnings_in(range))
    }

    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let mut values = Names::new(ctx)?;
        let mut add = |value: &str| {
            if !value.is_empty() {
                values.add(value);
            }
        };
        {
            let index = self.index.read();
            let series = if matchers.is_empty() { None } else { Some(index.select(matchers)?) };
            index.label_values(name, series.as_ref(), &mut add);
        }
        for block in self.blocks_in(range) {
            ctx.check()?;
            unless_broken(&block, || {
                let series = if matchers.is_empty() { None } else { Some(block.select(matchers)?) };
                match &series {
                    Some(series) if series.len() <= MANY_SERIES => block.series(series, &mut |series| {
                        add(series.labels.get_or_empty(name));
                        Ok(true)
                    }),
                    _ => block.label_values(name, series.as_ref(), &mut add),
                }
            })?;
        }
        values.listing(limit, self.warnings_in(range))
    }

    fn families(&self, ctx: &Ctx, name: Option<&str>) -> Result<Vec<Family>> {
        self.check_tenant(&ctx.tenant)?;
        let families = self.families.read();
        Ok(match name {
            Some(name) => families.get(name).cloned().into_iter().collect(),
            None => families.values().cloned().collect(),
        })
    }
}

fn split(mut found: Vec<Found>, shared: Arc<Shared>) -> Vec<Box<dyn Partition>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let each = found.len().div_ceil(threads).max(PARTITION_SERIES);
    let mut partitions: Vec<Box<dyn Partition>> = Vec::new();
    let mut first_id = 0;
    while !found.is_empty() {
        let rest = found.split_off(each.min(found.len()));
        let series = std::mem::replace(&mut found, rest);
        let count = series.len() as u64;
        partitions.push(Box::new(Share::new(Arc::clone(&shared), series, first_id)));
        first_id += count;
    }
    partitions
}
