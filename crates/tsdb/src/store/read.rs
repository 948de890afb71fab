//! The way out.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use model::metrics::Family;
use model::{
    Ctx, Labels, Listing, MatchOp, Matcher, MetricReader, Partition, Reservation, Result, SelectHints,
    Selected, Selection, TimeRange, Version,
};
use roaring::RoaringBitmap;

use super::Store;
use super::names::Names;
use super::partition::{Found, InMemory, Share, Shared};
use crate::block::{Block, Page, pages_in};
use crate::head::{Head, HeadPiece, Listed, Pin, Snapshot};
use crate::tiers::coverage::Plan;
use crate::tiers::read::{TierPages, has_histograms};

/// Series looked at between two looks at the deadline.
const CHECK_EVERY: usize = 1024;
/// A partition has at least this many series.
const PARTITION_SERIES: usize = 64;
/// With more matching series than this the values of a label are found through postings instead of through series.
const MANY_SERIES: u64 = 2_000;
/// What so many series have in so many blocks is little.
const LITTLE_SERIES: u64 = 16;
const LITTLE_BLOCKS: usize = 2;
/// Rough memory of a found series beside its labels and pages.
const FOUND_COST: usize = 160;
/// Memory for labels is reserved in steps of this many bytes.
const STEP: u64 = 64 << 10;

/// The series of a selection, gathered source by source.
struct Gathering<'a> {
    ctx: &'a Ctx,
    range: TimeRange,
    limit: usize,
    found: Vec<Found>,
    /// Places in `found` by their labels.
    by_labels: HashTable<usize>,
    hasher: RandomState,
    reserved: Reservation,
    used: u64,
    plan: Option<&'a Plan>,
}

impl<'a> Gathering<'a> {
    fn new(ctx: &'a Ctx, range: TimeRange, limit: usize, plan: Option<&'a Plan>) -> Result<Self> {
        let reserved = ctx.budget.reserve(0)?;
        let limit = if limit == 0 { usize::MAX } else { limit };
        let (found, by_labels, hasher) = (Vec::new(), HashTable::new(), RandomState::default());
        Ok(Self { ctx, range, limit, found, by_labels, hasher, reserved, used: 0, plan })
    }

    fn reserve(&mut self, bytes: usize) -> Result<()> {
        self.used += bytes as u64;
        if self.used > self.reserved.bytes() {
            self.reserved.grow(self.used - self.reserved.bytes() + (64 << 10))?;
        }
        Ok(())
    }

    fn place_of(&self, hash: u64, canonical: &str) -> Option<usize> {
        self.by_labels.find(hash, |at| self.found[*at].labels.canonical() == canonical).copied()
    }

    /// The entry of these labels, if they were found already.
    fn known(&mut self, canonical: &str) -> Option<&mut Found> {
        let at = self.place_of(self.hasher.hash_one(canonical), canonical)?;
        self.found.get_mut(at)
    }

    /// The entry of these labels; `None` where the limit is reached and they are new.
    fn entry(&mut self, canonical: &str) -> Result<Option<&mut Found>> {
        if self.found.len().is_multiple_of(CHECK_EVERY) {
            self.ctx.check()?;
        }
        let hash = self.hasher.hash_one(canonical);
        let at = match self.place_of(hash, canonical) {
            Some(at) => at,
            None if self.found.len() >= self.limit => return Ok(None),
            None => {
                self.reserve(FOUND_COST + canonical.len())?;
                let labels = Labels::from_canonical(canonical)
                    .ok_or_else(|| model::Error::internal("labels are not canonical"))?;
                let at = self.found.len();
                let (hasher, found) = (&self.hasher, &self.found);
                self.by_labels.insert_unique(hash, at, |at| hasher.hash_one(found[*at].labels.canonical()));
                self.found.push(Found::new(labels));
                at
            }
        };
        Ok(self.found.get_mut(at))
    }

