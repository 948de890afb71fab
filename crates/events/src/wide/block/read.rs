//! Reading a block: what its templates rule out first, then the columns that are asked for.

use disk::varint::{Corrupt, Reader};
use model::records::{Columns, FieldColumn, TextColumn};
use model::{Error, Labels, Order, Result};

use super::{FieldKind, Head, Kind, MOST_ROWS, MOST_TEMPLATES, Section};
use crate::wide::columns::push_text;
use crate::wide::condition::Test;
use crate::wide::fields::Field;
use crate::wide::ints;
use crate::wide::needle::Verdict;
use crate::wide::scan::Plan;
use crate::wide::split::HOLE;
use crate::wide::texts::{self, Texts};

/// Where the bytes of a block come from.
pub(in crate::wide) trait Bytes {
    /// So many bytes from an offset behind the head.
    fn read(&self, offset: u32, len: u32) -> Result<Vec<u8>>;

    /// Whether checksums are compared; only a fuzzer goes past them.
    fn checks(&self) -> bool {
        true
    }
}

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
}

fn corrupt(e: Corrupt) -> Error {
    Error::internal("a block of records is corrupt").with_detail(e)
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
    let raw = zstd::bulk::decompress(&stored, section.raw_len as usize)
        .map_err(|_| corrupt(Corrupt("a column cannot be decompressed")))?;
    if raw.len() != section.raw_len as usize {
        return Err(corrupt(Corrupt("a column is shorter than it says")));
    }
    Ok(raw)
}

fn named(head: &Head, bytes: &dyn Bytes, kind: &Kind) -> Result<Vec<u8>> {
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
    let Some(found) = find(head, bytes, asked, asked.plan.scan.wanted.body)? else { return Ok(None) };
    let Found { times, picked, body } = found;
    let fields = fields(head, bytes, asked.plan, head.rows(), &picked)?;
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
    let found = find(head, bytes, asked, false)?;
    Ok(found.map_or_else(Vec::new, |found| found.picked.iter().map(|(row, _)| *row).collect()))
}

struct Found {
    times: Vec<i64>,
    picked: Picked,
    body: Option<TextColumn>,
}

fn find(head: &Head, bytes: &dyn Bytes, asked: &Asked<'_>, with_body: bool) -> Result<Option<Found>> {
    let plan = asked.plan;
    let rows = head.rows();
    let needs_body = with_body || !plan.body.is_empty();
    let templates_raw = if needs_body { named(head, bytes, &Kind::Templates)? } else { Vec::new() };
    let templates = needs_body.then(|| Templates::read(&templates_raw, rows)).transpose().map_err(corrupt)?;
    let verdicts = templates.as_ref().map_or_else(Vec::new, |t| t.verdicts(&plan.body));
    let has_whole = templates.as_ref().is_some_and(Templates::has_whole);
    if !plan.body.is_empty() && !has_whole && verdicts.iter().all(|v| *v == Verdict::None) {
        return Ok(None);
    }
    let times = times(&named(head, bytes, &Kind::Times)?, rows).map_err(corrupt)?;
    let mut picked = pick(head, asked, &times)?;
    filter_by_fields(head, bytes, plan, rows, &mut picked)?;
    if picked.is_empty() {
        return Ok(None);
    }
    if !asked.natural {
        order(&mut picked, &times, plan.scan.order);
    }
    let limit = if plan.scan.limit == 0 { usize::MAX } else { plan.scan.limit };
    let mut body = with_body.then(TextColumn::default);
    match templates {
        Some(templates) => {
            let numbers = named(head, bytes, &Kind::Numbers)?;
            let letters = named(head, bytes, &Kind::Letters)?;
            let mut messages = Messages::new(&templates, verdicts, &numbers, &letters, &plan.body);
            messages.select(&mut picked, limit, &plan.body, body.as_mut())?;
        }
        None => picked.truncate(limit),
    }
    Ok((!picked.is_empty()).then_some(Found { times, picked, body }))
}

/// Rows with the run that each is of.
type Picked = Vec<(u32, u32)>;

