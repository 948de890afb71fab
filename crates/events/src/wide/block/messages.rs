//! Messages of a block: templates say first which may fulfil the tests, then variables which rows, and only these are put
//! together.

use std::cell::{Cell, OnceCell};

use disk::varint::{Corrupt, Reader};
use model::Result;
use model::records::TextColumn;

use super::read::{Picked, corrupt, named, times};
use super::{Bytes, Head, Kind, MOST_ROWS, MOST_TEMPLATES};
use crate::wide::columns::push_text;
use crate::wide::condition::Test;
use crate::wide::derived::Edge;
use crate::wide::ints;
use crate::wide::needle::Verdict;
use crate::wide::pools::Pools;
use crate::wide::search::Among;
use crate::wide::split::HOLE;
use crate::wide::texts::{self, Texts};

/// Templates, how many rows have each, and the one of each row once it is asked for.
pub(in crate::wide) struct Templates<'a> {
    pub(in crate::wide) texts: Vec<&'a [u8]>,
    /// Bytes of the variables of each among the numbers, the letters and the digits.
    lens: Vec<(usize, usize, usize)>,
    ids: OnceCell<Vec<u32>>,
    /// For each row, how many of its template come before it: only variables need it.
    ordinals: OnceCell<Vec<u32>>,
    counts: Vec<u32>,
}

impl<'a> Templates<'a> {
    /// Reads templates; the one of each row is not read but where it lies among them.
    pub(in crate::wide) fn read(head: &Head, raw: &'a [u8]) -> Result<Self, Corrupt> {
        let (rows, apart) = (head.rows().min(MOST_ROWS), head.section(&Kind::Ids).is_some());
        let mut reader = Reader::new(raw);
        let count = reader.count(MOST_TEMPLATES)?;
        let (mut texts, mut lens, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let mut left = rows;
        for _ in 0..count {
            texts.push(reader.bytes()?);
            if !apart {
                lens.push((reader.count(raw_len())?, reader.count(raw_len())?, 0));
            }
        }
        if apart {
            for _ in 0..count {
                lens.push((reader.count(raw_len())?, 0, 0));
            }
            for len in &mut lens {
                len.1 = reader.count(raw_len())?;
            }
            for len in &mut lens {
                len.2 = reader.count(raw_len())?;
            }
            let mut rows = 0i64;
            for _ in 0..count {
                rows = rows.wrapping_add(reader.i64()?);
                let fits = usize::try_from(rows).ok().filter(|rows| *rows <= left);
                left -= fits.ok_or(Corrupt("too many rows"))?;
                counts.push(rows as u32);
            }
        }
        let ids = OnceCell::new();
        if apart {
            counts.push(left as u32);
        } else {
            let read = ints::read_u32(&mut reader, rows, count as u64 + 1)?;
            counts = counted(&read, count);
            // Nobody has set it.
            let _ = ids.set(read);
        }
        Ok(Self { texts, lens, ids, ordinals: OnceCell::new(), counts })
    }

    /// How many messages a template has.
    pub(super) fn count(&self, id: usize) -> usize {
        self.counts.get(id).map_or(0, |count| *count as usize)
    }

    /// The template of each row, where no text of one is needed; `None`: it lies among them.
    pub(super) fn numbers(head: &Head, bytes: &dyn Bytes) -> Result<Option<Self>> {
        if head.section(&Kind::Ids).is_none() {
            return Ok(None);
        }
        let ids = ids_of(head, bytes, MOST_TEMPLATES)?;
        // What has no template counts as one.
        let count = ids.iter().max().map_or(0, |most| *most as usize + 1);
        let counts = counted(&ids, count);
        Ok(Some(Self {
            texts: vec![&[]; count],
            lens: vec![(0, 0, 0); count],
            ids: OnceCell::from(ids),
            ordinals: OnceCell::new(),
            counts,
        }))
    }

    /// Reads the template of each row, unless that was done.
    pub(super) fn load(&self, head: &Head, bytes: &dyn Bytes) -> Result<()> {
        if self.ids.get().is_some() {
            return Ok(());
        }
        let ids = ids_of(head, bytes, self.texts.len())?;
        if counted(&ids, self.texts.len()) != self.counts {
            return Err(corrupt(Corrupt("templates of other rows")));
        }
        // It was not set above.
        let _ = self.ids.set(ids);
        Ok(())
    }

    /// The template of each row, one behind the last where it has none. Nothing before it was loaded.
    pub(in crate::wide) fn ids(&self) -> &[u32] {
        self.ids.get().map_or(&[], Vec::as_slice)
    }

    pub(super) fn ordinal(&self, row: usize) -> usize {
        let ordinals = self.ordinals.get_or_init(|| {
            let mut counts = vec![0u32; self.counts.len()];
            let next = |id: &u32| {
                let count = &mut counts[*id as usize];
                *count += 1;
                *count - 1
            };
            self.ids().iter().map(next).collect()
        });
        ordinals[row] as usize
    }

    pub(super) fn has_whole(&self) -> bool {
        self.counts.last().is_some_and(|n| *n > 0)
    }

    /// Where the letters of each template's variables begin, and its digits, and where the last ones end.
    fn starts(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut letters, mut digits) = (vec![0usize], vec![0usize]);
        for ((_, of_letters, of_digits), at) in self.lens.iter().zip(0..) {
            letters.push(letters[at].saturating_add(*of_letters));
            digits.push(digits[at].saturating_add(*of_digits));
        }
        (letters, digits)
    }