    fn add_block(&mut self, number: u32, block: &Block, matchers: &[Matcher]) -> Result<()> {
        let wanted = block.select(matchers)?;
        let range = self.range;
        let plan = self.plan;
        let read = |page: &&Page| plan.is_none_or(|plan| plan.wants_samples(page.range));
        block.each_series(&wanted, &mut |canonical, all, deleted| {
            let mut pages = pages_in(all, range, deleted.as_deref()).filter(read).peekable();
            if pages.peek().is_none() {
                return Ok(true);
            }
            self.reserve(all.len() * size_of::<(u32, Page)>())?;
            if let Some(found) = self.entry(canonical)? {
                found.pages.extend(pages.map(|page| (number, *page)));
                found.deleted.extend(deleted.map(|ranges| (number, ranges)));
            }
            Ok(true)
        })
    }

    /// What was found, those first that came first into the head: series of one target then follow each other, and
    /// what they have in common (their times) is decoded once.
    fn into_found(mut self) -> (Vec<Found>, Reservation) {
        let key = |found: &Found| (found.order, found.pages.first().map_or(0, |(_, page)| page.times));
        self.found.sort_by_key(key);
        (self.found, self.reserved)
    }
}

/// Series in memory. Their labels can be read as long as the pin is held.
pub(super) struct Members {
    pub(super) series: Vec<Listed>,
    pin: Pin,
    _reserved: Reservation,
}

/// What memory holds of a selection.
struct Memory {
    snapshot: Snapshot,
    pieces: Vec<InMemory>,
    pin: Pin,
    reserved: Reservation,
}

/// What tiers have for a selection.
#[derive(Default)]
struct Older {
    plan: Option<Plan>,
    found: Vec<(Labels, TierPages)>,
    /// For what was found.
    _reserved: Option<Reservation>,
}

impl Store {
    /// Asks the tiers first: what they answer is not read from samples.
    fn older(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange, hints: &SelectHints) -> Result<Older> {
        // Blocks whose summaries do not do for these series.
        let mut without = Vec::new();
        loop {
            let Some(plan) = self.tier_plan(range, hints, &without) else { return Ok(Older::default()) };
            let (mut found, mut unfit) = (Vec::new(), None);
            let mut reserved = ctx.budget.reserve(0)?;
            for (number, part) in plan.parts.iter().enumerate() {
                unless_broken(&part.block, || {
                    part.block.series(&part.block.select(matchers)?, &mut |series| {
                        if found.len().is_multiple_of(CHECK_EVERY) {
                            ctx.check()?;
                        }
                        if has_histograms(&series, &part.exact) {
                            unfit = Some((part.resolution, part.block.number));
                            return Ok(false);
                        }
                        let labels = series.labels.clone();
                        if let Some(pages) = plan.pages_of(number as u32, series) {
                            let pages_size = pages.pages.len() * size_of::<Page>();
                            reserved.grow((FOUND_COST + labels.canonical().len() + pages_size) as u64)?;
                            found.push((labels, pages));
                        }
                        Ok(true)
                    })
                })?;
            }
            let broken = plan.parts.iter().any(|part| part.block.is_broken());
            match unfit {
                Some(block) => without.push(block),
                None if broken => {}
                None => return Ok(Older { plan: Some(plan), found, _reserved: Some(reserved) }),
            }
        }
    }

    /// Series in memory that satisfy the matchers. What they take is reserved before it is allocated: a query for all
    /// series of a flood is refused here.
    pub(super) fn members(&self, ctx: &Ctx, matchers: &[Matcher]) -> Result<Members> {
        let index = self.index.read();
        let slots = index.select(matchers)?;
        let reserved = ctx.budget.reserve(slots.len() * size_of::<Listed>() as u64)?;
        let mut series = Vec::with_capacity(usize::try_from(slots.len()).unwrap_or(0));
        for slot in slots {
            if series.len().is_multiple_of(CHECK_EVERY) {
                ctx.check()?;
            }
            series.extend(index.listed(slot));
        }
        Ok(Members { series, pin: index.pin(), _reserved: reserved })
    }

