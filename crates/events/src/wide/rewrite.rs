//! From parts to a part: merging, deleting, leaving out what has expired.

use std::collections::HashMap;
use std::sync::Arc;

use model::records::{Columns, RecordScan};
use model::{EventKind, Labels, Result};

use super::block::{Asked, Builder, Finished, Head, Run, open};
use super::flush::{DAY_NS, LEVEL};
use super::part::{Entry, Part, Writer};
use super::scan::Plan;

/// A block as it lies in the file, with its streams numbered anew.
fn copied(part: &Part, entry: &Entry, numbers: &[u32]) -> Result<Finished> {
    let (mut head, _) = part.head(entry)?;
    // Numbers of streams were checked against those that the part has.
    head.runs.iter_mut().for_each(|run| run.stream = numbers[run.stream as usize]);
    Ok(finished(&head, &part.columns(entry)?))
}

fn finished(head: &Head, columns: &[u8]) -> Finished {
    let mut bytes = head.write();
    let (head_len, head_crc) = (bytes.len() as u32, crc32fast::hash(&bytes));
    bytes.extend_from_slice(columns);
    Finished { head_len, head_crc, bytes, runs: head.runs.clone() }
}

/// Copies the blocks of a part, without the rows that `without` names (sorted) for each of them, and without the blocks
/// for which it says so. Gives how many rows are gone.
pub(super) fn copy_without(
    part: &Part,
    writer: &mut Writer,
    numbers: &[Option<u32>],
    mut without: impl FnMut(&Entry) -> Result<Without>,
) -> Result<u64> {
    // A stream that is not left has no rows to be numbered.
    let numbers: Vec<u32> = numbers.iter().map(|number| number.unwrap_or_default()).collect();
    let plan = Plan::new(&RecordScan::everything(EventKind::Log));
    let wanted = vec![true; part.streams.len()];
    let mut gone = 0;
    for entry in &part.blocks {
        let except = match without(entry)? {
            Without::Nothing => Vec::new(),
            Without::All => {
                gone += u64::from(entry.rows);
                continue;
            }
            Without::Rows(rows) => rows,
        };
        gone += except.len() as u64;
        if except.is_empty() {
            writer.add(&copied(part, entry, &numbers)?, entry.rank)?;
            continue;
        }
        let asked = Asked {
            plan: &plan,
            streams: &part.streams,
            wanted: &wanted,
            natural: true,
            except: &except,
            range: None,
        };
        let (head, bytes) = part.head(entry)?;
        let Some(columns) = part.noting(open(&head, &bytes, &asked))? else { continue };
        // Rows keep their order, and so do the streams of their runs.
        let streams = runs_of(&head.runs, &columns, &part.streams);
        let mut builder = Builder::default();
        for row in 0..columns.len() {
            let stream = streams[columns.stream[row] as usize];
            add_row(&mut builder, &columns, row, numbers[stream as usize]);
        }
        writer.add(&builder.finish(LEVEL)?, entry.rank)?;
    }
    Ok(gone)
}

/// What of a block is left out.
pub(super) enum Without {
    Nothing,
    /// These rows, sorted.
    Rows(Vec<u32>),
    All,
}

/// New numbers of the streams of which something is left.
pub(super) fn streams_left(part: &Part, without: &[Without]) -> Result<Vec<Option<u32>>> {
    let mut left = vec![false; part.streams.len()];
    for (entry, without) in part.blocks.iter().zip(without) {
        let gone: &[u32] = match without {
            Without::All => continue,
            Without::Nothing => &[],
            Without::Rows(rows) => rows,
        };
        let (head, _) = part.head(entry)?;
        for (run, range) in head.ranges() {
            let before = |row: usize| gone.partition_point(|r| (*r as usize) < row);
            let of_run = before(range.end) - before(range.start);
            left[run.stream as usize] |= of_run < run.rows as usize;
        }
    }
    let mut next = 0;
    let mut number = |left: bool| {
        next += u32::from(left);
        left.then(|| next - 1)
    };
    Ok(left.into_iter().map(&mut number).collect())
}

/// The part's numbers of the streams that columns have.
fn runs_of(runs: &[Run], columns: &Columns, streams: &[Labels]) -> Vec<u32> {
    let mut runs = runs.iter().map(|r| r.stream);
    let number = |labels: &Labels| runs.find(|r| streams[*r as usize] == *labels).unwrap_or_default();
    columns.streams.iter().map(number).collect()
}