    /// What each template says to all tests. `raw`: what they were read from.
    pub(super) fn verdicts(&self, raw: &[u8], tests: &[Test]) -> Vec<Verdict> {
        if !tests.iter().all(|test| test.may_hold_among(raw)) {
            return vec![Verdict::None; self.texts.len()];
        }
        self.texts.iter().map(|template| verdict(template, tests)).collect()
    }
}

fn ids_of(head: &Head, bytes: &dyn Bytes, most: usize) -> Result<Vec<u32>> {
    let raw = named(head, bytes, &Kind::Ids)?;
    let rows = head.rows().min(MOST_ROWS);
    ints::read_u32(&mut Reader::new(&raw), rows, most as u64 + 1).map_err(corrupt)
}

/// How many rows have each of so many templates, and how many none.
fn counted(ids: &[u32], templates: usize) -> Vec<u32> {
    let mut counts = vec![0u32; templates + 1];
    ids.iter().for_each(|id| counts[*id as usize] += 1);
    counts
}

const NOT_UTF8: Corrupt = Corrupt("a message is not UTF-8");

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

/// Where messages lie: variables, and messages without a template. What is not needed is not read.
#[derive(Default)]
pub(super) struct Raw {
    numbers: Vec<u8>,
    letters: Vec<u8>,
    /// Hexadecimal digits of variables; `None`: among the letters.
    digits: Option<Vec<u8>>,
    /// `None`: behind the variables.
    whole: Option<Vec<u8>>,
    /// No message without a template fulfils the tests.
    none_whole: bool,
    /// Whether variables were read, and with them the column of times, which may tell some.
    has_variables: bool,
    packed_times: Vec<u8>,
    times: OnceCell<Vec<i64>>,
    /// The times of the first template that was asked for: most often there is no other.
    of_one: OnceCell<(usize, Vec<i64>)>,
    by_template: OnceCell<ByTemplate>,
    /// Numbers of small templates; empty: there are none.
    pools: Vec<u8>,
    by_pool: OnceCell<Pools>,
}

/// What tells variables of a template from elsewhere.
struct Beside<'a> {
    raw: &'a Raw,
    templates: &'a Templates<'a>,
    id: usize,
}

impl<'a> texts::Elsewhere<'a> for Beside<'a> {
    fn times(&self) -> Result<&'a [i64], Corrupt> {
        self.raw.times_of(self.templates, self.id)
    }

    fn pooled(&self, before: usize) -> Result<Texts<'a>, Corrupt> {
        let pools = match self.raw.by_pool.get() {
            Some(read) => read,
            None => {
                let read = Pools::read(&self.raw.pools, &self.templates.counts)?;
                self.raw.by_pool.get_or_init(|| read)
            }
        };
        pools.column(&self.raw.pools, self.id, before)
    }
}

