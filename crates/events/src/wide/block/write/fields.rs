//! Columns of fields. Values that the message says are not kept: see [`crate::wide::derived`].

use std::borrow::Cow;

use disk::varint::{put_bytes, put_u64};
use model::records::ABSENT;

use super::{Builder, Column, Values, body};
use crate::wide::derived::{self, Spec, UNITS};
use crate::wide::ints;
use crate::wide::texts::{self, Sink};

/// How many places of a message are tried for the value of a field.
const TRIES: usize = 3;
/// A text of so many bytes that is always the same may stand beside the messages that say it.
const SHORT: usize = 64;

/// Each of them has a value.
const ALL: u8 = 1;
/// None has one.
const NONE: u8 = 2;

impl Builder {
    /// Appends a column. Gives the templates that tell some of its values, and how. `by_row` becomes the place of each row's
    /// value in the column, `sink` is room to work in.
    pub(super) fn write_column<'s>(
        &'s self,
        column: &Column,
        by_row: &mut Vec<u32>,
        out: &mut Vec<u8>,
        sink: &mut Sink,
    ) -> Vec<(u32, Spec<'s>)> {
        by_row.clear();
        by_row.resize(self.times.len(), ABSENT);
        column.rows.iter().enumerate().for_each(|(at, row)| by_row[*row as usize] = at as u32);
        let specs = self.specs(column, by_row);
        if specs.is_empty() {
            self.write_values(column, |_| true, self.times.len(), out, sink);
            return specs;
        }
        put_u64(out, specs.len() as u64);
        let (mut last, mut rows, mut told) = (0, self.times.len(), vec![false; self.order.kept.len() + 1]);
        for (number, spec) in &specs {
            put_u64(out, u64::from(number - last));
            spec.write(out);
            (last, told[*number as usize]) = (*number, true);
            rows -= self.order.of(*number as usize).len();
        }
        self.write_values(column, |row| !told[self.ids[row] as usize], rows, out, sink);
        specs
    }

    /// Appends the values of those of `among` rows that are `kept`.
    fn write_values(
        &self,
        column: &Column,
        kept: impl Fn(usize) -> bool,
        among: usize,
        out: &mut Vec<u8>,
        sink: &mut Sink,
    ) {
        let is_kept = |at: &usize| kept(column.rows[*at] as usize);
        let places: Vec<usize> = (0..column.rows.len()).filter(is_kept).collect();
        if places.len() == among {
            out.push(ALL);
        } else if places.is_empty() {
            out.push(NONE);
        } else {
            out.push(0);
            let (start, mut bit, mut next) = (out.len(), 0usize, places.iter().peekable());
            out.resize(start + among.div_ceil(8), 0);
            for row in (0..self.times.len()).filter(|row| kept(*row)) {
                if next.next_if(|at| column.rows[**at] as usize == row).is_some() {
                    out[start + bit / 8] |= 1 << (bit % 8);
                }
                bit += 1;
            }
        }
        match &column.values {
            Values::Text(texts) => {
                let texts: Vec<&[u8]> = places.iter().map(|at| body(&self.text, texts[*at])).collect();
                sink.clear();
                texts::put_long(&texts, sink, 0);
                put_bytes(out, &sink.numbers);
                out.extend_from_slice(&sink.letters);
            }
            Values::Int(ints) => {
                let values: Vec<i64> = places.iter().map(|at| ints[*at]).collect();
                ints::put(&values, out);
            }
            Values::Float(bits) => {
                let values: Vec<i64> = places.iter().map(|at| bits[*at] as i64).collect();
                ints::put(&values, out);
            }
            Values::Bool(values) => {
                let start = out.len();
                out.resize(start + places.len().div_ceil(8), 0);
                for (bit, at) in places.iter().enumerate() {
                    out[start + bit / 8] |= u8::from(values[*at]) << (bit % 8);
                }
            }
        }
    }

    /// The templates that tell the values of a column, and how.
    fn specs(&self, column: &Column, by_row: &[u32]) -> Vec<(u32, Spec<'_>)> {
        let mut specs = Vec::new();
        for number in 0..self.order.kept.len() {
            let rows = self.order.of(number);
            // Most templates have either all or none of them.
            let ends = [rows.first(), rows.last()].into_iter().flatten();
            if ends.into_iter().any(|row| by_row[*row as usize] == ABSENT) {
                continue;
            }
            if rows.iter().any(|row| by_row[*row as usize] == ABSENT) {
                continue;
            }
            if let Some(spec) = self.spec(column, rows, by_row) {
                specs.push((number as u32, spec));
            }
        }
        specs
    }

    /// How the values of these rows, which are of one template and all have one, follow from it.
    fn spec(&self, column: &Column, rows: &[u32], by_row: &[u32]) -> Option<Spec<'_>> {
        let first = *rows.first()?;
        let at = by_row[first as usize] as usize;
        let all = |same: &dyn Fn(usize, usize) -> bool| {
            rows.iter().all(|row| same(*row as usize, by_row[*row as usize] as usize))
        };
        match &column.values {
            Values::Text(places) => {
                let value = body(&self.text, places[at]);
                let body_at = self.bodies[first as usize];
                let inside = places[at].start >= body_at.start
                    && places[at].start + places[at].len <= body_at.start + body_at.len;
                let part = |start: usize| {
                    let spec = derived::part_of(
                        body_at.len as usize,
                        self.variables_of(first as usize),
                        start,
                        start + value.len(),
                    )?;
                    let Spec::Part(from, to) = spec else { return None };
                    let same = |row: usize, at: usize| {
                        let message = self.bodies[row];
                        let found = derived::place(from, to, message.len as usize, self.variables_of(row));
                        found.is_some_and(|(start, end)| {
                            let start = message.start as usize + start;
                            let place = places[at];
                            (place.start as usize == start
                                && place.len as usize == end + message.start as usize - start)
                                || self.text[start..message.start as usize + end] == *body(&self.text, place)
                        })
                    };
                    all(&same).then_some(spec)
                };
                let found = inside.then(|| part((places[at].start - body_at.start) as usize)).flatten();
                // What is always the same is told without a look at variables.
                let is_short = value.len() <= SHORT && found.as_ref().is_none_or(Spec::needs_variables);
                if (is_short || found.is_none()) && all(&|_, at| *body(&self.text, places[at]) == *value) {
                    return Some(Spec::Text(Cow::Borrowed(value)));
                }
                if found.is_some() {
                    return found;
                }
                let message = body(&self.text, body_at);
                memchr::memmem::find_iter(message, value).take(TRIES).find_map(part)
            }
            Values::Int(values) => {
                if all(&|_, at| values[at] == values[by_row[first as usize] as usize]) {
                    return Some(Spec::Int(values[at]));
                }
                let holes = 0..self.variables_of(first as usize).len();
                let reads = |hole: usize, row: usize, at: usize| {
                    self.text_from(row, hole).and_then(derived::integer) == Some(values[at])
                };
                let mut candidates = holes.filter(|hole| reads(*hole, first as usize, at)).take(TRIES);
                let hole = candidates.find(|hole| all(&|row, at| reads(*hole, row, at)))?;
                Some(Spec::Number(hole as u32, 0))
            }
            Values::Float(bits) => {
                if all(&|_, at| bits[at] == bits[by_row[first as usize] as usize]) {
                    return Some(Spec::Float(bits[at]));
                }
                let holes = 0..self.variables_of(first as usize).len();
                let reads = |hole: usize, unit: u8, row: usize, at: usize| {
                    self.text_from(row, hole).and_then(|text| derived::float(text, unit)) == Some(bits[at])
                };
                let mut candidates = holes
                    .flat_map(|hole| UNITS.map(|unit| (hole, unit)))
                    .filter(|(hole, unit)| reads(*hole, *unit, first as usize, at))
                    .take(TRIES);
                let (hole, unit) =
                    candidates.find(|(hole, unit)| all(&|row, at| reads(*hole, *unit, row, at)))?;
                Some(Spec::Number(hole as u32, unit))
            }
            Values::Bool(_) => None,
        }
    }

    fn variables_of(&self, row: usize) -> &[(u32, u32)] {
        let end = self.first_variable.get(row + 1).map_or(self.variables.len(), |end| *end as usize);
        &self.variables[self.first_variable[row] as usize..end]
    }

    /// A message from one of its variables on.
    fn text_from(&self, row: usize, hole: usize) -> Option<&[u8]> {
        let (start, _) = self.variables_of(row).get(hole)?;
        body(&self.text, self.bodies[row]).get(*start as usize..)
    }
}
