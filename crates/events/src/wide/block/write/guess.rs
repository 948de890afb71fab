//! What a template tells of fields, followed row by row: a value is compared while its message is at hand, and what is always
//! the same is not even kept until a row has something else.

use std::borrow::Cow;

use model::records::{ABSENT, FieldRef};

use super::{Builder, Column, NO_ROW, Place, Value, body};
use crate::wide::derived::{self, Spec, UNITS};

/// How many places of a message are tried for the value of a field, and how often another guess is.
const TRIES: usize = 3;
/// A text of so many bytes that is always the same may stand beside the messages that say it.
const SHORT: usize = 64;

/// What is guessed of a field in messages of a template.
pub(super) struct Told {
    column: u32,
    /// So many rows, from the first of the template on, are as guessed.
    rows: u32,
    wrong: u8,
    guess: Guess,
}

/// How values follow.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Guess {
    /// They do not.
    Nothing,
    /// They are always the same. Only the first two rows of the template have them in their column.
    Constant(Value),
    /// From the message.
    Message(Spec<'static>),
}

/// What a kept template, by its number, tells of a field in all its rows.
pub(super) type ByTemplate = Vec<(u32, Guess)>;

impl Builder {
    /// The value of a field of the row added last, unless it is always the same in messages of its template.
    pub(super) fn not_constant(
        &mut self,
        column: usize,
        value: FieldRef<'_>,
        place: Option<u32>,
    ) -> Option<Value> {
        let row = self.ids.len() - 1;
        let Some(template) = self.templates.get(self.ids[row] as usize) else {
            return Some(self.put(value, place));
        };
        let (rows, first, (start, len)) = (template.rows, template.first as usize, template.told);
        if rows < 3 {
            let value = self.put(value, place);
            if rows == 2 {
                self.guess(column, first, row, value);
            }
            return Some(value);
        }
        // Fields follow one another as in the row with which guessing began.
        let of_template = &self.told[start as usize..(start + len) as usize];
        let is_it = |told: &Told| told.column as usize == column;
        let at = match of_template.get(self.at_told as usize) {
            Some(told) if is_it(told) => Some(self.at_told as usize),
            _ => of_template.iter().position(is_it),
        };
        let Some(at) = at else { return Some(self.put(value, place)) };
        self.at_told = at as u32 + 1;
        let at = start as usize + at;
        let told = &self.told[at];
        if told.rows + 1 != rows {
            return Some(self.put(value, place));
        }
        match &told.guess {
            Guess::Constant(always) if self.is(*always, value) => {
                self.told[at].rows += 1;
                return None;
            }
            Guess::Message(spec) => {
                if let Some(found) = self.finds(spec, row, value, place) {
                    self.told[at].rows += 1;
                    return Some(found);
                }
            }
            _ => {}
        }
        let value = self.put(value, place);
        self.guess_again(at, row, value);
        Some(value)
    }

    fn put(&mut self, value: FieldRef<'_>, place: Option<u32>) -> Value {
        match value {
            FieldRef::Text(text) => {
                let len = text.len() as u32;
                let start = match (place, self.bodies.last()) {
                    (Some(at), Some(body)) => body.start + at,
                    _ => {
                        let start = self.text.len() as u32;
                        self.text.extend_from_slice(text.as_bytes());
                        start
                    }
                };
                Value::Text(Place { start, len })
            }
            FieldRef::Int(int) => Value::Int(int),
            FieldRef::Float(float) => Value::Float(float.to_bits()),
            FieldRef::Bool(bool) => Value::Bool(bool),
        }
    }

    fn is(&self, known: Value, value: FieldRef<'_>) -> bool {
        match (known, value) {
            (Value::Text(place), FieldRef::Text(text)) => {
                place.len as usize == text.len() && body(&self.text, place) == text.as_bytes()
            }
            (Value::Int(known), FieldRef::Int(int)) => known == int,
            (Value::Float(known), FieldRef::Float(float)) => known == float.to_bits(),
            _ => false,
        }
    }

    fn same(&self, a: Value, b: Value) -> bool {
        match (a, b) {
            (Value::Text(a), Value::Text(b)) => a == b || body(&self.text, a) == body(&self.text, b),
            _ => a == b,
        }
    }