    /// What memory holds in `range`, in one moment: a batch is seen whole or not at all.
    fn in_memory(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange, newest: bool) -> Result<Memory> {
        let Members { series, pin, _reserved } = self.members(ctx, matchers)?;
        let shards = self.head.read_all();
        let frozen = self.head.frozen();
        let each = if frozen.is_some() { 2 } else { 1 };
        let most = series.len() * each;
        let mut reserved = ctx.budget.reserve((most * size_of::<InMemory>()) as u64)?;
        let mut pieces = Vec::with_capacity(most);
        let mut snapshot = Snapshot::newest_only(newest);
        let mut copied = 0;
        for (looked_at, series) in series.into_iter().enumerate() {
            let now = snapshot.size();
            if looked_at.is_multiple_of(CHECK_EVERY) && now > copied {
                reserved.grow(now - copied + STEP)?;
                copied = now + STEP;
            }
            let id = series.id;
            let (shard, place) = (Head::shard_of(id.slot), Head::place_of(id.slot));
            let mut add = |shard| snapshot.add(shard, place, id.generation, range);
            let out = frozen.as_ref().and_then(|f| add(&f.shards[shard]));
            let now = add(shards[shard].current());
            pieces.extend(out.into_iter().chain(now).map(|piece| InMemory { series, piece }));
        }
        Ok(Memory { snapshot, pieces, pin, reserved })
    }

