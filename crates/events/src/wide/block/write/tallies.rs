//! How many rows have each value of a field, where these are few, by run and minute: what asks for whole minutes is counted by
//! them without a look at rows.

use std::collections::HashMap;
use std::hash::Hash;

use disk::varint::{put_bytes, put_u64};
use foldhash::fast::FixedState;
use model::records::{ABSENT, FieldRef};

use super::{Builder, Column, Values, body};
use crate::wide::block::tally::unit_of;
use crate::wide::block::{MOST_TALLIED, Run};
use crate::wide::condition::written;
use crate::wide::derived::Spec;

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
    count: u64,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl Tallies {
    /// For runs of rows with these times, which rise in each.
    pub(super) fn new(runs: &[Run], times: &[i64]) -> Self {
        for unit_s in UNITS_S {
            let pieces = cut(runs, times, unit_s);
            if pieces.iter().map(Vec::len).sum::<usize>() * ROWS_OF_PIECE <= times.len() {
                return Self { unit_s, pieces, ..Self::default() };
            }
        }
        Self { pieces: runs.iter().map(|run| vec![(0, run.rows)]).collect(), ..Self::default() }
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
    /// How many each piece has.
    pieces: &'a [u32],
    /// Rows that have a value.
    rows: &'a [u32],
    /// The template of each row.
    ids: &'a [u32],
    /// Whether a template always tells the same.
    constant: &'a [bool],
}

/// Values with numbers, and for each piece how many rows have each; `None`: it has too many.
struct Counted<T> {
    values: Vec<T>,
    pieces: Vec<Option<Vec<(u32, u32)>>>,
}

/// Counts values piece by piece.
fn count<T: Copy + Eq + Hash>(
    rows: &Rows<'_>,
    value: impl Fn(usize) -> T,
    fits: impl Fn(T) -> bool,
) -> Counted<T> {
    let (mut values, mut numbers): (Vec<T>, HashMap<T, u32, FixedState>) = (Vec::new(), HashMap::default());
    let mut of_templates = vec![ABSENT; rows.constant.len()];
    let (mut counts, mut touched) = (vec![0u32; MOST_TALLIED], Vec::new());
    let (mut pieces, mut end, mut at) = (Vec::with_capacity(rows.pieces.len()), 0u32, 0usize);
    for piece in rows.pieces {
        end += piece;
        let (known, upto) = (values.len(), at + rows.rows[at..].partition_point(|row| *row < end));
        let mut last: Option<(T, u32)> = None;
        let mut few = true;
        for at in at..upto {
            let template = rows.ids[rows.rows[at] as usize] as usize;
            let mut number = of_templates[template];
            if number == ABSENT {
                let value = value(at);
                number = match last {
                    Some((last, number)) if last == value => number,
                    _ => match numbers.get(&value) {
                        Some(number) => *number,
                        None if values.len() < MOST_TALLIED && fits(value) => {
                            let number = values.len() as u32;
                            numbers.insert(value, number);
                            values.push(value);
                            number
                        }
                        None => ABSENT,
                    },
                };
                few = number != ABSENT;
                last = Some((value, number));
                if few && rows.constant[template] {
                    of_templates[template] = number;
                }
            }
            if !few || (touched.len() == MOST_OF_PIECE && counts[number as usize] == 0) {
                few = false;
                break;
            }
            if counts[number as usize] == 0 {
                touched.push(number);
            }
            counts[number as usize] += 1;
        }
        at = upto;
        touched.sort_unstable();
        let all = touched.drain(..).map(|number| (number, std::mem::take(&mut counts[number as usize])));
        let all: Vec<(u32, u32)> = all.collect();
        pieces.push(few.then_some(all));
        if !few {
            // What only this piece has is not kept.
            for value in values.drain(known..) {
                numbers.remove(&value);
            }
            of_templates.iter_mut().filter(|n| **n as usize >= known).for_each(|n| *n = ABSENT);
        }
    }
    Counted { values, pieces }
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
    /// Adds the tally of a column that will have this place. `specs`: what templates tell of it.
    pub(super) fn tally(&self, column: &Column, specs: &[(u32, Spec<'_>)], place: usize, out: &mut Tallies) {
        let pieces: Vec<u32> = out.pieces.iter().flatten().map(|(_, rows)| *rows).collect();
        if pieces.len() > MOST_PIECES {
            return;
        }
        let mut constant = vec![false; self.order.kept.len() + 1];
        for (template, _) in specs.iter().filter(|(_, spec)| !spec.needs_variables()) {
            constant[*template as usize] = true;
        }
        let rows = Rows { pieces: &pieces, rows: &column.rows, ids: &self.ids, constant: &constant };
        match &column.values {
            Values::Text(texts) => {
                count(&rows, |at| body(&self.text, texts[at]), |text| text.len() <= LONGEST).write(
                    place,
                    <[u8]>::to_vec,
                    out,
                );
            }
            Values::Int(ints) => {
                let text = |int| written(FieldRef::Int(int)).into_owned().into_bytes();
                count(&rows, |at| ints[at], |_| true).write(place, text, out);
            }
            Values::Bool(bools) => {
                let text = |bool| written(FieldRef::Bool(bool)).into_owned().into_bytes();
                count(&rows, |at| bools[at], |_| true).write(place, text, out);
            }
            // They are measured, not counted by.
            Values::Float(_) => {}
        }
    }
}