    /// Where a message says the value of a field, if it does as guessed.
    fn finds(&self, spec: &Spec<'_>, row: usize, value: FieldRef<'_>, place: Option<u32>) -> Option<Value> {
        let kind = match value {
            FieldRef::Int(int) => Value::Int(int),
            FieldRef::Float(float) => Value::Float(float.to_bits()),
            FieldRef::Text(text) => {
                let Value::Text(found) = self.says(spec, row, Value::Text(Place { start: 0, len: 0 }))?
                else {
                    return None;
                };
                let is_there = place.is_some_and(|at| at + self.bodies[row].start == found.start);
                let same = found.len as usize == text.len()
                    && (is_there || body(&self.text, found) == text.as_bytes());
                return same.then_some(Value::Text(found));
            }
            FieldRef::Bool(_) => return None,
        };
        self.says(spec, row, kind).filter(|said| *said == kind)
    }

    /// What the message of a row says by a guess, in the type of `like`.
    fn says(&self, spec: &Spec<'_>, row: usize, like: Value) -> Option<Value> {
        match (spec, like) {
            (Spec::Part(from, to), Value::Text(_)) => {
                let message = self.bodies[row];
                let found = derived::place(*from, *to, message.len as usize, self.variables_of(row));
                let (start, end) = found?;
                Some(Value::Text(Place { start: message.start + start as u32, len: (end - start) as u32 }))
            }
            (Spec::Number(hole, _), Value::Int(_)) => {
                derived::integer(self.text_from(row, *hole as usize)?).map(Value::Int)
            }
            (Spec::Number(hole, unit), Value::Float(_)) => {
                derived::float(self.text_from(row, *hole as usize)?, *unit).map(Value::Float)
            }
            _ => None,
        }
    }

    /// Begins to guess, by the first two rows of a template.
    fn guess(&mut self, column: usize, first: usize, row: usize, value: Value) {
        let of = &self.columns[column];
        let Ok(at) = of.rows.binary_search(&(first as u32)) else { return };
        let before = of.value(at);
        let guess = match value {
            Value::Bool(_) => return,
            Value::Text(place) if place.len as usize > SHORT && self.part(row, place).is_some() => None,
            _ => self.same(before, value).then_some(Guess::Constant(value)),
        };
        let guess = guess.or_else(|| {
            let says =
                |spec: &Spec<'_>| self.says(spec, first, before).is_some_and(|said| self.same(said, before));
            Some(Guess::Message(self.way(row, value, says)?))
        });
        let Some(guess) = guess else { return };
        let end = self.told.len() as u32;
        let template = &mut self.templates[self.ids[row] as usize];
        if template.told.1 == 0 {
            template.told.0 = end;
        }
        template.told.1 += 1;
        self.told.push(Told { column: column as u32, rows: 2, wrong: 0, guess });
    }