fn pick(head: &Head, asked: &Asked<'_>, times: &[i64]) -> Result<Picked> {
    let scan = &asked.plan.scan;
    let (mut picked, mut first) = (Picked::new(), 0u32);
    for (number, run) in head.runs.iter().enumerate() {
        let rows = first..first + run.rows;
        first = rows.end;
        let wanted =
            asked.wanted.get(run.stream as usize).filter(|_| asked.streams.len() > run.stream as usize);
        if !*wanted.ok_or_else(|| corrupt(Corrupt("a stream that the part does not have")))?
            || run.max_t < scan.start_ns
            || run.min_t > scan.end_ns
        {
            continue;
        }
        let inside = |row: &u32| (scan.start_ns..=scan.end_ns).contains(&times[*row as usize]);
        picked.extend(rows.filter(inside).map(|row| (row, number as u32)));
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
        let raw = raw_fields(head, bytes, |n| n == name)?;
        let mut columns = Field::read_all(&raw, rows, |n| n == name).map_err(corrupt)?;
        columns.sort_by_key(|c| c.origin);
        let absent = test.holds("");
        for column in &mut columns {
            column.prepare(test);
        }
        picked.retain(|(row, _)| columns.iter().find_map(|c| c.holds(*row, test)).unwrap_or(absent));
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
            Kind::Field(name, origin, kind) if wanted(name) => {
                FieldKind::Column(name.clone(), *origin, *kind)
            }
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
    rows: usize,
    picked: &Picked,
) -> Result<Vec<FieldColumn>> {
    if plan.scan.wanted.fields.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let raw = raw_fields(head, bytes, |name| plan.wants_field(name))?;
    let columns = Field::read_all(&raw, rows, |name| plan.wants_field(name)).map_err(corrupt)?;
    Ok(columns.iter().filter_map(|c| c.select(picked.iter().map(|(row, _)| *row))).collect())
}

/// Templates, and the one of each row.
pub(in crate::wide) struct Templates<'a> {
    pub(in crate::wide) texts: Vec<&'a [u8]>,
    /// Bytes of the variables of each among the numbers and among the letters.
    lens: Vec<(usize, usize)>,
    pub(in crate::wide) ids: Vec<u32>,
    /// For each row, how many of its template come before it.
    ordinals: Vec<u32>,
    counts: Vec<u32>,
}

impl<'a> Templates<'a> {
    pub(in crate::wide) fn read(raw: &'a [u8], rows: usize) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(raw);
        let count = reader.count(MOST_TEMPLATES)?;
        let (mut texts, mut lens) = (Vec::new(), Vec::new());
        for _ in 0..count {
            texts.push(reader.bytes()?);
            lens.push((reader.count(raw_len())?, reader.count(raw_len())?));
        }
        let ids = ints::read_u32(&mut reader, rows.min(MOST_ROWS), count as u64 + 1)?;
        let mut counts = vec![0u32; count + 1];
        let mut ordinals = Vec::with_capacity(rows);
        for id in &ids {
            let count = &mut counts[*id as usize];
            ordinals.push(*count);
            *count += 1;
        }
        Ok(Self { texts, lens, ids, ordinals, counts })
    }

    fn has_whole(&self) -> bool {
        self.counts.last().is_some_and(|n| *n > 0)
    }

    /// What each template says to all tests.
    fn verdicts(&self, tests: &[Test]) -> Vec<Verdict> {
        self.texts.iter().map(|template| verdict(template, tests)).collect()
    }
}

const fn raw_len() -> usize {
    super::MOST_RAW
}

fn verdict(template: &[u8], tests: &[Test]) -> Verdict {
    let mut all = Verdict::All;
    for test in tests {
        match test.verdict(template) {
            Verdict::None => return Verdict::None,
            Verdict::Open => all = Verdict::Open,
            Verdict::All => {}
        }
    }
    all
}

/// The messages of a block.
pub(in crate::wide) struct Messages<'a> {
    templates: &'a Templates<'a>,
    verdicts: Vec<Verdict>,
    numbers: &'a [u8],
    letters: &'a [u8],
    /// Where the variables of each template begin, and of what has none.
    starts: Vec<(usize, usize)>,
    /// Those that were read.
    columns: Vec<Option<Vec<Texts<'a>>>>,
}

impl<'a> Messages<'a> {
    fn new(
        templates: &'a Templates<'a>,
        verdicts: Vec<Verdict>,
        numbers: &'a [u8],
        letters: &'a [u8],
        tests: &[Test],
    ) -> Self {
        let (mut starts, mut at) = (Vec::new(), (0usize, 0usize));
        for len in &templates.lens {
            starts.push(at);
            at = (at.0.saturating_add(len.0), at.1.saturating_add(len.1));
        }
        starts.push(at);
        let mut verdicts = verdicts;
        verdicts.push(if tests.is_empty() { Verdict::All } else { Verdict::Open });
        let columns = starts.iter().map(|_| None).collect();
        Self { templates, verdicts, numbers, letters, starts, columns }
    }

