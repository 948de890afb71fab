//! Counting the rows of a block by what their streams and fields say and by time. What heads say is not read again: times
//! only where a run is not within one step, messages only where they are tested.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::FixedState;
use model::Result;
use model::records::{Counting, KeyPlace, KeySource, Origin};

use super::messages::rows_that_hold;
use super::read::{Asked, Bytes, corrupt, find, named, ruled_out, times, with_fields};
use super::tally::{self, Piece, Tallies};
use super::{Head, Kind, told};

/// The number of a row that needs none.
const SKIPPED: u32 = u32::MAX;

/// Texts with numbers, the empty one first.
#[derive(Default)]
pub(in crate::wide) struct Codes {
    by_text: HashMap<Box<str>, u32, FixedState>,
    texts: Vec<Box<str>>,
}

impl Codes {
    /// How many there are beside the empty one.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(in crate::wide) fn number(&mut self, text: &str, lower: bool) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if lower && text.bytes().any(|b| b.is_ascii_uppercase()) {
            return self.number(&text.to_ascii_lowercase(), false);
        }
        self.exact(text)
    }

    /// The number of a text that may be empty.
    pub(in crate::wide) fn exact(&mut self, text: &str) -> u32 {
        if let Some(known) = self.by_text.get(text) {
            return *known;
        }
        self.texts.push(text.into());
        let code = self.texts.len() as u32;
        self.by_text.insert(text.into(), code);
        code
    }

    pub(in crate::wide) fn text(&self, code: u32) -> &str {
        code.checked_sub(1).and_then(|at| self.texts.get(at as usize)).map_or("", |text| text)
    }
}

/// Takes the parts of a key, a step, and how many rows have them.
type Add<'a> = &'a mut dyn FnMut(&[&str], i64, u64) -> Result<()>;

/// Calls `add` with all keys and steps that rows have; `made` are those that the counting's reading makes.
pub(in crate::wide) fn count(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    counting: &Counting,
    mut made: Option<&mut told::Keys<'_>>,
    add: Add<'_>,
) -> Result<()> {
    let plan = asked.plan;
    let rows = head.rows();
    let tested = !plan.body.is_empty() || !plan.fields.is_empty();
    if plan.fields.is_empty() && counting.reading.is_none() && count_whole(head, bytes, asked, counting, add)?
    {
        return Ok(());
    }
    let picked = match tested {
        true => match find(head, bytes, &Asked { natural: true, ..*asked }, false, false)? {
            Some(found) => Some((found.times, found.picked)),
            None => return Ok(()),
        },
        false => None,
    };
    let within = |run: &super::Run| {
        run.min_t >= plan.scan.start_ns
            && run.max_t <= plan.scan.end_ns
            && counting.step_of(run.min_t) == counting.step_of(run.max_t)
    };
    if !head.runs.iter().any(|run| is_asked(asked, run)) {
        return Ok(());
    }
    let mut codes: Vec<(Codes, Vec<u32>)> = Vec::new();
    for sources in &counting.by {
        codes.push(part(head, bytes, asked, sources, rows)?);
    }
    if let Some(reading) = &counting.reading {
        let mut needed = vec![picked.is_none(); rows];
        match &picked {
            Some((_, picked)) => picked.iter().for_each(|(row, _)| needed[*row as usize] = true),
            None => not_asked(head, asked).for_each(|range| needed[range].fill(false)),
        }
        codes.extend(told::texts(head, bytes, &needed, &**reading)?);
    }
    let (key_of_row, keys) = match counting.reading {
        Some(_) => {
            let (numbers, keys) = told::keys(&codes, rows);
            (Cow::Owned(numbers), keys)
        }
        None => combined(&codes, rows),
    };
    if let Some(made) = made.as_deref_mut() {
        made.restart(keys.len());
    }
    let mut counts = Counts { by: vec![0; keys.len()], touched: Vec::new() };
    let mut flush = |counts: &mut Counts, step: i64| {
        for key in counts.touched.drain(..) {
            if let Some(made) = &mut made {
                let rows = std::mem::take(&mut counts.by[key as usize]);
                if let Some(text) = made.of(key, &keys[key as usize], &codes)? {
                    add(&[text], step, rows)?;
                }
                continue;
            }
            let parts: Vec<&str> =
                codes.iter().zip(&keys[key as usize]).map(|((codes, _), code)| codes.text(*code)).collect();
            add(&parts, step, std::mem::take(&mut counts.by[key as usize]))?;
        }
        Ok::<_, model::Error>(())
    };
    let key = |row: usize| key_of_row.get(row).copied().unwrap_or(0);
    if let Some((times, picked)) = picked {
        let mut last = None;
        for (row, _) in picked {
            let step = counting.step_of(times[row as usize]);
            if last.is_some_and(|last| last != step) {
                flush(&mut counts, last.unwrap_or(step))?;
            }
            last = Some(step);
            counts.add(key(row as usize), 1);
        }
        return last.map_or(Ok(()), |step| flush(&mut counts, step));
    }
    let mut read: Option<Vec<i64>> = None;
    for (run, range) in head.ranges() {
        if !is_asked(asked, run) || range.is_empty() {
            continue;
        }
        if within(run) {
            counts.add_rows(&key_of_row, range);
            flush(&mut counts, counting.step_of(run.min_t))?;
            continue;
        }
        let times = match &read {
            Some(times) => times,
            None => read.insert(times(&named(head, bytes, &Kind::Times)?, rows).map_err(corrupt)?),
        };
        // Rows of a run are in the order of time.
        let of_run = &times[range.clone()];
        let mut at = range.start + of_run.partition_point(|t| *t < plan.scan.start_ns);
        let end = range.start + of_run.partition_point(|t| *t <= plan.scan.end_ns);
        while at < end {
            let step = counting.step_of(times[at]);
            let last = counting.end_of(step);
            let until = at + times[at..end].partition_point(|t| *t <= last).max(1);
            counts.add_rows(&key_of_row, at..until);
            flush(&mut counts, step)?;
            at = until;
        }
    }
    Ok(())
}

