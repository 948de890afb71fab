//! How many rows of each run have each value of a field, where these are few: what asks for whole runs is counted by them
//! without a look at rows.

use std::collections::HashMap;
use std::hash::Hash;

use disk::varint::{put_bytes, put_u64};
use foldhash::fast::FixedState;
use model::records::{ABSENT, FieldRef};

use super::{Builder, Column, Values, body};
use crate::wide::block::{MOST_TALLIED, Run};
use crate::wide::condition::written;
use crate::wide::derived::Spec;

/// The most values of a run that are counted.
const MOST_OF_RUN: usize = 32;
/// No run with a longer value is counted.
const LONGEST: usize = 128;
/// Blocks of more runs have no tallies.
const MOST_RUNS: usize = 1024;

/// The tallies of a block under construction.
#[derive(Default)]
pub(super) struct Tallies {
    count: u64,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl Tallies {
    /// The column of tallies, if there are any.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.bytes.len() + 2);
        put_u64(&mut out, self.count);
        out.extend_from_slice(&self.bytes);
        (self.count > 0).then_some(out)
    }
}

/// Where the values of a column come from.
struct Rows<'a> {
    runs: &'a [Run],
    /// Rows that have a value.
    rows: &'a [u32],
    /// The template of each row.
    ids: &'a [u32],
    /// Whether a template always tells the same.
    constant: &'a [bool],
}

/// Values with numbers, and for each run how many rows have each; `None`: it has too many.
struct Counted<T> {
    values: Vec<T>,
    runs: Vec<Option<Vec<(u32, u32)>>>,
}

/// Counts values run by run.
fn count<T: Copy + Eq + Hash>(
    rows: &Rows<'_>,
    value: impl Fn(usize) -> T,
    fits: impl Fn(T) -> bool,
) -> Counted<T> {
    let (mut values, mut numbers): (Vec<T>, HashMap<T, u32, FixedState>) = (Vec::new(), HashMap::default());
    let mut of_templates = vec![ABSENT; rows.constant.len()];
    let (mut counts, mut touched) = (vec![0u32; MOST_TALLIED], Vec::new());
    let (mut runs, mut end, mut at) = (Vec::with_capacity(rows.runs.len()), 0u32, 0usize);
    for run in rows.runs {
        end += run.rows;
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
            if !few || (touched.len() == MOST_OF_RUN && counts[number as usize] == 0) {
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
        let of_run = touched.drain(..).map(|number| (number, std::mem::take(&mut counts[number as usize])));
        let of_run: Vec<(u32, u32)> = of_run.collect();
        runs.push(few.then_some(of_run));
        if !few {
            // What only this run has is not kept.
            for value in values.drain(known..) {
                numbers.remove(&value);
            }
            of_templates.iter_mut().filter(|n| **n as usize >= known).for_each(|n| *n = ABSENT);
        }
    }
    Counted { values, runs }
}

impl<T: Copy> Counted<T> {
    /// Adds the tally of the field whose column has this place among the columns.
    fn write(self, column: usize, text: impl Fn(T) -> Vec<u8>, out: &mut Tallies) {
        if self.runs.iter().all(Option::is_none) {
            return;
        }
        let body = &mut out.scratch;
        body.clear();
        put_u64(body, self.values.len() as u64);
        self.values.iter().for_each(|value| put_bytes(body, &text(*value)));
        for run in self.runs {
            let Some(run) = run else {
                body.push(0);
                continue;
            };
            put_u64(body, run.len() as u64 + 1);
            let mut last = 0;
            for (number, rows) in run {
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
        if self.runs.len() > MOST_RUNS {
            return;
        }
        let mut constant = vec![false; self.order.kept.len() + 1];
        for (template, _) in specs.iter().filter(|(_, spec)| !spec.needs_variables()) {
            constant[*template as usize] = true;
        }
        let rows = Rows { runs: &self.runs, rows: &column.rows, ids: &self.ids, constant: &constant };
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
