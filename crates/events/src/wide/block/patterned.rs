//! Counting the rows of a block by their templates. No message is read.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::Result;
use model::records::{KeyPlace, KeySource};

use super::count::{Codes, part};
use super::messages::Templates;
use super::read::{Asked, Bytes, corrupt, named, pick, times};
use super::{Head, Kind};
use crate::wide::read::{LEVEL, step_of};

/// Cells of the table of templates and steps; larger ones are sparse.
const DENSE: usize = 1 << 20;

/// What a block says of patterns without its variables.
pub(in crate::wide) struct Counted {
    /// Levels by their numbers; the first is none.
    pub(in crate::wide) levels: Vec<String>,
    /// Templates that rows have.
    pub(in crate::wide) templates: Vec<OfTemplate>,
    /// Rows without one.
    pub(in crate::wide) whole: Vec<Whole>,
}

/// What a block says of a template.
pub(in crate::wide) struct OfTemplate {
    pub(in crate::wide) text: Vec<u8>,
    /// One of its rows.
    pub(in crate::wide) row: u32,
    /// Its first and its last time.
    pub(in crate::wide) seen: (i64, i64),
    pub(in crate::wide) steps: Vec<(i64, u64)>,
    /// Levels by their numbers.
    pub(in crate::wide) levels: Vec<(u32, u64)>,
}

/// A row without a template.
pub(in crate::wide) struct Whole {
    pub(in crate::wide) row: u32,
    pub(in crate::wide) time_ns: i64,
    pub(in crate::wide) level: u32,
}

/// Counts by two numbers.
enum Table {
    Dense(Vec<u32>, usize),
    Sparse(HashMap<(u32, u32), u32, FixedState>),
}

impl Table {
    fn new(rows: usize, columns: usize) -> Self {
        match rows.checked_mul(columns).filter(|cells| *cells <= DENSE) {
            Some(cells) => Self::Dense(vec![0; cells], columns),
            None => Self::Sparse(HashMap::default()),
        }
    }

    fn add(&mut self, row: u32, column: u32) {
        match self {
            Self::Dense(cells, columns) => cells[row as usize * *columns + column as usize] += 1,
            Self::Sparse(cells) => *cells.entry((row, column)).or_default() += 1,
        }
    }

    fn each(&self, mut visit: impl FnMut(u32, u32, u64)) {
        match self {
            Self::Dense(cells, columns) => {
                for (at, count) in cells.iter().enumerate().filter(|(_, count)| **count > 0) {
                    visit((at / columns) as u32, (at % columns) as u32, u64::from(*count));
                }
            }
            Self::Sparse(cells) => {
                cells.iter().for_each(|((row, column), count)| visit(*row, *column, u64::from(*count)));
            }
        }
    }
}

/// The templates of the rows that a plan without tests asks for.
pub(in crate::wide) fn patterned(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    step_ns: i64,
) -> Result<Counted> {
    let (rows, start_ns) = (head.rows(), asked.plan.scan.start_ns);
    let raw = named(head, bytes, &Kind::Templates)?;
    let templates = Templates::read(head, &raw).map_err(corrupt)?;
    templates.load(head, bytes)?;
    let ids = templates.ids();
    let times = times(&named(head, bytes, &Kind::Times)?, rows).map_err(corrupt)?;
    let picked = pick(head, asked, &times)?;
    let source = |place| KeySource { place, name: LEVEL.to_owned(), lower: false };
    let sources = [source(KeyPlace::Sent), source(KeyPlace::Detected)];
    let (levels, level_of_row) = part(head, bytes, asked, &sources, rows)?;
    let count = templates.texts.len();
    let mut of_steps = Steps { start_ns, step_ns, known: HashMap::default(), all: Vec::new(), last: None };
    let step_of_row: Vec<u32> = picked.iter().map(|(row, _)| of_steps.number(times[*row as usize])).collect();
    let mut steps = Table::new(count, of_steps.all.len());
    let mut by_level = Table::new(count, levels.len() + 1);
    let mut seen = vec![(i64::MAX, i64::MIN, 0u32); count];
    let mut whole = Vec::new();
    for ((row, _), step) in picked.iter().zip(step_of_row) {
        let (id, time_ns, level) = (ids[*row as usize], times[*row as usize], level_of_row[*row as usize]);
        let Some(seen) = seen.get_mut(id as usize) else {
            whole.push(Whole { row: *row, time_ns, level });
            continue;
        };
        *seen = (seen.0.min(time_ns), seen.1.max(time_ns), *row);
        steps.add(id, step);
        by_level.add(id, level);
    }
    let mut found: Vec<OfTemplate> = templates
        .texts
        .iter()
        .zip(seen)
        .map(|(text, (first, last, row))| OfTemplate {
            text: text.to_vec(),
            row,
            seen: (first, last),
            steps: Vec::new(),
            levels: Vec::new(),
        })
        .collect();
    steps.each(|id, step, count| found[id as usize].steps.push((of_steps.all[step as usize], count)));
    by_level.each(|id, level, count| found[id as usize].levels.push((level, count)));
    found.retain(|one| !one.steps.is_empty());
    Ok(Counted { levels: texts_of(&levels), templates: found, whole })
}

fn texts_of(codes: &Codes) -> Vec<String> {
    (0..=codes.len() as u32).map(|code| codes.text(code).to_owned()).collect()
}

/// Steps by their numbers. Rows of a run lie in the order of time: most are in the step of the row before.
struct Steps {
    start_ns: i64,
    step_ns: i64,
    known: HashMap<i64, u32, FixedState>,
    all: Vec<i64>,
    /// First and last nanosecond of the step at hand, and its number.
    last: Option<(i64, i64, u32)>,
}

impl Steps {
    fn number(&mut self, time_ns: i64) -> u32 {
        if let Some((first, end, number)) = self.last
            && (first..=end).contains(&time_ns)
        {
            return number;
        }
        let step = step_of(time_ns, self.start_ns, self.step_ns);
        let all = &mut self.all;
        let number = *self.known.entry(step).or_insert_with(|| {
            all.push(step);
            (all.len() - 1) as u32
        });
        let (first, end) = match self.step_ns {
            ..=0 => (i64::MIN, i64::MAX),
            step_ns => (step, step.saturating_add(step_ns - 1)),
        };
        self.last = Some((first, end, number));
        number
    }
}