/// The rows of runs of which a scan asks for none.
fn not_asked(head: &Head, asked: &Asked<'_>) -> impl Iterator<Item = Range<usize>> {
    head.ranges().filter(|(run, _)| !is_asked(asked, run)).map(|(_, range)| range)
}

/// Whether a scan may ask for rows of a run.
fn is_asked(asked: &Asked<'_>, run: &super::Run) -> bool {
    let scan = &asked.plan.scan;
    asked.wanted.get(run.stream as usize) == Some(&true)
        && run.max_t >= scan.start_ns
        && run.min_t <= scan.end_ns
}

/// Counts without a look at rows, if what is asked for are whole runs of which is known what they say; `false`: it is not.
fn count_whole(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    counting: &Counting,
    add: Add<'_>,
) -> Result<bool> {
    let scan = &asked.plan.scan;
    let is_whole = |min_t: i64, max_t: i64| {
        min_t >= scan.start_ns && max_t <= scan.end_ns && counting.step_of(min_t) == counting.step_of(max_t)
    };
    let mut runs = head.runs.iter().filter(|run| is_asked(asked, run)).peekable();
    if !asked.except.is_empty() || runs.peek().is_none() {
        return Ok(asked.except.is_empty());
    }
    let whole_runs = runs.all(|run| is_whole(run.min_t, run.max_t));
    let by_labels = counting.by.iter().flatten().all(|source| source.place == KeyPlace::Label);
    let tallies = if whole_runs && by_labels { None } else { Tallies::open(head, bytes)? };
    let mut tallies = match tallies {
        Some(tallies) => tallies,
        None if whole_runs => Tallies::of_runs(head),
        None => return Ok(false),
    };
    let is_touched = |piece: &&Piece| {
        is_asked(asked, &head.runs[piece.run]) && piece.max_t >= scan.start_ns && piece.min_t <= scan.end_ns
    };
    let pieces: Vec<Piece> = tallies.pieces.iter().filter(is_touched).copied().collect();
    let body = &asked.plan.body;
    let all = body.is_empty() || pieces.len() == tallies.pieces.len();
    if !all || !pieces.iter().all(|piece| is_whole(piece.min_t, piece.max_t)) {
        return Ok(false);
    }
    let found = tally::of_pieces(head, &mut tallies, asked, counting, &pieces)?;
    let Some(found) = found else { return Ok(false) };
    if body.is_empty() {
        for (piece, keys) in pieces.iter().zip(found) {
            let step = counting.step_of(piece.min_t);
            let mut there = keys.iter().filter(|(_, rows)| *rows > 0);
            there.try_for_each(|(key, rows)| add_one(add, key, step, *rows))?;
        }
        return Ok(true);
    }
    // Templates say nothing of runs: all rows must count for the same.
    let mut keys = found.iter().zip(&pieces).map(|(keys, piece)| match &keys[..] {
        [(key, _)] => Some((key, counting.step_of(piece.min_t))),
        _ => None,
    });
    let Some(first) = keys.next() else { return Ok(true) };
    let Some((key, step)) = first.filter(|first| keys.all(|other| other.as_ref() == Some(first))) else {
        return Ok(false);
    };
    if !ruled_out(head, bytes, asked.plan)? {
        match rows_that_hold(head, bytes, body)? {
            0 => {}
            rows => add_one(add, key, step, rows)?,
        }
    }
    Ok(true)
}

