//! How many rows have each value of a field, where these are few, by run and minute: what asks for whole minutes is counted by
//! them without a look at rows.

use std::collections::HashMap;
use std::hash::Hash;

use disk::varint::{put_bytes, put_u64};
use foldhash::fast::FixedState;
use model::records::FieldRef;

use super::guess::{ByTemplate, Guess};
use super::{Builder, Column, Value, Values, body};
use crate::wide::block::tally::unit_of;
use crate::wide::block::{MOST_TALLIED, Run};
use crate::wide::condition::written;

/// The most values of a piece that are counted.
const MOST_OF_PIECE: usize = 32;
/// No piece with a longer value is counted.
const LONGEST: usize = 128;
/// Blocks of more pieces have no tallies.
const MOST_PIECES: usize = 4096;
/// Runs are cut at whole minutes, or hours, where pieces have so many rows on the average.
const ROWS_OF_PIECE: usize = 32;
const UNITS_S: [u64; 2] = [60, 3600];

/// The tallies of a block under construction.
#[derive(Default)]
pub(super) struct Tallies {
    unit_s: u64,
    /// For each run its pieces: the number of the unit of time, and how many rows it has.
    pieces: Vec<Vec<(i64, u32)>>,
    /// How many rows of each template all pieces have, one after the other; nothing where there are too many pieces.
    templates: Vec<Vec<(u32, u32)>>,
    count: u64,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl Tallies {
    /// For runs of rows with these times, which rise in each, and these templates.
    pub(super) fn new(runs: &[Run], times: &[i64], ids: &[u32]) -> Self {
        let all = || runs.iter().map(|run| vec![(0, run.rows)]).collect();
        let cut = UNITS_S.into_iter().map(|unit_s| (unit_s, cut(runs, times, unit_s)));
        let mut few = cut
            .filter(|(_, pieces)| pieces.iter().map(Vec::len).sum::<usize>() * ROWS_OF_PIECE <= times.len());
        let (unit_s, pieces) = few.next().unwrap_or_else(|| (0, all()));
        let templates = templates(pieces.iter().flatten().map(|(_, rows)| *rows as usize), ids);
        Self { unit_s, pieces, templates, ..Self::default() }
    }

    /// The column of tallies, if there are any.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.bytes.len() + 2);
        put_u64(&mut out, self.unit_s);
        for run in self.pieces.iter().filter(|_| self.unit_s > 0) {
            put_u64(&mut out, run.len() as u64);
            let mut last = run.first().map_or(0, |(number, _)| *number);
            for (number, rows) in run {
                put_u64(&mut out, (number - last) as u64);
                put_u64(&mut out, u64::from(*rows));
                last = *number;
            }
        }
        put_u64(&mut out, self.count);
        out.extend_from_slice(&self.bytes);
        (self.count > 0).then_some(out)
    }
}

/// How many rows of each template pieces of so many rows have; nothing where there are too many pieces.
fn templates(pieces: impl Iterator<Item = usize> + Clone, mut ids: &[u32]) -> Vec<Vec<(u32, u32)>> {
    if pieces.clone().count() > MOST_PIECES {
        return Vec::new();
    }
    let most = ids.iter().max().map_or(0, |most| *most as usize + 1);
    let (mut counts, mut touched) = (vec![0u32; most], Vec::new());
    let of_piece = |rows| {
        let (piece, others) = ids.split_at(rows);
        ids = others;
        for id in piece {
            let count = &mut counts[*id as usize];
            if *count == 0 {
                touched.push(*id);
            }
            *count += 1;
        }
        touched.drain(..).map(|id| (id, std::mem::take(&mut counts[id as usize]))).collect()
    };
    pieces.map(of_piece).collect()
}

/// Cuts runs where a unit of time ends.
fn cut(runs: &[Run], times: &[i64], unit_s: u64) -> Vec<Vec<(i64, u32)>> {
    let mut rest = times;
    let of_run = |run: &Run| {
        let (mut of_run, others) = rest.split_at(run.rows as usize);
        rest = others;
        let mut pieces = Vec::new();
        while let Some(first) = of_run.first() {
            let (number, end) = unit_of(*first, unit_s);
            let (piece, others) = of_run.split_at(of_run.partition_point(|t| *t <= end).max(1));
            pieces.push((number, piece.len() as u32));
            of_run = others;
        }
        pieces
    };
    runs.iter().map(of_run).collect()
}

/// Where the values of a column come from.
struct Rows<'a> {
    /// How many rows each piece has.
    pieces: &'a [u32],
    /// How many rows of each template.
    templates: &'a [Vec<(u32, u32)>],
    /// Rows that have a value of their own.
    rows: &'a [u32],
    /// The template of each row.
    ids: &'a [u32],
}

/// Values with numbers, and for each piece how many rows have each; `None`: it has too many.
struct Counted<T> {
    values: Vec<T>,
    pieces: Vec<Option<Vec<(u32, u32)>>>,
}

/// Numbers of values.
struct Numbers<T> {
    values: Vec<T>,
    known: HashMap<T, u32, FixedState>,
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    /// That of a value; none where there are too many.
    fn of(&mut self, value: T, fits: impl Fn(T) -> bool) -> Option<u32> {
        if let Some(number) = self.known.get(&value) {
            return Some(*number);
        }
        let number = self.values.len() as u32;
        if self.values.len() >= MOST_TALLIED || !fits(value) {
            return None;
        }
        self.known.insert(value, number);
        self.values.push(value);
        Some(number)
    }

