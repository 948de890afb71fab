//! Reading a block: what its templates rule out first, then the columns that are asked for.

use std::cell::RefCell;

use disk::varint::{Corrupt, Reader};
use model::records::{Columns, FieldColumn, TextColumn};
use model::{Error, Labels, Order, Result};

use super::messages::{Messages, Parts, Raw, Templates};
use super::{FieldKind, Head, Kind, Section, told};
use crate::wide::condition::Test;
use crate::wide::fields::{Field, Needs};
use crate::wide::filter::Place;
use crate::wide::ints;
use crate::wide::needle::Verdict;
use crate::wide::scan::Plan;

/// Where the bytes of a block come from.
pub(in crate::wide) trait Bytes {
    /// So many bytes from an offset behind the head.
    fn read(&self, offset: u32, len: u32) -> Result<Vec<u8>>;

    /// Whether checksums are compared; only a fuzzer goes past them.
    fn checks(&self) -> bool {
        true
    }
}

/// Where no more than one row of so many is chosen, the others are not looked at for their fields.
const FEW: usize = 8;

/// What is asked of a block.
pub(in crate::wide) struct Asked<'a> {
    pub(in crate::wide) plan: &'a Plan,
    /// Streams of the part, and which of them are asked for.
    pub(in crate::wide) streams: &'a [Labels],
    pub(in crate::wide) wanted: &'a [bool],
    /// Rows stay in the order of the block.
    pub(in crate::wide) natural: bool,
    /// These rows, sorted, are left out.
    pub(in crate::wide) except: &'a [u32],
    /// Only rows of these times, the first and the last, of those that the plan asks for.
    pub(in crate::wide) range: Option<(i64, i64)>,
}

impl Asked<'_> {
    /// First and last time that is asked for.
    fn range(&self) -> (i64, i64) {
        let scan = &self.plan.scan;
        let (start, end) = self.range.unwrap_or((i64::MIN, i64::MAX));
        (scan.start_ns.max(start), scan.end_ns.min(end))
    }
}

pub(super) fn corrupt(e: Corrupt) -> Error {
    Error::internal("a block of records is corrupt").with_detail(e)
}

thread_local! {
    /// A block has many columns, and a new one costs as much as a small column.
    static UNPACKER: RefCell<Unpacker> = RefCell::default();
}

