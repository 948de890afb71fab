//! The way out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::records::{
    ColumnStream, Columns, Origin, PatternSeries, RecordReader, RecordScan, StreamSummary, VolumeSeries,
    Wanted,
};
use model::{Ctx, Error, EventKind, Labels, Matcher, Order, Result};

use super::Store;
use super::merge::{Lazy, Merge, Rank};
use super::scan::{Opener, Plan, Source};
use super::shelf::Visible;
use super::split::{pattern, pattern_hash, split};

/// Rows of memory that are read at once.
const RUN: usize = 2048;
/// The rank of what is in memory: it was written last.
const NEWEST: u64 = u64::MAX;
/// The most names and patterns in an answer.
const MOST: usize = 100_000;
const MOST_PATTERNS: usize = 10_000;

impl Store {
    pub(super) fn merge(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Merge<Opener>> {
        self.check_tenant(&ctx.tenant)?;
        let plan = Arc::new(Plan::new(scan));
        let shelf = self.shelf(scan.kind)?;
        let visible = shelf.visible.read();
        let mut lazy = Vec::new();
        add_memory(&mut lazy, &visible, &plan);
        drop(visible);
        Ok(Merge::new(ctx, scan.order, scan.limit, Opener { plan }, lazy))
    }

    fn each(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        mut visit: impl FnMut(&Columns) -> Result<()>,
    ) -> Result<()> {
        let mut merge = self.merge(ctx, scan)?;
        let mut batch = Columns::default();
        while merge.next(&mut batch)? {
            ctx.check()?;
            visit(&batch)?;
        }
        Ok(())
    }
}

fn add_memory(lazy: &mut Vec<Lazy<Source>>, visible: &Visible, plan: &Plan) {
    let scan = &plan.scan;
    let wanted: Vec<bool> = visible.arena.streams().iter().map(|s| plan.wants_stream(s)).collect();
    if !wanted.contains(&true) {
        return;
    }
    let mut picked = visible.arena.select(&wanted, scan.start_ns, scan.end_ns);
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
            rank: Rank(NEWEST, place),
            source: Source::Memory(Arc::clone(&picked), range),
        });
        number += 1;
        run = RUN;
    }
}

fn step_of(time_ns: i64, start_ns: i64, step_ns: i64) -> i64 {
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
        let picked = {
            let visible = shelf.visible.read();
            let wanted: Vec<bool> = visible.arena.streams().iter().map(|s| plan.wants_stream(s)).collect();
            visible.arena.select(&wanted, scan.start_ns, scan.end_ns)
        };
        let _held = ctx.budget.reserve(picked.bytes())?;
        for row in &picked.rows {
            let (content, _) = picked.content(row).map_err(unreadable)?;
            visit(&Share {
                labels: &picked.streams[row.stream as usize],
                times: (row.time_ns, row.time_ns),
                records: 1,
                bytes: content.bytes().map_err(unreadable)?,
                block: false,
            });
        }
        Ok(())
    }
}

fn unreadable(e: disk::varint::Corrupt) -> Error {
    Error::internal("records in memory cannot be read").with_detail(e)
}

impl RecordReader for Store {
    fn scan(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Box<dyn ColumnStream>> {
        Ok(Box::new(self.merge(ctx, scan)?))
    }

    fn streams(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<StreamSummary>> {
        let scan = RecordScan {
            kind,
            start_ns,
            end_ns,
            streams: matchers.to_vec(),
            body: Vec::new(),
            fields: Vec::new(),
            wanted: Wanted { body: false, fields: Some(Vec::new()) },
            limit: 0,
            order: Order::Ascending,
        };
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
        let mut names = BTreeSet::new();
        self.each(ctx, &all, |batch| {
            for field in &batch.fields {
                if names.len() < MOST && !names.contains(&(field.name.clone(), field.origin)) {
                    names.insert((field.name.clone(), field.origin));
                }
            }
            Ok(())
        })?;
        Ok(names.into_iter().take(most).map(|(name, origin)| (name.to_string(), origin)).collect())
    }

    fn patterns(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<PatternSeries>> {
        let level = vec!["level".to_owned()];
        let all = RecordScan { limit: 0, wanted: Wanted { body: true, fields: Some(level) }, ..scan.clone() };
        let mut found = Patterns::default();
        self.each(ctx, &all, |batch| {
            for row in 0..batch.len() {
                let level = match batch.field(row, "level") {
                    Some(model::records::FieldRef::Text(level)) => level,
                    _ => "",
                };
                let step = step_of(batch.times[row], scan.start_ns, step_ns);
                found.add(batch.body(row), batch.times[row], step, level);
            }
            Ok(())
        })?;
        Ok(found.finish(scan.limit))
    }

    fn delete(&self, _ctx: &Ctx, _scan: &RecordScan) -> Result<u64> {
        Err(Error::unavailable("records cannot be deleted by this version"))
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

/// Patterns under construction.
#[derive(Default)]
struct Patterns {
    /// By template, so that the pattern of each is written once.
    by_template: HashMap<Vec<u8>, usize>,
    by_hash: HashMap<u64, usize>,
    found: Vec<Found>,
    template: Vec<u8>,
    variables: Vec<(u32, u32)>,
}

struct Found {
    series: PatternSeries,
    steps: BTreeMap<i64, u64>,
    levels: HashMap<String, u64>,
}

impl Patterns {
    fn add(&mut self, body: &str, time_ns: i64, step: i64, level: &str) {
        self.template.clear();
        self.variables.clear();
        if !split(body.as_bytes(), &mut self.template, &mut self.variables) {
            return;
        }
        let at = match self.by_template.get(&self.template) {
            Some(&at) => at,
            None => {
                if self.by_template.len() >= MOST_PATTERNS {
                    return;
                }
                let text = pattern(&self.template);
                let hash = pattern_hash(&text);
                let found = &mut self.found;
                let at = *self.by_hash.entry(hash).or_insert_with(|| {
                    found.push(Found {
                        series: PatternSeries {
                            hash,
                            pattern: text,
                            seen: (time_ns, time_ns),
                            level: String::new(),
                            example: body.to_owned(),
                            steps: Vec::new(),
                        },
                        steps: BTreeMap::new(),
                        levels: HashMap::new(),
                    });
                    found.len() - 1
                });
                self.by_template.insert(self.template.clone(), at);
                at
            }
        };
        let found = &mut self.found[at];
        let seen = &mut found.series.seen;
        *seen = (seen.0.min(time_ns), seen.1.max(time_ns));
        *found.steps.entry(step).or_default() += 1;
        if level.is_empty() {
            return;
        }
        if let Some(count) = found.levels.get_mut(level) {
            *count += 1;
        } else if found.levels.len() < 64 {
            found.levels.insert(level.to_owned(), 1);
        }
    }

    /// The patterns, those of most records first.
    fn finish(self, limit: usize) -> Vec<PatternSeries> {
        let mut all: Vec<(u64, PatternSeries)> = self
            .found
            .into_iter()
            .map(|found| {
                let most = found.levels.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
                let total = found.steps.values().sum();
                let level = most.map_or_else(String::new, |(level, _)| level);
                (total, PatternSeries { level, steps: found.steps.into_iter().collect(), ..found.series })
            })
            .collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.pattern.cmp(&b.1.pattern)));
        all.truncate(if limit == 0 { usize::MAX } else { limit });
        all.into_iter().map(|(_, series)| series).collect()
    }
}
