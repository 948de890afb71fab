//! Columns of fields. Values that the message says are not kept: see [`crate::wide::derived`].

use disk::varint::{put_bytes, put_u64};

use super::guess::ByTemplate;
use super::{Builder, Column, Values, body};
use crate::wide::derived::Spec;
use crate::wide::ints;
use crate::wide::texts::{self, Sink};

/// Each of them has a value.
const ALL: u8 = 1;
/// None has one.
const NONE: u8 = 2;

impl Builder {
    /// Appends a column; `told`: what templates tell of it. Gives whether any tells something. `sink` is room to work in.
    pub(super) fn write_column(
        &self,
        column: &Column,
        told: &ByTemplate,
        out: &mut Vec<u8>,
        sink: &mut Sink,
    ) -> bool {
        let specs: Vec<(u32, Spec<'_>)> =
            told.iter().filter_map(|(number, guess)| Some((*number, self.spec(*number, guess)?))).collect();
        if specs.is_empty() {
            self.write_values(column, |_| true, self.times.len(), out, sink);
            return false;
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
        true
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
}