    /// Guesses anew where a row has another value than was guessed.
    fn guess_again(&mut self, at: usize, row: usize, value: Value) {
        let told = &mut self.told[at];
        let (column, rows) = (told.column as usize, told.rows as usize);
        told.wrong += 1;
        let may_try = usize::from(told.wrong) <= TRIES;
        let old = std::mem::replace(&mut told.guess, Guess::Nothing);
        let earlier = |before: &[u32]| {
            let next = |row: &u32| Some(before[*row as usize]).filter(|row| *row != NO_ROW);
            std::iter::successors(next(&(row as u32)), next).collect::<Vec<u32>>()
        };
        let earlier = if old == Guess::Nothing { Vec::new() } else { earlier(&self.before) };
        let told_before = |row: usize| match &old {
            Guess::Constant(always) => Some(*always),
            Guess::Message(spec) => self.says(spec, row, value),
            Guess::Nothing => None,
        };
        let holds = |spec: &Spec<'_>| {
            earlier.iter().all(|row| {
                let row = *row as usize;
                match (told_before(row), self.says(spec, row, value)) {
                    (Some(told), Some(said)) => self.same(told, said),
                    _ => false,
                }
            })
        };
        let new = if may_try && old != Guess::Nothing { self.way(row, value, holds) } else { None };
        if let Guess::Constant(always) = old {
            let left_out = earlier.iter().take(rows.saturating_sub(2)).map(|row| (*row, always));
            self.columns[column].late.extend(left_out);
        }
        if let Some(spec) = new {
            self.told[at].guess = Guess::Message(spec);
            self.told[at].rows += 1;
        }
    }

    /// The part of its own message that a text is.
    fn part(&self, row: usize, place: Place) -> Option<Spec<'static>> {
        let message = self.bodies[row];
        let start = place.start.checked_sub(message.start)? as usize;
        derived::part_of(message.len as usize, self.variables_of(row), start, start + place.len as usize)
    }

    /// How the message of a row says a value, of the first ways that come to mind one that `holds`.
    fn way(
        &self,
        row: usize,
        value: Value,
        mut holds: impl FnMut(&Spec<'_>) -> bool,
    ) -> Option<Spec<'static>> {
        match value {
            Value::Text(place) => {
                if let Some(part) = self.part(row, place).filter(&mut holds) {
                    return Some(part);
                }
                let (message, text) = (body(&self.text, self.bodies[row]), body(&self.text, place));
                let at = |start| {
                    derived::part_of(message.len(), self.variables_of(row), start, start + text.len())
                };
                memchr::memmem::find_iter(message, text).take(TRIES).filter_map(at).find(holds)
            }
            Value::Int(_) | Value::Float(_) => {
                let units: &[u8] = if matches!(value, Value::Int(_)) { &UNITS[..1] } else { &UNITS };
                let holes = 0..self.variables_of(row).len() as u32;
                let all = holes.flat_map(|hole| units.iter().map(move |unit| Spec::Number(hole, *unit)));
                all.filter(|spec| self.says(spec, row, value) == Some(value)).take(TRIES).find(holds)
            }
            Value::Bool(_) => None,
        }
    }

    /// For each column, what is told of it in all rows of kept templates. What was left out, and is not told after all, goes
    /// to where columns keep what comes late.
    pub(super) fn told_by_column(&mut self) -> Vec<ByTemplate> {
        let mut all = vec![ByTemplate::new(); self.columns.len()];
        // Templates that are not kept have at most two rows, of which nothing was left out.
        for (number, template) in self.order.kept.iter().enumerate() {
            let template = &self.templates[*template as usize];
            let (start, len) = template.told;
            for told in &mut self.told[start as usize..(start + len) as usize] {
                let guess = std::mem::replace(&mut told.guess, Guess::Nothing);
                match guess {
                    Guess::Nothing => {}
                    guess if told.rows == template.rows => {
                        all[told.column as usize].push((number as u32, guess));
                    }
                    Guess::Constant(always) => {
                        let left_out = &self.order.of(number)[2..told.rows as usize];
                        let column = &mut self.columns[told.column as usize];
                        column.late.extend(left_out.iter().map(|row| (*row, always)));
                    }
                    Guess::Message(_) => {}
                }
            }
        }
        all
    }

    /// What is written of a guess.
    pub(super) fn spec(&self, number: u32, guess: &Guess) -> Option<Spec<'_>> {
        Some(match guess {
            Guess::Nothing | Guess::Constant(Value::Bool(_)) => return None,
            Guess::Message(spec) => spec.clone(),
            Guess::Constant(Value::Int(int)) => Spec::Int(*int),
            Guess::Constant(Value::Float(bits)) => Spec::Float(*bits),
            Guess::Constant(Value::Text(place)) => {
                // It came with the second row. What stands between variables is told without a look at them.
                let second = *self.order.of(number as usize).get(1)?;
                let part = self.part(second as usize, *place).filter(|part| !part.needs_variables());
                part.unwrap_or_else(|| Spec::Text(Cow::Borrowed(body(&self.text, *place))))
            }
        })
    }

    pub(super) fn variables_of(&self, row: usize) -> &[(u32, u32)] {
        let end = self.first_variable.get(row + 1).map_or(self.variables.len(), |end| *end as usize);
        &self.variables[self.first_variable[row] as usize..end]
    }

    /// A message from one of its variables on.
    fn text_from(&self, row: usize, hole: usize) -> Option<&[u8]> {
        let (start, _) = self.variables_of(row).get(hole)?;
        body(&self.text, self.bodies[row]).get(*start as usize..)
    }
}

impl Column {
    /// Puts what came late where it belongs.
    pub(super) fn settle(&mut self) {
        if self.late.is_empty() {
            return;
        }
        for (row, value) in std::mem::take(&mut self.late) {
            self.push(row, value);
        }
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        order.sort_unstable_by_key(|at| self.rows[*at as usize]);
        let values: Vec<Value> = order.iter().map(|at| self.value(*at as usize)).collect();
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable();
        self.forget();
        debug_assert!(rows.is_sorted_by(|a, b| a < b && *b != ABSENT));
        rows.into_iter().zip(values).for_each(|(row, value)| self.push(row, value));
    }
}