#[derive(Default)]
struct Unpacker(Option<zstd::bulk::Decompressor<'static>>);

impl Unpacker {
    fn decompress(&mut self, bytes: &[u8], most: usize) -> std::io::Result<Vec<u8>> {
        let unpacker = match &mut self.0 {
            Some(unpacker) => unpacker,
            none => none.insert(zstd::bulk::Decompressor::new()?),
        };
        unpacker.decompress(bytes, most)
    }
}

/// The bytes of a column.
pub(super) fn column(bytes: &dyn Bytes, section: &Section) -> Result<Vec<u8>> {
    let stored = bytes.read(section.offset, section.len)?;
    if bytes.checks() && crc32fast::hash(&stored) != section.crc {
        return Err(corrupt(Corrupt("checksum of a column")));
    }
    if section.len == section.raw_len {
        return Ok(stored);
    }
    let raw = UNPACKER
        .with_borrow_mut(|unpacker| unpacker.decompress(&stored, section.raw_len as usize))
        .map_err(|_| corrupt(Corrupt("a column cannot be decompressed")))?;
    if raw.len() != section.raw_len as usize {
        return Err(corrupt(Corrupt("a column is shorter than it says")));
    }
    Ok(raw)
}

pub(super) fn named(head: &Head, bytes: &dyn Bytes, kind: &Kind) -> Result<Vec<u8>> {
    head.section(kind).map_or_else(|| Err(corrupt(Corrupt("a column is missing"))), |s| column(bytes, s))
}

pub(super) fn times(raw: &[u8], rows: usize) -> Result<Vec<i64>, Corrupt> {
    let mut reader = Reader::new(raw);
    let unit = i64::try_from(reader.u64()?).map_err(|_| Corrupt("unit of time"))?;
    let mut times = Vec::with_capacity(rows);
    ints::read(&mut reader, rows, &mut times)?;
    times.iter_mut().for_each(|t| *t = t.wrapping_mul(unit));
    Ok(times)
}

/// The rows of a block that a plan asks for, in its order, with the columns that it wants.
pub(in crate::wide) fn open(head: &Head, bytes: &dyn Bytes, asked: &Asked<'_>) -> Result<Option<Columns>> {
    let Some(found) = find(head, bytes, asked, asked.plan.scan.wanted.body, true)? else { return Ok(None) };
    let Found { times, picked, body, fields } = found;
    let mut out = Columns { body, fields, exact: true, ..Columns::default() };
    let mut numbers: Vec<Option<u32>> = vec![None; head.runs.len()];
    for (row, run) in &picked {
        out.times.push(times[*row as usize]);
        let number = *numbers[*run as usize].get_or_insert_with(|| {
            // `pick` refuses runs of streams that are unknown.
            out.streams.push(asked.streams[head.runs[*run as usize].stream as usize].clone());
            (out.streams.len() - 1) as u32
        });
        out.stream.push(number);
    }
    Ok(Some(out))
}

/// The numbers of the rows that a plan asks for.
pub(in crate::wide) fn matching(head: &Head, bytes: &dyn Bytes, asked: &Asked<'_>) -> Result<Vec<u32>> {
    let found = find(head, bytes, asked, false, false)?;
    Ok(found.map_or_else(Vec::new, |found| found.picked.iter().map(|(row, _)| *row).collect()))
}

pub(super) struct Found {
    pub(super) times: Vec<i64>,
    pub(super) picked: Picked,
    body: Option<TextColumn>,
    fields: Vec<FieldColumn>,
}

pub(super) fn find(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    with_body: bool,
    with_fields: bool,
) -> Result<Option<Found>> {
    let plan = asked.plan;
    let rows = head.rows();
    if ruled_out(head, bytes, plan)? {
        return Ok(None);
    }
    let (start_ns, end_ns) = asked.range();
    let cut = head.runs.iter().any(|run| run.min_t < start_ns || run.max_t > end_ns);
    // Where the range leaves nothing, nothing else is read.
    let (times, early) = match cut || plan.body.is_empty() {
        true => {
            let times = times(&named(head, bytes, &Kind::Times)?, rows).map_err(corrupt)?;
            let picked = pick(head, asked, &times)?;
            if picked.is_empty() {
                return Ok(None);
            }
            (Some(times), Some(picked))
        }
        false => (None, None),
    };
    let needs_body = with_body || !plan.body.is_empty();
    let templates_raw = if needs_body { named(head, bytes, &Kind::Templates)? } else { Vec::new() };
    let templates = needs_body.then(|| Templates::read(head, &templates_raw)).transpose().map_err(corrupt)?;
    let mut verdicts = templates.as_ref().map_or_else(Vec::new, |t| t.verdicts(&templates_raw, &plan.body));
    let has_whole = templates.as_ref().is_some_and(Templates::has_whole);
    if !plan.body.is_empty() && !has_whole && verdicts.iter().all(|v| *v == Verdict::None) {
        return Ok(None);
    }
    let raw = match &templates {
        Some(templates) => Raw::read(head, bytes, templates, &mut verdicts, &plan.body, with_body, times)?,
        None => Raw::of_times(times),
    };
    let mut messages = templates.as_ref().map(|t| Messages::new(t, verdicts, &raw, &plan.body));
    if let Some(messages) = &mut messages
        && !plan.body.is_empty()
        && !messages.any(&plan.body).map_err(corrupt)?
    {
        return Ok(None);
    }
    if let Some(templates) = &templates {
        templates.load(head, bytes)?;
    }
    let times = raw.times(head, bytes)?;
    let mut picked = match early {
        Some(picked) => picked,
        None => pick(head, asked, times)?,
    };
    if let Some(messages) = messages.as_ref().filter(|_| !plan.body.is_empty()) {
        picked.retain(|(row, _)| messages.may(*row));
    }
    filter_by_fields(head, bytes, plan, rows, &mut picked)?;
    if let Some(keep) = plan.scan.keep.as_ref().filter(|_| !picked.is_empty()) {
        let read = templates
            .as_ref()
            .filter(|_| with_body && plan.body.is_empty())
            .map(|templates| (templates, &raw));
        told::retain(head, bytes, asked, keep, read, &mut picked)?;
    }
    if picked.is_empty() {
        return Ok(None);
    }
    if !asked.natural {
        order(&mut picked, times, plan.scan.order);
    }
    let limit = if plan.scan.limit == 0 { usize::MAX } else { plan.scan.limit };
    let mut body = with_body.then(TextColumn::default);
    match &mut messages {
        Some(messages) => messages.select(&mut picked, limit, &plan.body, body.as_mut())?,
        None => picked.truncate(limit),
    }
    if picked.is_empty() {
        return Ok(None);
    }
    let read = messages.filter(|_| raw.has_variables());
    let fields = match with_fields {
        true => fields(head, bytes, plan, &picked, read)?,
        false => Vec::new(),
    };
    Ok(Some(Found { times: raw.into_times(), picked, body, fields }))
}

/// Whether the words of a block say that nothing in it fulfils the tests.
pub(super) fn ruled_out(head: &Head, bytes: &dyn Bytes, plan: &Plan) -> Result<bool> {
    if plan.body.iter().any(Test::has_plain_words)
        && let Some(section) = head.section(&Kind::Words)
    {
        let words = column(bytes, section)?;
        return Ok(!plan.body.iter().all(|test| test.may_hold_by_words(&words)));
    }
    Ok(false)
}

/// Where the filter of a block lies, if it has one. All of it is read for its checksum.
pub(in crate::wide) fn filter(head: &Head, bytes: &dyn Bytes) -> Result<Option<Place>> {
    let Some(section) = head.section(&Kind::Filter).filter(|s| s.len == s.raw_len) else { return Ok(None) };
    Ok(Place::read(section.offset, &column(bytes, section)?))
}

/// Rows with the run that each is of.
pub(super) type Picked = Vec<(u32, u32)>;

pub(super) fn pick(head: &Head, asked: &Asked<'_>, times: &[i64]) -> Result<Picked> {
    let (start_ns, end_ns) = asked.range();
    let (mut picked, mut first) = (Picked::new(), 0u32);
    for (number, run) in head.runs.iter().enumerate() {
        let rows = first..first + run.rows;
        let first_row = rows.start;
        first = rows.end;
        let wanted =
            asked.wanted.get(run.stream as usize).filter(|_| asked.streams.len() > run.stream as usize);
        if !*wanted.ok_or_else(|| corrupt(Corrupt("a stream that the part does not have")))?
            || run.max_t < start_ns
            || run.min_t > end_ns
        {
            continue;
        }
        // Rows of a run are in order of time.
        let of_run = &times[rows.start as usize..rows.end as usize];
        let from = first_row + of_run.partition_point(|t| *t < start_ns) as u32;
        let until = first_row + of_run.partition_point(|t| *t <= end_ns) as u32;
        picked.extend((from..until).map(|row| (row, number as u32)));
    }
    if !asked.except.is_empty() {
        let mut except = asked.except.iter().peekable();
        picked.retain(|(row, _)| {
            while except.next_if(|e| *e < row).is_some() {}
            except.peek() != Some(&row)
        });
    }
    Ok(picked)
}

/// Rows of one stream are in order of time already.
fn order(picked: &mut Picked, times: &[i64], order: Order) {
    if picked.first().map(|p| p.1) != picked.last().map(|p| p.1) {
        picked.sort_by_key(|(row, _)| times[*row as usize]);
    }
    if order == Order::Descending {
        picked.reverse();
    }
}

fn filter_by_fields(
    head: &Head,
    bytes: &dyn Bytes,
    plan: &Plan,
    rows: usize,
    picked: &mut Picked,
) -> Result<()> {
    for (name, test) in &plan.fields {
        if picked.is_empty() {
            break;
        }
        with_fields(
            head,
            bytes,
            rows,
            |n| n == name,
            None,
            |columns| {
                columns.sort_by_key(|c| c.origin);
                let absent = test.holds("");
                for column in columns.iter_mut() {
                    column.prepare(test);
                }
                picked.retain(|(row, _)| columns.iter().find_map(|c| c.holds(*row, test)).unwrap_or(absent));
            },
        )?;
    }
    Ok(())
}

fn raw_fields(
    head: &Head,
    bytes: &dyn Bytes,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(FieldKind, Vec<u8>)>> {
    let mut all = Vec::new();
    for section in &head.sections {
        let kind = match &section.kind {
            Kind::Field(name, origin, kind) if wanted(name) => match section.derived {
                true => FieldKind::Derived(name.clone(), *origin, *kind),
                false => FieldKind::Column(name.clone(), *origin, *kind),
            },
            Kind::Rest => FieldKind::Rest,
            _ => continue,
        };
        all.push((kind, column(bytes, section)?));
    }
    Ok(all)
}

fn fields(
    head: &Head,
    bytes: &dyn Bytes,
    plan: &Plan,
    picked: &Picked,
    read: Option<Messages<'_>>,
) -> Result<Vec<FieldColumn>> {
    if plan.scan.wanted.fields.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let rows_of = picked.iter().map(|(row, _)| *row);
    let select = |columns: &mut Vec<Field<'_>>| {
        columns.iter().filter_map(|c| c.select(rows_of.clone())).collect::<Vec<_>>()
    };
    let mut chosen: Vec<u32> = rows_of.clone().collect();
    chosen.sort_unstable();
    let few = chosen.len() * FEW < head.rows();
    let chosen = few.then_some(&chosen[..]);
    with_chosen_fields(head, bytes, head.rows(), |name| plan.wants_field(name), (read, chosen), select)
}

/// Reads the columns of fields that are wanted, and the messages where they tell values and were not `read`, and does something
/// with them.
pub(super) fn with_fields<R>(
    head: &Head,
    bytes: &dyn Bytes,
    rows: usize,
    wanted: impl Fn(&str) -> bool,
    read: Option<Messages<'_>>,
    work: impl FnOnce(&mut Vec<Field<'_>>) -> R,
) -> Result<R> {
    with_chosen_fields(head, bytes, rows, wanted, (read, None), work)
}

/// As [`with_fields`]; of columns no more is read than values of the chosen rows, if there are such.
fn with_chosen_fields<R>(
    head: &Head,
    bytes: &dyn Bytes,
    rows: usize,
    wanted: impl Fn(&str) -> bool,
    (read, chosen): (Option<Messages<'_>>, Option<&[u32]>),
    work: impl FnOnce(&mut Vec<Field<'_>>) -> R,
) -> Result<R> {
    let raw = raw_fields(head, bytes, &wanted)?;
    let mut needs = Needs::Nothing;
    // Where messages were read, nothing else is to be read for them.
    if read.is_none() {
        for (kind, raw) in &raw {
            needs = needs.max(Field::needs(kind, raw).map_err(corrupt)?);
        }
    }
    if read.is_none() && needs == Needs::Nothing {
        return Ok(work(&mut Field::read_all(&raw, rows, wanted, None, chosen).map_err(corrupt)?));
    }
    let (table, templates, variables);
    let parts = match read {
        Some(messages) => Parts::of_messages(messages),
        None => {
            let numbers = if needs == Needs::Numbers { Templates::numbers(head, bytes)? } else { None };
            table = if numbers.is_none() { named(head, bytes, &Kind::Templates)? } else { Vec::new() };
            templates = match numbers {
                Some(numbers) => numbers,
                None => Templates::read(head, &table).map_err(corrupt)?,
            };
            templates.load(head, bytes)?;
            variables = Raw::variables(head, bytes, needs == Needs::Variables)?;
            Parts::new(&templates, &variables)
        }
    };
    let done = work(&mut Field::read_all(&raw, rows, wanted, Some(&parts), chosen).map_err(corrupt)?);
    parts.check().map_err(corrupt)?;
    Ok(done)
}

/// The messages of some rows.
pub(in crate::wide) fn messages(head: &Head, bytes: &dyn Bytes, rows: &[u32]) -> Result<TextColumn> {
    let raw = named(head, bytes, &Kind::Templates)?;
    let templates = Templates::read(head, &raw).map_err(corrupt)?;
    templates.load(head, bytes)?;
    // Variables are read only where one of the rows has some.
    let mut verdicts = vec![Verdict::None; templates.texts.len()];
    for row in rows {
        let id = templates.ids().get(*row as usize).map_or(usize::MAX, |id| *id as usize);
        if let Some(verdict) = verdicts.get_mut(id) {
            *verdict = Verdict::All;
        }
    }
    let raw = Raw::read(head, bytes, &templates, &mut verdicts, &[], true, None)?;
    let mut found = Messages::new(&templates, verdicts, &raw, &[]);
    let mut picked: Picked = rows.iter().map(|row| (*row, 0)).collect();
    let mut out = TextColumn::default();
    found.select(&mut picked, usize::MAX, &[], Some(&mut out))?;
    Ok(out)
}