    /// Gives what is in memory of series that were found elsewhere, too, to these; `limit` series remain in all.
    fn join(&self, gathering: &mut Gathering<'_>, pieces: &mut Vec<InMemory>) -> Result<()> {
        if !gathering.found.is_empty() {
            let index = self.index.read();
            let (mut canonical, mut looked_at, mut failed) = (String::new(), 0usize, Ok(()));
            pieces.retain_mut(|InMemory { series, piece }| {
                looked_at += 1;
                if failed.is_err() {
                    return false;
                }
                if looked_at.is_multiple_of(CHECK_EVERY) {
                    failed = gathering.ctx.check();
                }
                index.canonical_of(series, &mut canonical);
                let Some(found) = gathering.known(&canonical) else { return true };
                found.order = u64::from(series.id.slot);
                found.head.reserve_exact(1);
                found.head.push(std::mem::take(piece));
                if let Err(error) = gathering.reserve(size_of::<HeadPiece>()) {
                    failed = Err(error);
                }
                false
            });
            failed?;
        }
        if let Some(free) = gathering.limit.checked_sub(gathering.found.len())
            && free < pieces.len()
        {
            let mut series = 0;
            let ends = pieces.iter().zip(pieces.iter().skip(1)).position(|(one, next)| {
                series += usize::from(one.series.id != next.series.id);
                series >= free
            });
            match (free, ends) {
                (0, _) => pieces.clear(),
                (_, Some(last)) => pieces.truncate(last + 1),
                (_, None) => {}
            }
        }
        Ok(())
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
        let members = self.members(ctx, matchers)?;
        let mut canonical = String::new();
        for (looked_at, series) in members.series.iter().enumerate() {
            if looked_at.is_multiple_of(CHECK_EVERY) {
                ctx.check()?;
            }
            self.index.read().canonical_of(series, &mut canonical);
            if let Some(labels) = Labels::from_canonical(&canonical) {
                take(&labels);
            }
        }
        drop(members);
        for block in self.older_blocks(range) {
            let each = || {
                block.series(&block.select(matchers)?, &mut |series| {
                    if series.deleted.is_none() || series.pages_in(TimeRange::ALL).next().is_some() {
                        take(&series.labels);
                    }
                    Ok(true)
                })
            };
            unless_broken(&block, each)?;
        }
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
        let Older { plan, found, _reserved } = self.older(ctx, matchers, range, hints)?;
        let Memory { snapshot, mut pieces, pin, reserved: memory } =
            self.in_memory(ctx, matchers, range, hints.newest_only)?;
        // After the head: what a flush moves meanwhile is then seen twice, never not at all.
        let mut blocks = self.blocks_in(range);
        if let Some(plan) = &plan {
            blocks.retain(|b| plan.wants_samples(b.meta.range));
        }
        let mut gathering = Gathering::new(ctx, range, hints.limit, plan.as_ref())?;
        for (number, block) in blocks.iter().enumerate() {
            unless_broken(block, || gathering.add_block(number as u32, block, matchers))?;
        }
        for (labels, pages) in found {
            gathering.reserve(size_of::<TierPages>() + pages.pages.len() * size_of::<Page>())?;
            if let Some(found) = gathering.entry(labels.canonical())? {
                found.tier.push(pages);
            }
        }
        self.join(&mut gathering, &mut pieces)?;
        let warnings = self.warnings_in(range);
        let (resolutions, infos) =
            plan.as_ref().map_or_else(Default::default, |p| (p.resolutions(), p.infos()));
        let (found, reserved) = gathering.into_found();
        let shared = Shared {
            ctx: ctx.clone(),
            range,
            labels_only: hints.labels_only,
            snapshot,
            in_memory: pieces,
            index: Arc::clone(&self.index),
            _pin: pin,
            blocks,
            plan,
            _reserved: [reserved, memory],
        };
        let partitions = split(found, Arc::new(shared));
        let complete = warnings.is_empty();
        Ok(Selection {
            warnings,
            complete,
            infos,
            resolutions,
            ..Selection::complete(Selected::Series(partitions))
        })
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
            let blocks = self.blocks_in(range).into_iter().chain(self.older_blocks(range));
            for block in blocks {
                unless_broken(&block, || block.label_names(&mut add))?;
            }
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
        for block in self.blocks_in(range).into_iter().chain(self.older_blocks(range)) {
            ctx.check()?;
            unless_broken(&block, || {
                let dead = block.dead()?;
                let all = matchers.is_empty() && dead.is_empty();
                let series = if all { None } else { Some(block.select(matchers)? - &*dead) };
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

    fn is_little(&self, matchers: &[Matcher], range: TimeRange) -> bool {
        // Values are looked up, not gone through.
        if matchers.iter().any(|m| m.op != MatchOp::Equal || m.value.is_empty()) {
            return false;
        }
        let few = |found: Result<RoaringBitmap>| found.is_ok_and(|found| found.len() <= LITTLE_SERIES);
        let blocks = self.blocks_in(range);
        blocks.len() <= LITTLE_BLOCKS
            && few(self.index.read().select(matchers))
            && blocks.iter().all(|block| few(block.select(matchers)))
    }

    fn version(&self, range: TimeRange) -> Option<Version> {
        let (changed, now) = self.changes.last(range);
        let mut layout = foldhash::fast::FixedState::default().build_hasher();
        for block in self.blocks_in(range) {
            layout.write_u64(block.number);
        }
        Some(Version { layout: layout.finish(), changed, now })
    }

    fn families(&self, ctx: &Ctx, name: Option<&str>) -> Result<Vec<Family>> {
        self.check_tenant(&ctx.tenant)?;
        let families = self.families.read();
        Ok(match name {
            Some(name) => families.get(name).cloned().into_iter().collect(),
            None => families.all().cloned().collect(),
        })
    }
}

fn split(mut found: Vec<Found>, shared: Arc<Shared>) -> Vec<Box<dyn Partition>> {
    // Asking the system reads files of control groups, which takes longer than a small query.
    static THREADS: OnceLock<usize> = OnceLock::new();
    let threads = *THREADS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    let pieces = &shared.in_memory;
    let each = |all: usize| all.div_ceil(threads).max(PARTITION_SERIES);
    let (each_found, each_piece) = (each(found.len()), each(pieces.len()));
    let mut partitions: Vec<Box<dyn Partition>> = Vec::new();
    let (mut first_id, mut at) = (0, 0);
    while !found.is_empty() || at < pieces.len() {
        let rest = found.split_off(each_found.min(found.len()));
        let series = std::mem::replace(&mut found, rest);
        let mut end = (at + each_piece).min(pieces.len());
        // The pieces of one series stay together.
        while end > 0 && end < pieces.len() && pieces[end - 1].series.id == pieces[end].series.id {
            end += 1;
        }
        let count = (series.len() + end - at) as u64;
        partitions.push(Box::new(Share::new(Arc::clone(&shared), series, at..end, first_id)));
        first_id += count;
        at = end;
    }
    partitions
}