fn add_one(add: Add<'_>, key: &[String], step: i64, rows: u64) -> Result<()> {
    let parts: Vec<&str> = key.iter().map(String::as_str).collect();
    add(&parts, step, rows)
}

/// Rows by key, for one step.
struct Counts {
    by: Vec<u64>,
    touched: Vec<u32>,
}

impl Counts {
    fn add(&mut self, key: u32, rows: u64) {
        // Keys are numbered by `combined`.
        let count = &mut self.by[key as usize];
        if *count == 0 {
            self.touched.push(key);
        }
        *count += rows;
    }

    fn add_rows(&mut self, keys: &[u32], rows: Range<usize>) {
        match keys.get(rows.clone()) {
            Some(keys) => keys.iter().for_each(|key| self.add(*key, 1)),
            None => self.add(0, rows.len() as u64),
        }
    }
}

/// A number for each row's text of one part of the key; no numbers where all have the same.
pub(super) fn part(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    sources: &[KeySource],
    rows: usize,
) -> Result<(Codes, Vec<u32>)> {
    let mut codes = Codes::default();
    let mut of_rows = vec![0u32; rows];
    // Rows that nobody asks for get no number.
    not_asked(head, asked).for_each(|range| of_rows[range].fill(SKIPPED));
    let mut rest = sources;
    while let Some((source, others)) = rest.split_first() {
        if source.place == KeyPlace::Label {
            rest = others;
            for (run, range) in head.ranges() {
                let value = asked.streams.get(run.stream as usize).and_then(|s| s.get(&source.name));
                let code = codes.number(value.unwrap_or_default(), source.lower);
                of_rows[range].iter_mut().filter(|c| **c == 0).for_each(|c| *c = code);
            }
            continue;
        }
        // Columns of one name are read once, whoever wrote them.
        let of_name = |other: &&KeySource| other.place != KeyPlace::Label && other.name == source.name;
        let (same, others) = rest.split_at(rest.iter().take_while(of_name).count());
        rest = others;
        if !of_rows.contains(&0) {
            continue;
        }
        with_fields(
            head,
            bytes,
            rows,
            |name| name == source.name,
            None,
            |columns| {
                for source in same {
                    let origin = if source.place == KeyPlace::Sent { Origin::Sent } else { Origin::Detected };
                    for column in columns.iter().filter(|column| column.origin == origin) {
                        column.codes(&mut of_rows, |text| codes.number(text, source.lower));
                    }
                }
            },
        )?;
    }
    not_asked(head, asked).for_each(|range| of_rows[range].fill(0));
    Ok((codes, of_rows))
}

/// A number for each row's key, and what the parts of keys are. No numbers: all rows have the first.
pub(in crate::wide) fn combined(parts: &[(Codes, Vec<u32>)], rows: usize) -> (Cow<'_, [u32]>, Vec<Vec<u32>>) {
    match parts {
        [] => (Cow::default(), vec![Vec::new()]),
        [(codes, of_rows)] => {
            (Cow::Borrowed(of_rows), (0..=codes.texts.len() as u32).map(|code| vec![code]).collect())
        }
        _ => {
            let mut numbers: HashMap<Vec<u32>, u32, FixedState> = HashMap::default();
            let mut keys = Vec::new();
            let mut last: (Vec<u32>, u32) = (Vec::new(), 0);
            let key_of = |row: usize| {
                let same = parts.iter().zip(&last.0).all(|((_, of_rows), code)| of_rows[row] == *code);
                if last.0.is_empty() || !same {
                    let key: Vec<u32> = parts.iter().map(|(_, of_rows)| of_rows[row]).collect();
                    let number = *numbers.entry(key.clone()).or_insert_with(|| {
                        keys.push(key.clone());
                        (keys.len() - 1) as u32
                    });
                    last = (key, number);
                }
                last.1
            };
            (Cow::Owned((0..rows).map(key_of).collect()), keys)
        }
    }
}
