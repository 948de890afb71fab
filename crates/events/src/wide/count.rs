//! Counting without reading: blocks are counted side by side, and what memory holds like any batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::records::{Columns, Counted, Counting, FieldRef, KeyPlace, KeySource, Origin, RecordScan, Wanted};
use model::{Ctx, Labels, Reservation, Result};

use super::Store;
use super::block;
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
        let mut parts = vec![String::new(); counting.by.len()];
        for row in 0..batch.len() {
            for (part, sources) in parts.iter_mut().zip(&counting.by) {
                part.clear();
                for source in sources {
                    push_text(batch, row, source, part);
                    if !part.is_empty() {
                        break;
                    }
                }
            }
            let key: Vec<&str> = parts.iter().map(String::as_str).collect();
            self.add(&key, counting.step_of(batch.times[row]), 1)?;
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

/// The text of a source, if a record has it.
fn push_text(batch: &Columns, row: usize, source: &KeySource, out: &mut String) {
    let field = |origin: Origin| -> Option<FieldRef<'_>> {
        let mut of = batch.fields.iter().filter(|c| c.origin == origin && *c.name == *source.name);
        of.find_map(|column| column.get(row))
    };
    match source.place {
        KeyPlace::Label => out.push_str(batch.labels(row).get(&source.name).unwrap_or_default()),
        KeyPlace::Sent => out.push_str(&field(Origin::Sent).map_or("".into(), written)),
        KeyPlace::Detected => out.push_str(&field(Origin::Detected).map_or("".into(), written)),
    }
    if source.lower {
        out.make_ascii_lowercase();
    }
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
        let wanted = Wanted { body: false, fields: Some(names.map(|source| source.name.clone()).collect()) };
        let plan = Arc::new(Plan::new(&RecordScan { limit: 0, wanted, ..scan.clone() }));
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
    let _held = ctx.budget.reserve(entry.bytes / 2)?;
    let (head, bytes) = of_part.part.head(entry)?;
    let mut refused = None;
    let counted = block::count(&head, &bytes, &of_part.asked(plan), counting, &mut |key, step, rows| {
        sums.add(key, step, rows).inspect_err(|e| refused = Some(e.clone()))
    });
    // No memory is no damage.
    match refused {
        Some(e) => Err(e),
        None => of_part.part.noting(counted),
    }
}

/// The labels of the streams that a scan's matchers and times find, without looking at blocks where the range covers a part.
pub(super) fn stream_labels(
    ctx: &Ctx,
    parts: &[Arc<Part>],
    plan: &Plan,
    mut found: BTreeSet<Labels>,
) -> Result<Vec<Labels>> {
    let scan = &plan.scan;
    for part in parts.iter().filter(|p| !p.is_damaged()) {
        ctx.check()?;
        let of_part = PartScan::new(part, plan);
        let add = |stream: u32, found: &mut BTreeSet<Labels>| {
            let labels = &part.streams[stream as usize];
            if of_part.wanted[stream as usize] && !found.contains(labels) {
                found.insert(labels.clone());
            }
        };
        let covered =
            part.range().is_some_and(|(oldest, newest)| oldest >= scan.start_ns && newest <= scan.end_ns);
        if covered {
            (0..part.streams.len() as u32).for_each(|stream| add(stream, &mut found));
            continue;
        }
        for (_, entry) in of_part.blocks(scan) {
            let inside = entry.min_t >= scan.start_ns && entry.max_t <= scan.end_ns;
            if inside && entry.streams.0 == entry.streams.1 {
                add(entry.streams.0, &mut found);
                continue;
            }
            let (head, _) = part.head(entry)?;
            let touched = |run: &&block::Run| run.min_t <= scan.end_ns && run.max_t >= scan.start_ns;
            head.runs.iter().filter(touched).for_each(|run| add(run.stream, &mut found));
        }
    }
    Ok(found.into_iter().collect())
}
