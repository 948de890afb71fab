//! How many rows have each value of a field, where these are few: whole blocks are counted by them without a look at rows.

use std::collections::HashMap;
use std::hash::Hash;

use disk::varint::{put_bytes, put_u64};
use foldhash::fast::FixedState;
use model::records::{ABSENT, FieldRef};

use super::{Builder, Column, Values, body};
use crate::wide::block::{MOST_TALLIED, MOST_TALLY};
use crate::wide::condition::written;
use crate::wide::derived::Spec;

/// The tallies of a block under construction.
#[derive(Default)]
pub(super) struct Tallies {
    count: u64,
    bytes: Vec<u8>,
}

impl Tallies {
    /// The column of tallies, if there are any.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.bytes.len() + 2);
        put_u64(&mut out, self.count);
        out.extend_from_slice(&self.bytes);
        (self.count > 0).then_some(out)
    }

    /// Adds that of the field whose column has this place among the columns: values as they are written, and rows.
    fn add(&mut self, column: usize, absent: u64, values: &[(Vec<u8>, u64)]) {
        if values.iter().map(|(text, _)| text.len()).sum::<usize>() > MOST_TALLY {
            return;
        }
        self.count += 1;
        put_u64(&mut self.bytes, column as u64);
        put_u64(&mut self.bytes, absent);
        put_u64(&mut self.bytes, values.len() as u64);
        for (text, rows) in values {
            put_bytes(&mut self.bytes, text);
            put_u64(&mut self.bytes, *rows);
        }
    }
}

/// Counts values while they are few.
struct Tally<T> {
    numbers: HashMap<T, usize, FixedState>,
    rows: Vec<u64>,
    last: Option<(T, usize)>,
}

impl<T: Copy + Eq + Hash> Tally<T> {
    /// `None`: there are too many.
    fn of(values: impl Iterator<Item = (T, u64)>) -> Option<Vec<(T, u64)>> {
        let mut tally = Self { numbers: HashMap::default(), rows: Vec::new(), last: None };
        for (value, rows) in values {
            let number = match tally.last {
                Some((last, number)) if last == value => number,
                _ => {
                    let next = tally.rows.len();
                    let number = *tally.numbers.entry(value).or_insert(next);
                    if number == next {
                        if next == MOST_TALLIED {
                            return None;
                        }
                        tally.rows.push(0);
                    }
                    tally.last = Some((value, number));
                    number
                }
            };
            tally.rows[number] += rows;
        }
        let mut all: Vec<(usize, T)> =
            tally.numbers.into_iter().map(|(value, number)| (number, value)).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        Some(all.into_iter().map(|(number, value)| (value, tally.rows[number])).collect())
    }
}

impl Builder {
    /// Adds the tally of a column, if it has few values. `specs`: what templates tell of it. `by_row`: the place of each row's
    /// value.
    pub(super) fn tally(
        &self,
        column: &Column,
        specs: &[(u32, Spec<'_>)],
        by_row: &[u32],
        number: usize,
        out: &mut Tallies,
    ) {
        let absent = (self.times.len() - column.rows.len()) as u64;
        // Of a template that always tells the same one row speaks for all.
        let mut constant = vec![false; self.order.kept.len() + 1];
        let mut firsts = Vec::new();
        for (template, _) in specs.iter().filter(|(_, spec)| !spec.needs_variables()) {
            let rows = self.order.of(*template as usize);
            if let Some(at) = rows.first().map(|row| by_row[*row as usize]).filter(|at| *at != ABSENT) {
                constant[*template as usize] = true;
                firsts.push((at as usize, rows.len() as u64));
            }
        }
        let others = (0..column.rows.len()).filter(|at| {
            let template = self.ids[column.rows[*at] as usize];
            !constant[template as usize]
        });
        let places = firsts.into_iter().chain(others.map(|at| (at, 1)));
        let values = match &column.values {
            Values::Text(texts) => Tally::of(places.map(|(at, rows)| (body(&self.text, texts[at]), rows)))
                .map(|all| all.into_iter().map(|(text, rows)| (text.to_vec(), rows)).collect()),
            Values::Int(ints) => Tally::of(places.map(|(at, rows)| (ints[at], rows)))
                .map(|all| all.into_iter().map(|(int, rows)| (text_of(FieldRef::Int(int)), rows)).collect()),
            Values::Bool(bools) => Tally::of(places.map(|(at, rows)| (bools[at], rows))).map(|all| {
                all.into_iter().map(|(bool, rows)| (text_of(FieldRef::Bool(bool)), rows)).collect()
            }),
            // They are measured, not counted by.
            Values::Float(_) => None,
        };
        if let Some(values) = values {
            let values: Vec<(Vec<u8>, u64)> = values;
            out.add(number, absent, &values);
        }
    }
}

fn text_of(value: FieldRef<'_>) -> Vec<u8> {
    written(value).into_owned().into_bytes()
}