impl Raw {
    /// Reads what is needed to test messages, and all of it where they are to be put together. Templates whose messages
    /// turn out not to fulfil the tests are ruled out. `known`: the times of all rows, if they were read.
    pub(super) fn read(
        head: &Head,
        bytes: &dyn Bytes,
        templates: &Templates<'_>,
        verdicts: &mut [Verdict],
        tests: &[Test],
        with_body: bool,
        known: Option<Vec<i64>>,
    ) -> Result<Self> {
        let mut raw = Self::of_times(known);
        if templates.has_whole() && head.section(&Kind::Whole).is_some() {
            let whole = named(head, bytes, &Kind::Whole)?;
            raw.none_whole = !tests.iter().all(|test| test.may_hold_shaped(&whole));
            raw.whole = Some(whole);
        }
        let behind = templates.has_whole() && raw.whole.is_none();
        let needed = |v: &Verdict| *v == Verdict::Open || (with_body && *v == Verdict::All);
        if !behind && !verdicts.iter().any(needed) {
            return Ok(raw);
        }
        raw.read_letters(head, bytes)?;
        if !tests.is_empty() {
            let starts = templates.starts();
            let among = Among {
                letters: (&raw.letters, &starts.0),
                digits: raw.digits.as_ref().map(|digits| (&digits[..], &starts.1[..])),
            };
            tests.iter().for_each(|t| t.rule_out(&templates.texts, &among, verdicts));
            if !behind && !verdicts.iter().any(needed) {
                return Ok(raw);
            }
        }
        raw.read_numbers(head, bytes)?;
        templates.load(head, bytes)?;
        Ok(raw)
    }

    fn read_letters(&mut self, head: &Head, bytes: &dyn Bytes) -> Result<()> {
        self.letters = named(head, bytes, &Kind::Letters)?;
        if head.section(&Kind::Digits).is_some() {
            self.digits = Some(named(head, bytes, &Kind::Digits)?);
        }
        Ok(())
    }

    fn read_numbers(&mut self, head: &Head, bytes: &dyn Bytes) -> Result<()> {
        self.numbers = named(head, bytes, &Kind::Numbers)?;
        if self.times.get().is_none() {
            self.packed_times = named(head, bytes, &Kind::Times)?;
        }
        self.has_variables = true;
        if head.section(&Kind::Pools).is_some() {
            self.pools = named(head, bytes, &Kind::Pools)?;
        }
        Ok(())
    }

    /// Whether variables were read.
    pub(super) fn has_variables(&self) -> bool {
        self.has_variables
    }

    /// Nothing but times, if they were read.
    pub(super) fn of_times(known: Option<Vec<i64>>) -> Self {
        Self { times: known.map_or_else(OnceCell::new, OnceCell::from), ..Self::default() }
    }

    /// The times of all rows.
    pub(super) fn times(&self, head: &Head, bytes: &dyn Bytes) -> Result<&[i64]> {
        if self.times.get().is_none() && !self.has_variables {
            let read = times(&named(head, bytes, &Kind::Times)?, head.rows()).map_err(corrupt)?;
            return Ok(self.times.get_or_init(|| read));
        }
        self.unpacked(head.rows()).map_err(corrupt)
    }

    /// The same, where variables were read.
    fn unpacked(&self, rows: usize) -> Result<&[i64], Corrupt> {
        if let Some(read) = self.times.get() {
            return Ok(read);
        }
        let read = times(&self.packed_times, rows)?;
        Ok(self.times.get_or_init(|| read))
    }

    /// The times of all rows, if they were read.
    pub(super) fn into_times(self) -> Vec<i64> {
        self.times.into_inner().unwrap_or_default()
    }

    /// The times of a template's rows, in order.
    fn times_of(&self, templates: &Templates<'_>, id: usize) -> Result<&[i64], Corrupt> {
        let all = self.unpacked(templates.ids().len())?;
        if self.by_template.get().is_none() {
            let (one, times) = self.of_one.get_or_init(|| (id, of_template(all, templates, id)));
            if *one == id {
                return Ok(times);
            }
        }
        let by_template = self.by_template.get_or_init(|| ByTemplate::new(all, templates));
        Ok(&by_template.times[by_template.starts[id]..by_template.starts[id + 1]])
    }
}

fn of_template(times: &[i64], templates: &Templates<'_>, id: usize) -> Vec<i64> {
    let mut out = Vec::with_capacity(templates.count(id));
    let rows = times.iter().zip(templates.ids());
    out.extend(rows.filter(|(_, of)| **of as usize == id).map(|(time, _)| *time));
    out
}

