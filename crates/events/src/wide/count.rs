//! Counting without reading: blocks are counted side by side, and what memory holds like any batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::records::{
    ABSENT, Columns, Counted, Counting, KeyPlace, KeySource, Origin, RecordScan, Values, Wanted,
};
use model::{Ctx, Labels, Reservation, Result};

use super::Store;
use super::block::{self, Codes, combined};
use super::condition::written;
use super::merge::{Lazy, Open};
use super::parallel;
use super::part::{Entry, Part};
use super::read::blocks_of;
use super::scan::{Opener, PartScan, Plan, Source};

/// What a key takes beside its text, roughly, and what a step of it does.
const KEY_BYTES: u64 = 128;
const STEP_BYTES: u64 = 24;

/// Counts by key and step.
struct Sums {
    keys: HashMap<Box<[u8]>, Steps, FixedState>,
    scratch: Vec<u8>,
    held: Reservation,
}

/// The step at hand, and the others.
struct Steps {
    last: (i64, u64),
    others: BTreeMap<i64, u64>,
}

impl Steps {
    /// `true`: a step that was not there.
    fn add(&mut self, step: i64, rows: u64) -> bool {
        if self.last.0 == step {
            self.last.1 += rows;
            return false;
        }
        let (before, count) = std::mem::replace(&mut self.last, (step, rows));
        let known = self.others.len();
        *self.others.entry(before).or_default() += count;
        self.others.len() > known
    }
}

impl Sums {
    fn new(ctx: &Ctx) -> Self {
        Self { keys: HashMap::default(), scratch: Vec::new(), held: ctx.budget.claim(0) }
    }

    fn add(&mut self, key: &[&str], step: i64, rows: u64) -> Result<()> {
        self.scratch.clear();
        for part in key {
            self.scratch.extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.scratch.extend_from_slice(part.as_bytes());
        }
        match self.keys.get_mut(&*self.scratch) {
            Some(steps) => {
                if steps.add(step, rows) {
                    self.held.grow(STEP_BYTES)?;
                }
            }
            None => {
                self.held.grow(KEY_BYTES + 2 * self.scratch.len() as u64)?;
                let steps = Steps { last: (step, rows), others: BTreeMap::new() };
                self.keys.insert(self.scratch.as_slice().into(), steps);
            }
        }
        Ok(())
    }

    fn add_all(&mut self, other: Self) -> Result<()> {
        for (key, steps) in other.keys {
            match self.keys.get_mut(&key) {
                Some(sum) => steps.others.into_iter().chain([steps.last]).for_each(|(step, rows)| {
                    sum.add(step, rows);
                }),
                None => _ = self.keys.insert(key, steps),
            }
        }
        // What the other held counts on.
        self.held.grow(other.held.bytes())
    }

    fn add_batch(&mut self, batch: &Columns, counting: &Counting) -> Result<()> {
        let mut parts: Vec<(Codes, Vec<u32>)> =
            counting.by.iter().map(|sources| part_of_batch(batch, sources)).collect();
        let by = parts.len();
        if let Some(reading) = &counting.reading {
            let mut texts = block::Numbered::new(reading.texts(), batch.len());
            (0..batch.len()).for_each(|row| texts.read(row, batch.body(row), &**reading));
            parts.extend(texts.parts);
        }
        let (key_of_row, keys) = combined(&parts, batch.len());
        let mut made = counting.reading.as_ref().map(|reading| block::Keys::new(&**reading, by));
        if let Some(made) = &mut made {
            made.restart(keys.len());
        }
        let mut counts: HashMap<(u32, i64), u64, FixedState> = HashMap::default();
        for (row, time_ns) in batch.times.iter().enumerate() {
            let key = key_of_row.get(row).copied().unwrap_or(0);
            *counts.entry((key, counting.step_of(*time_ns))).or_default() += 1;
        }
        for ((key, step), rows) in counts {
            if let Some(made) = &mut made {
                if let Some(text) = made.of(key, &keys[key as usize], &parts)? {
                    self.add(&[text], step, rows)?;
                }
                continue;
            }
            // `combined` gave a number to each key.
            let codes = parts.iter().zip(&keys[key as usize]);
            let texts: Vec<&str> = codes.map(|((codes, _), code)| codes.text(*code)).collect();
            self.add(&texts, step, rows)?;
        }
        Ok(())
    }

