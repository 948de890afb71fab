//! The way out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::records::{
    ColumnStream, Columns, Counted, Counting, Origin, PatternSeries, RecordReader, RecordScan, StreamSummary,
    VolumeSeries, Wanted,
};
use model::{Ctx, Error, EventKind, Labels, Matcher, Order, Result};

use parking_lot::Mutex;

use super::Store;
use super::arena::Arena;
use super::block::Run;
use super::merge::{Lazy, Merge, Open, Rank};
use super::parallel;
use super::part::Part;
use super::patterns::{self, Patterns};
use super::scan::{Opener, PartScan, Plan, Source};

/// Rows of memory that are read at once.
const RUN: usize = 2048;
/// The rank of what is in memory: it was written last.
const NEWEST: u64 = u64::MAX;
/// The most names in an answer.
const MOST: usize = 100_000;
/// The field that tells how bad a line is.
pub(super) const LEVEL: &str = "level";

/// What is to be read in memory, and the parts of the same moment.
pub(super) type Found = (Vec<Lazy<Source>>, Vec<Arc<Part>>);

impl Store {
    fn merged(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Merge<Opener>> {
        self.check_tenant(&ctx.tenant)?;
        let plan = Arc::new(Plan::new(scan));
        let (mut lazy, parts) = self.memory_of(&plan)?;
        let parts: Vec<Arc<PartScan>> = parts
            .iter()
            .filter(|part| !part.is_damaged())
            .map(|part| Arc::new(PartScan::new(part, &plan)))
            .collect();
        let cut = first_rows(&parts, &lazy, scan);
        parts.iter().for_each(|of_part| add_part(&mut lazy, of_part, scan, cut));
        let opener = Opener { plan, budget: ctx.budget.clone() };
        Ok(Merge::new(ctx, scan.order, scan.limit, opener, lazy))
    }

    /// What a plan finds in memory, and the parts of the same moment.
    pub(super) fn memory_of(&self, plan: &Plan) -> Result<Found> {
        let visible = self.shelf(plan.scan.kind)?.visible.read();
        let mut lazy = Vec::new();
        add_memory(&mut lazy, &visible.arena, NEWEST, plan);
        if let Some(frozen) = &visible.frozen {
            add_memory(&mut lazy, frozen, NEWEST - 1, plan);
        }
        Ok((lazy, visible.parts.clone()))
    }

    /// Counts patterns by what blocks say of templates; only messages without one are read.
    fn patterns_of_blocks(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        mut found: Patterns,
        step_ns: i64,
    ) -> Result<Patterns> {
        self.check_tenant(&ctx.tenant)?;
        let wanted = Wanted { body: true, fields: Some(vec![LEVEL.to_owned()]) };
        let plan = Arc::new(Plan::new(&RecordScan { limit: 0, wanted, ..scan.clone() }));
        let (memory, parts) = self.memory_of(&plan)?;
        let opener = Opener { plan: Arc::clone(&plan), budget: ctx.budget.clone() };
        for lazy in memory {
            ctx.check()?;
            if let Some(columns) = opener.open(lazy.source)? {
                found.add_batch(&columns)?;
            }
        }
        let blocks = blocks_of(&parts, &plan);
        let threads = parallel::threads().min(blocks.len());
        let found = Mutex::new(found);
        parallel::each(
            blocks,
            threads,
            || (),
            |(), (of_part, at)| {
                ctx.check()?;
                let entry = &of_part.part.blocks[at];
                let _held = ctx.budget.reserve(entry.bytes / 2)?;
                let (head, bytes) = of_part.part.head(entry)?;
                let asked = of_part.asked(&plan);
                let examples = scan.wanted.body;
                of_part.part.noting(patterns::add_block(&found, &head, &bytes, &asked, step_ns, examples))
            },
        )?;
        Ok(found.into_inner())
    }

    /// Names of fields by what heads of blocks say; columns are read only where a block has more than what is asked for.
    fn names_of_blocks(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Names> {
        self.check_tenant(&ctx.tenant)?;
        let of = |fields| Wanted { body: false, fields };
        let plan = Arc::new(Plan::new(&RecordScan { limit: 0, wanted: of(None), ..scan.clone() }));
        let (memory, parts) = self.memory_of(&plan)?;
        let opener = Opener { plan: Arc::clone(&plan), budget: ctx.budget.clone() };
        let mut names = Names::new();
        for lazy in memory {
            ctx.check()?;
            if let Some(columns) = opener.open(lazy.source)? {
                add_names(&columns, &mut names);
            }
        }
        for (of_part, at) in blocks_of(&parts, &plan) {
            ctx.check()?;
            let entry = &of_part.part.blocks[at];
            let (head, _) = of_part.part.head(entry)?;
            let (there, all) = head.field_names();
            let mut new: Vec<(Arc<str>, Origin)> =
                there.into_iter().map(|(name, origin)| (Arc::clone(name), origin)).collect();
            new.retain(|name| !names.contains(name));
            if new.is_empty() && all {
                continue;
            }
            let asked_for = |run: &Run| {
                of_part.wanted[run.stream as usize] && run.min_t >= scan.start_ns && run.max_t <= scan.end_ns
            };
            if all && head.runs.iter().all(asked_for) {
                let room = MOST.saturating_sub(names.len());
                names.extend(new.into_iter().take(room));
                continue;
            }
            let fields = all.then(|| new.iter().map(|(name, _)| name.to_string()).collect());
            let plan = Arc::new(Plan::new(&RecordScan { limit: 0, wanted: of(fields), ..scan.clone() }));
            let opener = Opener { plan, budget: ctx.budget.clone() };
            if let Some(columns) = opener.open(Source::Block(of_part, at, None))? {
                add_names(&columns, &mut names);
            }
        }
        Ok(names)
    }

    fn each(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        mut visit: impl FnMut(&Columns) -> Result<()>,
    ) -> Result<()> {
        let mut merge = self.merged(ctx, scan)?;
        let mut batch = Columns::default();
        while merge.next(&mut batch)? {
            ctx.check()?;
            visit(&batch)?;
        }
        Ok(())
    }
}

/// Names of fields with where they come from.
type Names = BTreeSet<(Arc<str>, Origin)>;

fn add_names(batch: &Columns, names: &mut Names) {
    for field in &batch.fields {
        if names.len() < MOST && !names.contains(&(field.name.clone(), field.origin)) {
            names.insert((field.name.clone(), field.origin));
        }
    }
}

/// The blocks of parts that may have rows of a plan.
pub(super) fn blocks_of(parts: &[Arc<Part>], plan: &Plan) -> Vec<(Arc<PartScan>, usize)> {
    let mut blocks = Vec::new();
    for part in parts.iter().filter(|p| !p.is_damaged()) {
        let of_part = Arc::new(PartScan::new(part, plan));
        blocks.extend(of_part.blocks(&plan.scan).map(|(at, _)| (Arc::clone(&of_part), at)));
    }
    blocks
}

/// Adds the blocks of a part. What lies on both sides of `cut` is opened twice, if the side that comes first is not enough.
fn add_part(lazy: &mut Vec<Lazy<Source>>, of_part: &Arc<PartScan>, scan: &RecordScan, cut: Option<i64>) {
    for (at, entry) in of_part.blocks(scan) {
        let (start, end) = (entry.min_t.max(scan.start_ns), entry.max_t.min(scan.end_ns));
        let mut add = |range: Option<(i64, i64)>| {
            let (start, end) = range.unwrap_or((start, end));
            let bound = if scan.order == Order::Ascending { start } else { end };
            let source = Source::Block(Arc::clone(of_part), at, range);
            lazy.push(Lazy { bound, rank: Rank(entry.rank, at as u32), source });
        };
        // The cut is the first time of the later side.
        match cut.filter(|cut| start < *cut && *cut <= end) {
            Some(cut) => [(start, cut - 1), (cut, end)].into_iter().for_each(|range| add(Some(range))),
            None => add(None),
        }
    }
}

/// Whether every record of the streams and times of a scan is in its answer.
fn each_counts(scan: &RecordScan) -> bool {
    scan.body.is_empty() && scan.fields.is_empty() && scan.keep.is_none()
}

/// Where few rows suffice and each is one: a time beside which the first of them lie, all in all, as far as heads of blocks
/// tell. Only so much of a block is read then.
fn first_rows(parts: &[Arc<PartScan>], memory: &[Lazy<Source>], scan: &RecordScan) -> Option<i64> {
    if scan.limit == 0 || !each_counts(scan) {
        return None;
    }
    // Rows are taken to be even in time, and twice as many are enough where that is not quite so.
    let enough = 2.0 * scan.limit as f64;
    let mut pieces: Vec<(i64, i64, f64)> = Vec::new();
    for (of_part, (_, entry)) in parts.iter().flat_map(|p| p.blocks(scan).map(move |block| (p, block))) {
        pieces.push((entry.min_t, entry.max_t, f64::from(entry.rows) * of_part.share(entry)));
    }
    for lazy in memory {
        if let Source::Memory(picked, range) = &lazy.source {
            let times = picked.rows[range.clone()].iter().map(|row| row.time_ns);
            let (least, most) = (times.clone().min()?, times.max()?);
            pieces.push((least, most, range.len() as f64));
        }
    }
    let first = pieces.iter().map(|p| p.0).min()?.max(scan.start_ns);
    let last = pieces.iter().map(|p| p.1).max()?.min(scan.end_ns);
    let ascending = scan.order == Order::Ascending;
    let rows_before = |cut: i64| -> f64 {
        let rows = |(min, max, rows): &(i64, i64, f64)| {
            let (from, to) = if ascending { (first, cut - 1) } else { (cut, last) };
            let inside = to.min(*max) as f64 - from.max(*min) as f64 + 1.0;
            rows * (inside / ((*max as f64 - *min as f64) + 1.0)).max(0.0)
        };
        pieces.iter().map(rows).sum()
    };
    // The nearest time at which there are enough.
    let (mut low, mut high) = (first, last.checked_add(1)?);
    while i128::from(high) - i128::from(low) > 1_000_000 {
        let middle = low + ((i128::from(high) - i128::from(low)) / 2) as i64;
        match (rows_before(middle) >= enough, ascending) {
            (true, true) | (false, false) => high = middle,
            _ => low = middle,
        }
    }
    Some(if ascending { high } else { low })
}

fn add_memory(lazy: &mut Vec<Lazy<Source>>, arena: &Arena, rank: u64, plan: &Plan) {
    let scan = &plan.scan;
    let wanted: Vec<bool> = arena.streams().iter().map(|s| plan.wants_stream(s)).collect();
    if !wanted.contains(&true) {
        return;
    }
    let mut picked = arena.select(&wanted, scan.start_ns, scan.end_ns);
    if each_counts(scan) {
        picked.keep_first(scan.limit, scan.order);
    }
    picked.rows.sort_by_key(|row| row.time_ns);
    if scan.order == Order::Descending {
        picked.rows.reverse();
    }
    let (picked, mut start, mut number) = (Arc::new(picked), 0, 0u32);
    // Where few rows suffice, few are read at first.
    let mut run = if scan.limit == 0 { RUN } else { scan.limit.clamp(64, RUN) };
    while start < picked.rows.len() {
        let range = start..(start + run).min(picked.rows.len());
        let place = if scan.order == Order::Ascending { number } else { u32::MAX - number };
        let bound = picked.rows[start].time_ns;
        start = range.end;
        lazy.push(Lazy {
            bound,
            rank: Rank(rank, place),
            source: Source::Memory(Arc::clone(&picked), range),
        });
        number += 1;
        run = RUN;
    }
}

pub(super) fn step_of(time_ns: i64, start_ns: i64, step_ns: i64) -> i64 {
    if step_ns <= 0 { start_ns } else { time_ns.div_euclid(step_ns) * step_ns }
}

/// What a run of records of one stream adds to an answer about streams.
struct Share<'a> {
    labels: &'a Labels,
    /// First and last time.
    times: (i64, i64),
    records: u64,
    bytes: u64,
    /// Whether a block was looked at for it.
    block: bool,
}

impl Store {
    /// Gives the runs of records that the streams and times of a scan have.
    fn shares(&self, ctx: &Ctx, scan: &RecordScan, mut visit: impl FnMut(&Share<'_>)) -> Result<()> {
        self.check_tenant(&ctx.tenant)?;
        let plan = Plan::new(scan);
        let shelf = self.shelf(scan.kind)?;
        let (memory, parts) = {
            let visible = shelf.visible.read();
            let arenas = std::iter::once(&visible.arena).chain(visible.frozen.as_deref());
            let select = |arena: &Arena| {
                let wanted: Vec<bool> = arena.streams().iter().map(|s| plan.wants_stream(s)).collect();
                arena.select(&wanted, scan.start_ns, scan.end_ns)
            };
            (arenas.map(select).collect::<Vec<_>>(), visible.parts.clone())
        };
        let _held = ctx.budget.reserve(memory.iter().map(|picked| picked.bytes()).sum())?;
        for (picked, row) in memory.iter().flat_map(|picked| picked.rows.iter().map(move |row| (picked, row)))
        {
            let (content, _) = picked.content(row).map_err(unreadable)?;
            visit(&Share {
                labels: &picked.streams[row.stream as usize],
                times: (row.time_ns, row.time_ns),
                records: 1,
                bytes: content.bytes().map_err(unreadable)?,
                block: false,
            });
        }
        for part in parts.iter().filter(|p| !p.is_damaged()) {
            let of_part = PartScan::new(part, &plan);
            for (_, entry) in of_part.blocks(scan) {
                ctx.check()?;
                let (head, _) = part.head(entry)?;
                head.runs.iter().for_each(|run| share_of_run(&of_part, run, scan, &mut visit));
            }
        }
        Ok(())
    }
}

/// What lies in the range of a run that reaches over its ends is taken to be even.
fn share_of_run(of_part: &PartScan, run: &Run, scan: &RecordScan, visit: &mut impl FnMut(&Share<'_>)) {
    let times = (run.min_t.max(scan.start_ns), run.max_t.min(scan.end_ns));
    if !of_part.wanted[run.stream as usize] || times.0 > times.1 {
        return;
    }
    let width = |from: i64, to: i64| i128::from(to) - i128::from(from) + 1;
    let (part, whole) = (width(times.0, times.1), width(run.min_t, run.max_t));
    let of = |sum: u64| u64::try_from((i128::from(sum) * part + whole - 1) / whole).unwrap_or(sum);
    visit(&Share {
        labels: &of_part.part.streams[run.stream as usize],
        times,
        records: of(u64::from(run.rows)),
        bytes: of(run.bytes),
        block: true,
    });
}

/// A scan that asks for nothing but streams.
fn streams_scan(kind: EventKind, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> RecordScan {
    let wanted = Wanted { body: false, fields: Some(Vec::new()) };
    let streams = matchers.to_vec();
    RecordScan { start_ns, end_ns, streams, wanted, ..RecordScan::everything(kind) }
}

fn unreadable(e: disk::varint::Corrupt) -> Error {
    Error::internal("records in memory cannot be read").with_detail(e)
}

impl RecordReader for Store {
    fn scan(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Box<dyn ColumnStream>> {
        Ok(Box::new(self.merged(ctx, scan)?))
    }

    fn scan_unordered(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        visit: &(dyn Fn(&Columns) -> Result<()> + Sync),
    ) -> Result<bool> {
        Self::scan_unordered(self, ctx, scan, visit).map(|()| true)
    }

    fn streams(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<StreamSummary>> {
        let scan = streams_scan(kind, matchers, start_ns, end_ns);
        let mut all: BTreeMap<Labels, StreamSummary> = BTreeMap::new();
        self.shares(ctx, &scan, |share| {
            let sum = all.entry(share.labels.clone()).or_insert_with(|| StreamSummary {
                labels: share.labels.clone(),
                records: 0,
                bytes: 0,
                blocks: 0,
            });
            sum.records += share.records;
            sum.bytes += share.bytes;
            sum.blocks += u64::from(share.block);
        })?;
        Ok(all.into_values().collect())
    }

    fn stream_labels(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<Labels>> {
        self.check_tenant(&ctx.tenant)?;
        let scan = streams_scan(kind, matchers, start_ns, end_ns);
        let plan = Plan::new(&scan);
        let visible = self.shelf(kind)?.visible.read();
        let arenas = std::iter::once(&visible.arena).chain(visible.frozen.as_deref());
        let mut found = BTreeSet::new();
        for arena in arenas {
            let wanted: Vec<bool> = arena.streams().iter().map(|s| plan.wants_stream(s)).collect();
            found.extend(arena.streams_between(&wanted, start_ns, end_ns).cloned());
        }
        let parts = visible.parts.clone();
        drop(visible);
        super::count::stream_labels(ctx, &parts, &plan, &found)
    }

    fn count(&self, ctx: &Ctx, scan: &RecordScan, counting: &Counting) -> Result<Option<Vec<Counted>>> {
        self.count_records(ctx, scan, counting).map(Some)
    }

    fn volume(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<VolumeSeries>> {
        let mut all: BTreeMap<Labels, BTreeMap<i64, (u64, u64)>> = BTreeMap::new();
        self.shares(ctx, scan, |share| {
            if !all.contains_key(share.labels) {
                all.insert(share.labels.clone(), BTreeMap::new());
            }
            let Some(steps) = all.get_mut(share.labels) else { return };
            spread(share, (scan.start_ns, scan.end_ns), step_ns, |step, bytes, records| {
                let sum = steps.entry(step).or_default();
                sum.0 += bytes;
                sum.1 += records;
            });
        })?;
        let series = |(labels, steps): (Labels, BTreeMap<i64, (u64, u64)>)| VolumeSeries {
            labels,
            steps: steps.into_iter().map(|(start, (bytes, records))| (start, bytes, records)).collect(),
        };
        Ok(all.into_iter().map(series).collect())
    }

    fn field_names(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Vec<(String, Origin)>> {
        let most = if scan.limit == 0 { MOST } else { scan.limit };
        let all = RecordScan { limit: 0, wanted: Wanted { body: false, fields: None }, ..scan.clone() };
        let names = if scan.body.is_empty() && scan.fields.is_empty() {
            self.names_of_blocks(ctx, &all)?
        } else {
            let mut names = Names::new();
            self.each(ctx, &all, |batch| {
                add_names(batch, &mut names);
                Ok(())
            })?;
            names
        };
        Ok(names.into_iter().take(most).map(|(name, origin)| (name.to_string(), origin)).collect())
    }

    fn patterns(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<PatternSeries>> {
        let mut found = Patterns::new(scan.start_ns, step_ns);
        if scan.body.is_empty() && scan.fields.is_empty() {
            found = self.patterns_of_blocks(ctx, scan, found, step_ns)?;
        } else {
            let level = vec![LEVEL.to_owned()];
            let wanted = Wanted { body: true, fields: Some(level) };
            self.each(ctx, &RecordScan { limit: 0, wanted, ..scan.clone() }, |batch| found.add_batch(batch))?;
        }
        Ok(found.finish(scan.limit))
    }

    fn delete(&self, ctx: &Ctx, scan: &RecordScan) -> Result<u64> {
        self.delete_records(ctx, scan)
    }
}

/// Shares a run out over the steps it touches, by time.
fn spread(share: &Share<'_>, (start, end): (i64, i64), step_ns: i64, mut add: impl FnMut(i64, u64, u64)) {
    let (from, to) = (share.times.0.max(start), share.times.1.min(end));
    let first = step_of(from, start, step_ns);
    if step_ns <= 0 || first == step_of(to, start, step_ns) {
        return add(first, share.bytes, share.records);
    }
    let width = (i128::from(to) - i128::from(from) + 1).max(1);
    let part = |sum: u64, until: i64| {
        let passed = i128::from(until) - i128::from(from);
        u64::try_from(i128::from(sum) * passed / width).unwrap_or(0)
    };
    let (mut step, mut bytes, mut records) = (first, 0, 0);
    while step <= to {
        let next = step.saturating_add(step_ns);
        let until = next.min(to.saturating_add(1));
        let (bytes_until, records_until) = (part(share.bytes, until), part(share.records, until));
        if bytes_until > bytes || records_until > records {
            add(step, bytes_until - bytes, records_until - records);
        }
        (bytes, records) = (bytes_until, records_until);
        if next == i64::MAX {
            break;
        }
        step = next;
    }
}