    /// Forgets all but the first.
    fn truncate(&mut self, len: usize) {
        for value in self.values.drain(len..) {
            self.known.remove(&value);
        }
    }
}

/// Counts values piece by piece. `constant`: what templates always tell, whose rows need not be looked at.
fn count<T: Copy + Eq + Hash>(
    rows: &Rows<'_>,
    constant: &[Option<T>],
    value: impl Fn(usize) -> T,
    fits: impl Fn(T) -> bool + Copy,
) -> Counted<T> {
    let mut numbers = Numbers { values: Vec::new(), known: HashMap::default() };
    let (mut counts, mut touched) = (vec![0u32; MOST_TALLIED], Vec::new());
    let (mut pieces, mut end, mut at) = (Vec::with_capacity(rows.pieces.len()), 0u32, 0usize);
    for (piece, templates) in rows.pieces.iter().zip(rows.templates) {
        end += piece;
        let (known, upto) = (numbers.values.len(), at + rows.rows[at..].partition_point(|row| *row < end));
        let mut add = |number: u32, rows: u32| {
            let count = &mut counts[number as usize];
            let is_new = *count == 0;
            if is_new && touched.len() == MOST_OF_PIECE {
                return false;
            }
            if is_new {
                touched.push(number);
            }
            *count += rows;
            true
        };
        let mut few = templates.iter().all(|(template, rows)| match constant[*template as usize] {
            Some(value) => numbers.of(value, fits).is_some_and(|number| add(number, *rows)),
            None => true,
        });
        let mut last: Option<(T, u32)> = None;
        for at in at..upto {
            if !few {
                break;
            }
            if constant[rows.ids[rows.rows[at] as usize] as usize].is_some() {
                continue;
            }
            let value = value(at);
            let number = match last {
                Some((last, number)) if last == value => Some(number),
                _ => numbers.of(value, fits),
            };
            few = number.is_some_and(|number| add(number, 1));
            last = number.map(|number| (value, number));
        }
        at = upto;
        touched.sort_unstable();
        let all = touched.drain(..).map(|number| (number, std::mem::take(&mut counts[number as usize])));
        let all: Vec<(u32, u32)> = all.collect();
        pieces.push(few.then_some(all));
        if !few {
            // What only this piece has is not kept.
            numbers.truncate(known);
        }
    }
    Counted { values: numbers.values, pieces }
}

impl<T: Copy> Counted<T> {
    /// Adds the tally of the field whose column has this place among the columns.
    fn write(self, column: usize, text: impl Fn(T) -> Vec<u8>, out: &mut Tallies) {
        if self.pieces.iter().all(Option::is_none) {
            return;
        }
        let body = &mut out.scratch;
        body.clear();
        put_u64(body, self.values.len() as u64);
        self.values.iter().for_each(|value| put_bytes(body, &text(*value)));
        for piece in self.pieces {
            let Some(piece) = piece else {
                body.push(0);
                continue;
            };
            put_u64(body, piece.len() as u64 + 1);
            let mut last = 0;
            for (number, rows) in piece {
                put_u64(body, u64::from(number - last));
                put_u64(body, u64::from(rows));
                last = number;
            }
        }
        out.count += 1;
        put_u64(&mut out.bytes, column as u64);
        put_bytes(&mut out.bytes, body);
    }
}

impl Builder {
    /// Adds the tally of a column that will have this place. `told`: what templates tell of it.
    pub(super) fn tally(&self, column: &Column, told: &ByTemplate, place: usize, out: &mut Tallies) {
        let pieces: Vec<u32> = out.pieces.iter().flatten().map(|(_, rows)| *rows).collect();
        if pieces.len() > MOST_PIECES {
            return;
        }
        let rows = Rows { pieces: &pieces, templates: &out.templates, rows: &column.rows, ids: &self.ids };
        match &column.values {
            Values::Text(texts) => {
                let constant = self.constants(told, |value| match value {
                    Value::Text(place) => Some(body(&self.text, place)),
                    _ => None,
                });
                let value = |at: usize| body(&self.text, texts[at]);
                count(&rows, &constant, value, |text| text.len() <= LONGEST).write(
                    place,
                    <[u8]>::to_vec,
                    out,
                );
            }
            Values::Int(ints) => {
                let constant = self.constants(told, |value| match value {
                    Value::Int(int) => Some(int),
                    _ => None,
                });
                let text = |int| written(FieldRef::Int(int)).into_owned().into_bytes();
                count(&rows, &constant, |at| ints[at], |_| true).write(place, text, out);
            }
            Values::Bool(bools) => {
                let text = |bool| written(FieldRef::Bool(bool)).into_owned().into_bytes();
                count(&rows, &self.constants(told, |_| None), |at| bools[at], |_| true)
                    .write(place, text, out);
            }
            // They are measured, not counted by.
            Values::Float(_) => {}
        }
    }

    /// What templates always tell, by their numbers; messages without one tell nothing.
    fn constants<T: Copy>(&self, told: &ByTemplate, of: impl Fn(Value) -> Option<T>) -> Vec<Option<T>> {
        let mut all = vec![None; self.order.kept.len() + 1];
        for (number, guess) in told {
            if let Guess::Constant(value) = guess {
                all[*number as usize] = of(*value);
            }
        }
        all
    }
}