    fn read(&self, id: usize) -> Result<Vec<Texts<'a>>, Corrupt> {
        let (numbers, letters) = self.starts[id];
        let ends = Corrupt("variables end too early");
        let mut numbers = Reader::new(self.numbers.get(numbers..).ok_or(ends)?);
        let mut letters = Reader::new(self.letters.get(letters..).ok_or(ends)?);
        let count = self.templates.counts[id] as usize;
        let holes = self.templates.texts.get(id).map_or(1, |t| memchr::memchr_iter(HOLE, t).count());
        (0..holes).map(|_| texts::read(&mut numbers, &mut letters, count)).collect()
    }

    /// Writes a row's message.
    fn join(&mut self, row: u32, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let id = self.templates.ids[row as usize] as usize;
        let ordinal = self.templates.ordinals[row as usize] as usize;
        if self.columns[id].is_none() {
            self.columns[id] = Some(self.read(id)?);
        }
        let columns = self.columns[id].as_deref().unwrap_or_default();
        let Some(template) = self.templates.texts.get(id) else {
            columns.iter().for_each(|whole| whole.write(ordinal, out));
            return Ok(());
        };
        let mut rest = *template;
        for column in columns {
            let end = memchr::memchr(HOLE, rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..end]);
            column.write(ordinal, out);
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        Ok(())
    }

    /// Looks at the variables of templates that are still open.
    fn settle(&mut self, id: usize, tests: &[Test]) -> Result<Verdict, Corrupt> {
        if self.verdicts[id] == Verdict::Open && self.columns[id].is_none() {
            let columns = self.read(id)?;
            let whole = id == self.templates.texts.len();
            if tests.iter().any(|test| test.rules_out(&columns, whole)) {
                self.verdicts[id] = Verdict::None;
            }
            self.columns[id] = Some(columns);
        }
        Ok(self.verdicts[id])
    }

    /// Keeps the rows whose messages fulfil the tests, and writes these messages.
    fn select(
        &mut self,
        picked: &mut Picked,
        limit: usize,
        tests: &[Test],
        mut body: Option<&mut TextColumn>,
    ) -> Result<()> {
        let mut scratch = Vec::new();
        let mut kept = 0;
        for at in 0..picked.len() {
            if kept >= limit {
                break;
            }
            let row = picked[at].0;
            let verdict = self.settle(self.templates.ids[row as usize] as usize, tests).map_err(corrupt)?;
            if verdict == Verdict::None {
                continue;
            }
            if verdict == Verdict::Open || body.is_some() {
                scratch.clear();
                self.join(row, &mut scratch).map_err(corrupt)?;
                let text =
                    std::str::from_utf8(&scratch).map_err(|_| corrupt(Corrupt("a message is not UTF-8")))?;
                if verdict == Verdict::Open && !tests.iter().all(|test| test.holds(text)) {
                    continue;
                }
                if let Some(body) = body.as_deref_mut() {
                    push_text(body, text);
                }
            }
            picked[kept] = picked[at];
            kept += 1;
        }
        picked.truncate(kept);
        Ok(())
    }
}

/// What a block says of patterns without its variables.
pub(in crate::wide) struct Patterned {
    pub(in crate::wide) templates: Vec<Vec<u8>>,
    /// For each row that is asked for: its number, its time, and its template, or one behind the last.
    pub(in crate::wide) rows: Vec<(u32, i64, u32)>,
    /// The fields that are wanted, for these rows.
    pub(in crate::wide) fields: Vec<FieldColumn>,
}

/// The templates of the rows that a plan without tests asks for.
pub(in crate::wide) fn patterned(head: &Head, bytes: &dyn Bytes, asked: &Asked<'_>) -> Result<Patterned> {
    let rows = head.rows();
    let raw = named(head, bytes, &Kind::Templates)?;
    let templates = Templates::read(&raw, rows).map_err(corrupt)?;
    let times = times(&named(head, bytes, &Kind::Times)?, rows).map_err(corrupt)?;
    let picked = pick(head, asked, &times)?;
    let row = |(row, _): &(u32, u32)| (*row, times[*row as usize], templates.ids[*row as usize]);
    Ok(Patterned {
        rows: picked.iter().map(row).collect(),
        templates: templates.texts.iter().map(|t| t.to_vec()).collect(),
        fields: fields(head, bytes, asked.plan, rows, &picked)?,
    })
}

/// The messages of some rows.
pub(in crate::wide) fn messages(head: &Head, bytes: &dyn Bytes, rows: &[u32]) -> Result<TextColumn> {
    let raw = named(head, bytes, &Kind::Templates)?;
    let templates = Templates::read(&raw, head.rows()).map_err(corrupt)?;
    let verdicts = templates.verdicts(&[]);
    let numbers = named(head, bytes, &Kind::Numbers)?;
    let letters = named(head, bytes, &Kind::Letters)?;
    let mut messages = Messages::new(&templates, verdicts, &numbers, &letters, &[]);
    let mut picked: Picked = rows.iter().map(|row| (*row, 0)).collect();
    let mut out = TextColumn::default();
    messages.select(&mut picked, usize::MAX, &[], Some(&mut out))?;
    Ok(out)
}