    fn finish(self) -> Vec<Counted> {
        let one = |(key, mut steps): (Box<[u8]>, Steps)| {
            *steps.others.entry(steps.last.0).or_default() += steps.last.1;
            Counted { key: parts_of(&key), steps: steps.others.into_iter().collect() }
        };
        let mut all: Vec<Counted> = self.keys.into_iter().map(one).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }
}

/// The texts of a key as [`Sums::add`] wrote it.
fn parts_of(mut key: &[u8]) -> Vec<String> {
    let mut parts = Vec::new();
    while let Some((len, rest)) = key.split_first_chunk::<4>() {
        let (part, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        parts.push(String::from_utf8_lossy(part).into_owned());
        key = rest;
    }
    parts
}

/// A number for each row's text of one part of the key.
fn part_of_batch(batch: &Columns, sources: &[KeySource]) -> (Codes, Vec<u32>) {
    let mut codes = Codes::default();
    let mut of_rows = vec![0u32; batch.len()];
    for source in sources {
        let origin = match source.place {
            KeyPlace::Sent => Origin::Sent,
            KeyPlace::Detected => Origin::Detected,
            KeyPlace::Label => {
                let value = |labels: &Labels| labels.get(&source.name).unwrap_or_default().to_owned();
                let of_streams: Vec<u32> =
                    batch.streams.iter().map(|labels| codes.number(&value(labels), source.lower)).collect();
                let rows = of_rows.iter_mut().zip(&batch.stream).filter(|(code, _)| **code == 0);
                rows.for_each(|(code, stream)| *code = of_streams[*stream as usize]);
                continue;
            }
        };
        for column in batch.fields.iter().filter(|c| c.origin == origin && *c.name == *source.name) {
            let mut of_words: HashMap<u32, u32, FixedState> = HashMap::default();
            for (row, code) in of_rows.iter_mut().enumerate().filter(|(_, code)| **code == 0) {
                *code = match &column.values {
                    Values::Text(texts) => match texts.ids.get(row) {
                        Some(id) if *id != ABSENT => *of_words
                            .entry(*id)
                            .or_insert_with(|| codes.number(texts.words.get(*id), source.lower)),
                        _ => 0,
                    },
                    _ => column.get(row).map_or(0, |value| codes.number(&written(value), source.lower)),
                };
            }
        }
    }
    (codes, of_rows)
}

/// What is counted in one go.
enum Piece {
    Memory(Source),
    Block(Arc<PartScan>, usize),
}

impl Store {
    pub(super) fn count_records(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        counting: &Counting,
    ) -> Result<Vec<Counted>> {
        self.check_tenant(&ctx.tenant)?;
        let names = counting.by.iter().flatten().filter(|source| source.place != KeyPlace::Label);
        let body = counting.reading.is_some();
        let wanted = Wanted { body, fields: Some(names.map(|source| source.name.clone()).collect()) };
        let plan = Arc::new(Plan::new(&RecordScan { limit: 0, keep: None, wanted, ..scan.clone() }));
        let (memory, parts) = self.memory_of(&plan)?;
        let mut pieces: Vec<Piece> =
            memory.into_iter().map(|Lazy { source, .. }| Piece::Memory(source)).collect();
        pieces.extend(blocks_of(&parts, &plan).into_iter().map(|(of_part, at)| Piece::Block(of_part, at)));
        let threads = parallel::threads().min(pieces.len());
        let opener = Opener { plan: Arc::clone(&plan), budget: ctx.budget.clone() };
        let count = |sums: &mut Sums, piece: Piece| {
            ctx.check()?;
            match piece {
                Piece::Memory(source) => match opener.open(source)? {
                    Some(batch) => sums.add_batch(&batch, counting),
                    None => Ok(()),
                },
                Piece::Block(of_part, at) => {
                    if !of_part.part.may_have(at, &plan)? {
                        return Ok(());
                    }
                    count_block(ctx, &plan, &of_part, &of_part.part.blocks[at], counting, sums)
                }
            }
        };
        let all = parallel::each(pieces, threads, || Sums::new(ctx), count)?;
        let mut all = all.into_iter();
        let mut sums = all.next().unwrap_or_else(|| Sums::new(ctx));
        all.try_for_each(|other| sums.add_all(other))?;
        Ok(sums.finish())
    }
}

fn count_block(
    ctx: &Ctx,
    plan: &Plan,
    of_part: &PartScan,
    entry: &Entry,
    counting: &Counting,
    sums: &mut Sums,
) -> Result<()> {
    // Variables that are read take about as much as the messages that they are of.
    let read = if counting.reading.is_some() { entry.bytes } else { 0 };
    let _held = ctx.budget.reserve(entry.bytes / 2 + read)?;
    let (head, bytes) = of_part.part.head(entry)?;
    let mut refused = None;
    let reading = counting.reading.as_deref();
    let mut made = reading.map(|reading| block::Keys::new(reading, counting.by.len()));
    let asked = of_part.asked(plan);
    let counted = block::count(&head, &bytes, &asked, counting, made.as_mut(), &mut |key, step, rows| {
        sums.add(key, step, rows).inspect_err(|e| refused = Some(e.clone()))
    });
    // No memory is no damage.
    match refused.or(made.and_then(|made| made.refused)) {
        Some(e) => Err(e),
        None => of_part.part.noting(counted),
    }
}

/// The labels of the streams that a scan's matchers and times find. Parts that the range covers are not looked into, and of
/// others only blocks that may have a stream which is not known yet.
pub(super) fn stream_labels(
    ctx: &Ctx,
    parts: &[Arc<Part>],
    plan: &Plan,
    found: &BTreeSet<Labels>,
) -> Result<Vec<Labels>> {
    let scan = &plan.scan;
    let covers = |part: &Part| {
        part.range().is_some_and(|(oldest, newest)| oldest >= scan.start_ns && newest <= scan.end_ns)
    };
    let mut known: HashSet<&Labels, FixedState> = found.iter().collect();
    let (covered, cut): (Vec<_>, Vec<_>) =
        parts.iter().filter(|part| !part.is_damaged()).partition(|part| covers(part));
    for part in &covered {
        ctx.check()?;
        known.extend(part.streams.iter().filter(|labels| plan.wants_stream(labels)));
    }
    for part in cut {
        ctx.check()?;
        let of_part = PartScan::new(part, plan);
        let mut new: Vec<bool> = part
            .streams
            .iter()
            .zip(&of_part.wanted)
            .map(|(s, wanted)| *wanted && !known.contains(s))
            .collect();
        for (_, entry) in of_part.blocks(scan) {
            if !new[entry.streams.0 as usize..=entry.streams.1 as usize].contains(&true) {
                continue;
            }
            let mut add = |stream: u32| {
                if std::mem::take(&mut new[stream as usize]) {
                    known.insert(&part.streams[stream as usize]);
                }
            };
            let inside = entry.min_t >= scan.start_ns && entry.max_t <= scan.end_ns;
            if inside && entry.streams.0 == entry.streams.1 {
                add(entry.streams.0);
                continue;
            }
            let (head, _) = part.head(entry)?;
            let touched = |run: &&block::Run| run.min_t <= scan.end_ns && run.max_t >= scan.start_ns;
            head.runs.iter().filter(touched).for_each(|run| add(run.stream));
        }
    }
    let mut all: Vec<Labels> = known.into_iter().cloned().collect();
    all.sort_unstable();
    Ok(all)
}