/// Times of rows by template.
struct ByTemplate {
    times: Vec<i64>,
    /// Where those of each template begin, of what has none too, and where they end.
    starts: Vec<usize>,
}

impl ByTemplate {
    fn new(times: &[i64], templates: &Templates<'_>) -> Self {
        let mut starts = vec![0];
        for (before, count) in templates.counts.iter().enumerate() {
            starts.push(starts[before] + *count as usize);
        }
        let (mut next, mut by_template) = (starts.clone(), vec![0; times.len()]);
        for (time, id) in times.iter().zip(templates.ids()) {
            // There are as many of each as were counted.
            by_template[next[*id as usize]] = *time;
            next[*id as usize] += 1;
        }
        Self { times: by_template, starts }
    }
}

/// The messages of a block.
pub(in crate::wide) struct Messages<'a> {
    templates: &'a Templates<'a>,
    verdicts: Vec<Verdict>,
    raw: &'a Raw,
    /// Where the variables of each template begin, and of what has none.
    starts: Vec<(usize, usize, usize)>,
    /// Those that were read.
    columns: Vec<Option<Columns<'a>>>,
}

/// The variables of a template.
pub(super) struct Columns<'a> {
    pub(super) texts: Vec<Texts<'a>>,
    /// The template around them: one piece more than there are variables.
    around: Vec<&'a [u8]>,
    /// Which of its messages may fulfil the tests; `None`: all.
    candidates: Option<Vec<bool>>,
}

impl<'a> Messages<'a> {
    pub(super) fn new(
        templates: &'a Templates<'a>,
        verdicts: Vec<Verdict>,
        raw: &'a Raw,
        tests: &[Test],
    ) -> Self {
        let (mut starts, mut at) = (Vec::new(), (0usize, 0usize, 0usize));
        for len in &templates.lens {
            starts.push(at);
            let add = usize::saturating_add;
            at = (add(at.0, len.0), add(at.1, len.1), add(at.2, len.2));
        }
        starts.push(at);
        let mut verdicts = verdicts;
        verdicts.push(match tests {
            [] => Verdict::All,
            _ if raw.none_whole => Verdict::None,
            _ => Verdict::Open,
        });
        let columns = starts.iter().map(|_| None).collect();
        Self { templates, verdicts, raw, starts, columns }
    }

