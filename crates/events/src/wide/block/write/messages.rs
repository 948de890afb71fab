//! Times, templates and variables of a block.

use std::collections::HashMap;

use disk::varint::{put_bytes, put_i64, put_u64};

use super::{Builder, body};
use crate::wide::ints;
use crate::wide::pools;
use crate::wide::texts::{self, Sink};

/// A template of fewer messages is not worth its columns, where there are many templates.
const WORTH: u32 = 3;
const MANY: usize = 64;
/// In templates of fewer messages it is not looked for variables that repeat others.
const REPEATS: usize = 2;

impl Builder {
    pub(super) fn write_times(&self, out: &mut Vec<u8>) {
        // Many clocks tell less than nanoseconds.
        let unit = [1_000_000_000, 1_000_000, 1_000]
            .into_iter()
            .find(|unit| self.times.iter().all(|t| t % unit == 0))
            .unwrap_or(1);
        put_u64(out, unit as u64);
        let divided: Vec<i64>;
        let times = if unit == 1 {
            &self.times
        } else {
            divided = self.times.iter().map(|t| t / unit).collect();
            &divided
        };
        if !ints::put_rising(times, out) {
            ints::put(times, out);
        }
    }

    /// Decides which templates are kept, numbers them in `ids`, and sorts the rows by them.
    pub(super) fn sort_by_template(&mut self) {
        let many = self.templates.len() > MANY;
        let order = &mut self.order;
        order.kept.clear();
        let is_kept = |t: &u32| !many || self.templates[*t as usize].rows >= WORTH;
        order.kept.extend((0..self.templates.len() as u32).filter(is_kept));
        order.kept.sort_by_key(|t| std::cmp::Reverse(self.templates[*t as usize].rows));
        let count = order.kept.len();
        let mut numbers = vec![count as u32; self.templates.len()];
        order.starts.clear();
        let mut start = 0;
        for (number, template) in order.kept.iter().enumerate() {
            numbers[*template as usize] = number as u32;
            order.starts.push(start);
            start += self.templates[*template as usize].rows;
        }
        order.starts.push(start);
        let mut next = order.starts.clone();
        order.rows.clear();
        order.rows.resize(self.ids.len(), 0);
        for (row, id) in self.ids.iter_mut().enumerate() {
            *id = numbers.get(*id as usize).copied().unwrap_or(count as u32);
            let next = &mut next[*id as usize];
            order.rows[*next as usize] = row as u32;
            *next += 1;
        }
    }

    /// Templates with how many rows have each, the variables by template and place in it, messages without a template, and
    /// numbers of small templates.
    pub(super) fn write_messages(
        &self,
        out: &mut Vec<u8>,
        sink: &mut Sink,
    ) -> (Option<Vec<u8>>, Option<Sink>) {
        sink.clear();
        sink.digits = Some(Vec::new());
        // Alike lies beside alike.
        let (mut of_numbers, mut of_letters, mut of_digits) = (Vec::new(), Vec::new(), Vec::new());
        let (mut of_rows, mut rows_before) = (Vec::new(), 0i64);
        let mut words = HashMap::default();
        put_u64(out, self.order.kept.len() as u64);
        let mut column: Vec<&[u8]> = Vec::new();
        let mut pools = pools::Builder::default();
        for (number, template) in self.order.kept.iter().enumerate() {
            let template = &self.templates[*template as usize];
            let (start, len) = template.text;
            let template_text = &self.template_text[start as usize..(start + len) as usize];
            put_bytes(out, template_text);
            pools.template(template_text, self.order.of(number).len());
            let digits = |sink: &Sink| sink.digits.as_ref().map_or(0, Vec::len);
            let before = (sink.numbers.len(), sink.letters.len(), digits(sink));
            let rows = self.order.of(number);
            let text = |row: u32, hole: usize| {
                let row = row as usize;
                let (start, len) = self.variables[self.first_variable[row] as usize + hole];
                let start = (self.bodies[row].start + start) as usize;
                &self.text[start..start + len as usize]
            };
            let same = &self.same[template.same.0 as usize..(template.same.0 + template.same.1) as usize];
            let (mut same, mut varying) = (same.iter().peekable(), Vec::new());
            for hole in 0..template.holes as usize {
                if rows.len() == 1 || same.next_if(|same| usize::from(**same) == hole).is_some() {
                    texts::put_constant(text(rows[0], hole), sink);
                    continue;
                }
                if rows.len() >= REPEATS
                    && let Some(same) = texts::same_as(hole, &varying, rows, text)
                {
                    texts::put_same(same, sink);
                    continue;
                }
                varying.push(hole);
                if let Some(says) = texts::says_time(rows, &self.times, |row| text(row, hole)) {
                    texts::put_timed(says, sink);
                    continue;
                }
                column.clear();
                column.extend(rows.iter().map(|row| text(*row, hole)));
                if pools.take(&column, hole) {
                    texts::put_pooled(sink);
                } else {
                    texts::put(&column, sink, &mut words);
                }
            }
            put_u64(&mut of_numbers, (sink.numbers.len() - before.0) as u64);
            put_u64(&mut of_letters, (sink.letters.len() - before.1) as u64);
            put_u64(&mut of_digits, (digits(sink) - before.2) as u64);
            put_i64(&mut of_rows, rows.len() as i64 - rows_before);
            rows_before = rows.len() as i64;
        }
        [of_numbers, of_letters, of_digits, of_rows].iter().for_each(|all| out.extend_from_slice(all));
        let whole = self.order.whole();
        let pools = pools.finish();
        if whole.is_empty() {
            return (None, pools);
        }
        column.clear();
        column.extend(whole.iter().map(|row| body(&self.text, self.bodies[*row as usize])));
        let mut sink = Sink::default();
        texts::put_long(&column, &mut sink, 0);
        let mut out = Vec::with_capacity(sink.numbers.len() + sink.letters.len() + 4);
        put_bytes(&mut out, &sink.numbers);
        out.extend_from_slice(&sink.letters);
        (Some(out), pools)
    }
}