fn add_row(builder: &mut Builder, columns: &Columns, row: usize, stream: u32) {
    builder.row(columns.times[row], stream, columns.body(row));
    for field in &columns.fields {
        if let Some(value) = field.get(row) {
            builder.field(&field.name, field.origin, value, None);
        }
    }
}

/// One of the parts that are merged row by row.
struct Cursor<'a> {
    part: &'a Part,
    numbers: Arc<Vec<u32>>,
    /// Blocks that are sorted, one after the other.
    blocks: std::slice::Iter<'a, Entry>,
    columns: Columns,
    /// The merged part's numbers of the streams of `columns`.
    streams: Vec<u32>,
    at: usize,
}

impl Cursor<'_> {
    /// Where the next row goes: day, stream, time.
    fn key(&self) -> Option<(i64, u32, i64)> {
        let time = *self.columns.times.get(self.at)?;
        Some((time.div_euclid(DAY_NS), self.streams[self.columns.stream[self.at] as usize], time))
    }

    /// Reads the next block once the one before is used up.
    fn settle(&mut self, plan: &Plan) -> Result<()> {
        while self.at >= self.columns.len() {
            let Some(entry) = self.blocks.next() else { break };
            let (head, bytes) = self.part.head(entry)?;
            let wanted = vec![true; self.part.streams.len()];
            let streams = &self.part.streams;
            let asked = Asked { plan, streams, wanted: &wanted, natural: true, except: &[], range: None };
            self.at = 0;
            self.columns = self.part.noting(open(&head, &bytes, &asked))?.unwrap_or_default();
            let runs = runs_of(&head.runs, &self.columns, streams);
            self.streams = runs.into_iter().map(|s| self.numbers[s as usize]).collect();
        }
        Ok(())
    }
}

/// Merges parts, older ones first, and gives the streams in the order in which blocks number them. Where their blocks are
/// large they are copied as they are; small ones become larger ones.
pub(super) fn merge(parts: &[Arc<Part>], small_bytes: u64, writer: &mut Writer) -> Result<Vec<Labels>> {
    let mut streams: Vec<Labels> = parts.iter().flat_map(|p| p.streams.iter().cloned()).collect();
    streams.sort_by(|a, b| a.canonical().cmp(b.canonical()));
    streams.dedup();
    let by_labels: HashMap<&Labels, u32> = streams.iter().zip(0..).collect();
    let numbers = |part: &Part| part.streams.iter().map(|s| by_labels[s]).collect::<Vec<u32>>();
    let blocks = || parts.iter().flat_map(|p| &p.blocks);
    let average = blocks().map(|b| b.bytes).sum::<u64>() / blocks().count().max(1) as u64;
    if average >= small_bytes {
        for part in parts {
            let numbers = numbers(part);
            for entry in &part.blocks {
                writer.add(&copied(part, entry, &numbers)?, entry.rank)?;
            }
        }
        return Ok(streams);
    }
    let rank = parts.iter().map(|p| p.rank()).max().unwrap_or(0);
    let plan = Plan::new(&RecordScan::everything(EventKind::Log));
    let mut cursors = Vec::new();
    for part in parts {
        let numbers = Arc::new(numbers(part));
        // Blocks of one rank were written at one time, sorted.
        for blocks in part.blocks.chunk_by(|a, b| a.rank == b.rank) {
            cursors.push(Cursor {
                part,
                numbers: Arc::clone(&numbers),
                blocks: blocks.iter(),
                columns: Columns::default(),
                streams: Vec::new(),
                at: 0,
            });
        }
    }
    let (mut builder, mut day) = (Builder::default(), None);
    loop {
        cursors.iter_mut().try_for_each(|c| c.settle(&plan))?;
        // Of equal keys the first: it is of the older part.
        let next = cursors.iter().enumerate().filter_map(|(at, c)| Some((c.key()?, at))).min();
        let Some(((row_day, stream, _), at)) = next else { break };
        if builder.is_full() || (day != Some(row_day) && !builder.is_empty()) {
            writer.add(&builder.finish(LEVEL)?, rank)?;
        }
        day = Some(row_day);
        let cursor = &mut cursors[at];
        add_row(&mut builder, &cursor.columns, cursor.at, stream);
        cursor.at += 1;
    }
    if !builder.is_empty() {
        writer.add(&builder.finish(LEVEL)?, rank)?;
    }
    Ok(streams)
}