    /// The variables of a template; of messages without one, these.
    pub(super) fn read(&self, id: usize) -> Result<Columns<'a>, Corrupt> {
        let ends = Corrupt("variables end too early");
        let (numbers, letters, digits) = self.starts[id];
        let template = self.templates.texts.get(id);
        let (mut numbers, mut letters) = match &self.raw.whole {
            Some(whole) if template.is_none() => {
                let mut letters = Reader::new(whole);
                (Reader::new(letters.bytes()?), letters)
            }
            _ => (
                Reader::new(self.raw.numbers.get(numbers..).ok_or(ends)?),
                Reader::new(self.raw.letters.get(letters..).ok_or(ends)?),
            ),
        };
        let mut digits = match &self.raw.digits {
            Some(all) if template.is_some() => Some(Reader::new(all.get(digits..).ok_or(ends)?)),
            _ => None,
        };
        let count = self.templates.counts[id] as usize;
        let around: Vec<&[u8]> =
            template.map_or_else(|| vec![&[][..]; 2], |t| t.split(|b| *b == HOLE).collect());
        let beside = Beside { raw: self.raw, templates: self.templates, id };
        let texts = texts::read_beside(
            &mut numbers,
            &mut letters,
            digits.as_mut(),
            count,
            around.len() - 1,
            0,
            &beside,
        )?;
        Ok(Columns { texts, around, candidates: None })
    }

    /// Looks at the variables of a template, and at which of its messages may fulfil tests where that is open.
    fn settle(&mut self, id: usize, tests: &[Test]) -> Result<(), Corrupt> {
        if self.columns[id].is_some() || self.verdicts[id] == Verdict::None {
            return Ok(());
        }
        let mut columns = self.read(id)?;
        if self.verdicts[id] == Verdict::Open {
            let mut marked = vec![true; self.templates.counts[id] as usize];
            let template = self.templates.texts.get(id).copied();
            tests.iter().for_each(|test| test.retain(template, &columns.texts, &mut marked));
            if !marked.contains(&true) {
                self.verdicts[id] = Verdict::None;
            }
            columns.candidates = Some(marked);
        }
        self.columns[id] = Some(columns);
        Ok(())
    }

    /// Whether some message may fulfil the tests.
    pub(super) fn any(&mut self, tests: &[Test]) -> Result<bool, Corrupt> {
        let mut any = false;
        for id in 0..self.verdicts.len() {
            if self.templates.counts[id] == 0 {
                continue;
            }
            if self.verdicts[id] == Verdict::Open {
                self.settle(id, tests)?;
            }
            any |= self.verdicts[id] != Verdict::None;
        }
        Ok(any)
    }

    /// How many messages fulfil the tests. Which rows have them is not looked at.
    fn count(&mut self, tests: &[Test]) -> Result<u64> {
        let (mut sum, mut scratch) = (0u64, Vec::new());
        for id in 0..self.verdicts.len() {
            let rows = self.templates.counts[id];
            if rows > 0 && self.verdicts[id] == Verdict::Open {
                self.settle(id, tests).map_err(corrupt)?;
            }
            match self.verdicts[id] {
                Verdict::None => {}
                Verdict::All => sum += u64::from(rows),
                Verdict::Open => {
                    let Some(columns) = &self.columns[id] else { continue };
                    for ordinal in 0..rows as usize {
                        if columns.candidates.as_ref().is_some_and(|c| !c[ordinal]) {
                            continue;
                        }
                        scratch.clear();
                        columns.join(ordinal, &mut scratch);
                        let text = std::str::from_utf8(&scratch).map_err(|_| corrupt(NOT_UTF8))?;
                        sum += u64::from(tests.iter().all(|test| test.holds(text)));
                    }
                }
            }
            // Its columns are not needed again.
            self.columns[id] = None;
        }
        Ok(sum)
    }

    /// Whether a row's message may fulfil the tests, as far as is known without it.
    pub(super) fn may(&self, row: u32) -> bool {
        let (id, ordinal) =
            (self.templates.ids()[row as usize] as usize, self.templates.ordinal(row as usize));
        self.verdicts[id] != Verdict::None
            && self.columns[id].as_ref().and_then(|c| c.candidates.as_ref()).is_none_or(|c| c[ordinal])
    }

    /// Keeps the rows whose messages fulfil the tests, and writes these messages.
    pub(super) fn select(
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
            let row = picked[at].0 as usize;
            let (id, ordinal) = (self.templates.ids()[row] as usize, self.templates.ordinal(row));
            let open = self.verdicts[id] == Verdict::Open;
            if open || (body.is_some() && self.verdicts[id] == Verdict::All) {
                self.settle(id, tests).map_err(corrupt)?;
            }
            if self.verdicts[id] == Verdict::None {
                continue;
            }
            if let Some(columns) = &self.columns[id]
                && (open || body.is_some())
            {
                if columns.candidates.as_ref().is_some_and(|c| !c[ordinal]) {
                    continue;
                }
                scratch.clear();
                columns.join(ordinal, &mut scratch);
                let text = std::str::from_utf8(&scratch).map_err(|_| corrupt(NOT_UTF8))?;
                if open && !tests.iter().all(|test| test.holds(text)) {
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

/// How many messages of a block fulfil tests.
pub(super) fn rows_that_hold(head: &Head, bytes: &dyn Bytes, tests: &[Test]) -> Result<u64> {
    let table = named(head, bytes, &Kind::Templates)?;
    let templates = Templates::read(head, &table).map_err(corrupt)?;
    let mut verdicts = templates.verdicts(&table, tests);
    let raw = Raw::read(head, bytes, &templates, &mut verdicts, tests, false, None)?;
    Messages::new(&templates, verdicts, &raw, tests).count(tests)
}

impl Columns<'_> {
    /// Writes a message.
    pub(super) fn join(&self, ordinal: usize, out: &mut Vec<u8>) {
        let Some((first, rest)) = self.around.split_first() else { return };
        out.extend_from_slice(first);
        for (column, after) in self.texts.iter().zip(rest) {
            column.write(ordinal, out);
            out.extend_from_slice(after);
        }
    }
}

impl Raw {
    /// The variables, where they are `needed`.
    pub(super) fn variables(head: &Head, bytes: &dyn Bytes, needed: bool) -> Result<Self> {
        let mut raw = Self::default();
        if needed {
            raw.read_letters(head, bytes)?;
            raw.read_numbers(head, bytes)?;
        }
        Ok(raw)
    }
}

/// Parts of messages, for fields whose values they are. Variables are read when they are asked for.
pub(in crate::wide) struct Parts<'a> {
    messages: Messages<'a>,
    columns: Vec<OnceCell<Columns<'a>>>,
    broken: Cell<Option<Corrupt>>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(templates: &'a Templates<'a>, raw: &'a Raw) -> Self {
        let messages = Messages::new(templates, Vec::new(), raw, &[]);
        Self::of_messages(messages)
    }

    /// Of messages that were read, with the variables that were.
    pub(super) fn of_messages(mut messages: Messages<'a>) -> Self {
        let read = std::mem::take(&mut messages.columns).into_iter();
        let columns = read.map(|columns| columns.map_or_else(OnceCell::new, OnceCell::from)).collect();
        Self { messages, columns, broken: Cell::new(None) }
    }

    /// How many templates there are.
    pub(in crate::wide) fn templates(&self) -> usize {
        self.messages.templates.texts.len()
    }

    /// The template of each row; one behind the last where it has none.
    pub(in crate::wide) fn template_ids(&self) -> &[u32] {
        self.messages.templates.ids()
    }

    /// How many rows the chosen templates have.
    pub(in crate::wide) fn rows_of(&self, chosen: &[bool]) -> usize {
        let counts = self.messages.templates.counts.iter().zip(chosen);
        counts.filter(|(_, chosen)| **chosen).map(|(count, _)| *count as usize).sum()
    }

    /// The template of a row; one behind the last where it has none.
    pub(in crate::wide) fn template_of(&self, row: u32) -> usize {
        self.messages.templates.ids().get(row as usize).map_or(self.templates(), |id| *id as usize)
    }

    /// What could not be read.
    pub(in crate::wide) fn check(&self) -> Result<(), Corrupt> {
        self.broken.take().map_or(Ok(()), Err)
    }

    fn of(&self, row: u32) -> Option<(&Columns<'a>, usize)> {
        let id = self.template_of(row);
        let cell = self.columns.get(id).filter(|_| id < self.templates())?;
        if cell.get().is_none() {
            match self.messages.read(id) {
                // Nobody else sets it.
                Ok(columns) => drop(cell.set(columns)),
                Err(e) => {
                    self.broken.set(Some(e));
                    return None;
                }
            }
        }
        Some((cell.get()?, self.messages.templates.ordinal(row as usize)))
    }

    /// Puts a part of a row's message into `out`; `None`: the message has no such part.
    pub(in crate::wide) fn part(&self, row: u32, start: Edge, end: Edge, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        if start.piece == end.piece && start.piece.is_multiple_of(2) {
            // It stands in the template.
            let template = self.messages.templates.texts.get(self.template_of(row))?;
            let piece = template.split(|b| *b == HOLE).nth(start.piece as usize / 2)?;
            let until = piece.len().checked_sub(end.offset as usize)?;
            out.extend_from_slice(piece.get(start.offset as usize..until)?);
            return Some(());
        }
        let (columns, ordinal) = self.of(row)?;
        if end.piece as usize > 2 * columns.texts.len() {
            return None;
        }
        for piece in start.piece..=end.piece {
            let at = piece as usize / 2;
            match piece % 2 {
                0 => out.extend_from_slice(columns.around.get(at)?),
                _ => columns.texts.get(at)?.write(ordinal, out),
            }
        }
        let until = out.len().checked_sub(end.offset as usize)?;
        out.truncate(until);
        let from = start.offset as usize;
        (from <= until).then(|| drop(out.drain(..from)))
    }

    /// Puts what stands in a row's message from one of its variables on into `out`, as far as a decimal number may go.
    pub(in crate::wide) fn number(&self, row: u32, hole: u32, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        let (columns, ordinal) = self.of(row)?;
        let hole = hole as usize;
        columns.texts.get(hole)?.write(ordinal, out);
        if columns.around.get(hole + 1) == Some(&&b"."[..])
            && let Some(fraction) = columns.texts.get(hole + 1)
        {
            out.push(b'.');
            fraction.write(ordinal, out);
        }
        Some(())
    }
}
