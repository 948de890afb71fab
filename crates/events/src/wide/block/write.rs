//! Writing a block.

use std::collections::HashMap;
use std::sync::Arc;

use disk::varint::{put_bytes, put_i64, put_u64};
use foldhash::fast::FixedState;
use model::records::{FieldRef, Origin};
use model::{Error, Result};

use super::{FULL_BYTES, FULL_ROWS, Head, Kind, MOST_COLUMNS, MOST_TEMPLATES, Run, Section};
use crate::wide::columns::Type;
use crate::wide::filter;
use crate::wide::split::split;
use crate::wide::texts::Sink;
use crate::wide::{ints, texts};

/// A message that is kept as it is.
const WHOLE: u32 = u32::MAX;
/// A template of fewer messages is not worth its columns, where there are many templates.
const WORTH: u32 = 3;
const MANY: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
}

/// Values of a field under construction.
enum Values {
    Text(Vec<Place>),
    Int(Vec<i64>),
    Float(Vec<u64>),
    Bool(Vec<bool>),
}

struct Column {
    name: Arc<str>,
    origin: Origin,
    rows: Vec<u32>,
    values: Values,
}

#[derive(Default)]
struct Template {
    text: (u32, u32),
    rows: u32,
    holes: u32,
}

/// Takes rows sorted by stream and time, and becomes a block.
#[derive(Default)]
pub(in crate::wide) struct Builder {
    text: Vec<u8>,
    times: Vec<i64>,
    bodies: Vec<Place>,
    /// The template of each row, or [`WHOLE`].
    ids: Vec<u32>,
    /// Where the variables of each row begin.
    first_variable: Vec<u32>,
    /// Places in the row's message.
    variables: Vec<(u32, u32)>,
    templates: Vec<Template>,
    template_text: Vec<u8>,
    known: HashMap<u64, Vec<u32>, FixedState>,
    runs: Vec<Run>,
    columns: Vec<Column>,
    by_name: HashMap<Arc<str>, Vec<usize>, FixedState>,
    /// The column after the one used last: fields follow one another as in the row before.
    next_column: usize,
    rest: Vec<u8>,
    rest_count: u64,
    rest_row: u32,
    scratch: Vec<u8>,
    bytes: usize,
    filter: filter::Builder,
}

/// What [`Builder::finish`] made of the rows.
pub(in crate::wide) struct Finished {
    /// The length of its head.
    pub(in crate::wide) head_len: u32,
    pub(in crate::wide) head_crc: u32,
    pub(in crate::wide) bytes: Vec<u8>,
    pub(in crate::wide) runs: Vec<Run>,
}

impl Builder {
    pub(in crate::wide) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(in crate::wide) fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES || self.times.len() >= FULL_ROWS
    }

    /// A new row.
    pub(in crate::wide) fn row(&mut self, time_ns: i64, stream: u32, body: &str) {
        let place = Place { start: self.text.len() as u32, len: body.len() as u32 };
        self.text.extend_from_slice(body.as_bytes());
        self.times.push(time_ns);
        self.bodies.push(place);
        self.next_column = 0;
        match self.runs.last_mut().filter(|run| run.stream == stream) {
            Some(run) => {
                run.rows += 1;
                run.min_t = run.min_t.min(time_ns);
                run.max_t = run.max_t.max(time_ns);
            }
            None => self.runs.push(Run { stream, rows: 1, min_t: time_ns, max_t: time_ns, bytes: 0 }),
        }
        self.count(body.len());
        self.first_variable.push(self.variables.len() as u32);
        let id = self.template(body.as_bytes());
        self.ids.push(id);
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        if let Some(run) = self.runs.last_mut() {
            run.bytes += bytes as u64;
        }
    }

    fn template(&mut self, body: &[u8]) -> u32 {
        self.scratch.clear();
        let before = self.variables.len();
        if !split(body, &mut self.scratch, &mut self.variables) {
            self.filter.whole(body);
            return WHOLE;
        }
        self.filter.message(body, &self.variables[before..]);
        let hash = xxhash_rust::xxh3::xxh3_64(&self.scratch);
        let same = self.known.entry(hash).or_default();
        for id in same.iter() {
            let template = &mut self.templates[*id as usize];
            let (start, len) = template.text;
            if self.template_text[start as usize..(start + len) as usize] == self.scratch[..] {
                template.rows += 1;
                return *id;
            }
        }
        if self.templates.len() >= MOST_TEMPLATES {
            self.variables.truncate(before);
            return WHOLE;
        }
        let id = self.templates.len() as u32;
        same.push(id);
        let text = (self.template_text.len() as u32, self.scratch.len() as u32);
        self.template_text.extend_from_slice(&self.scratch);
        let holes = (self.variables.len() - before) as u32;
        self.templates.push(Template { text, rows: 1, holes });
        id
    }

    /// A field of the row added last. Of two of one name, origin and type the first counts.
    pub(in crate::wide) fn field(&mut self, name: &str, origin: Origin, value: FieldRef<'_>) {
        let row = (self.times.len() - 1) as u32;
        let kind = Type::of(&value);
        let is_it = |c: &Column| *c.name == *name && c.origin == origin && c.kind() == kind;
        let at = if self.columns.get(self.next_column).is_some_and(is_it) {
            self.next_column
        } else {
            let known =
                self.by_name.get(name).and_then(|all| all.iter().find(|at| is_it(&self.columns[**at])));
            match known {
                Some(at) => *at,
                None if self.columns.len() >= MOST_COLUMNS => return self.put_rest(row, name, origin, value),
                None => self.new_column(name, origin, kind),
            }
        };
        self.next_column = at + 1;
        let column = &mut self.columns[at];
        if column.rows.last() == Some(&row) {
            return;
        }
        column.rows.push(row);
        let bytes = match (&mut column.values, value) {
            (Values::Text(places), FieldRef::Text(text)) => {
                places.push(Place { start: self.text.len() as u32, len: text.len() as u32 });
                self.text.extend_from_slice(text.as_bytes());
                self.filter.value(text.as_bytes());
                text.len()
            }
            (Values::Int(values), FieldRef::Int(int)) => {
                values.push(int);
                8
            }
            (Values::Float(values), FieldRef::Float(float)) => {
                values.push(float.to_bits());
                8
            }
            (Values::Bool(values), FieldRef::Bool(bool)) => {
                values.push(bool);
                8
            }
            // The column was chosen by the value's type.
            _ => 0,
        };
        self.count(bytes);
    }

    fn new_column(&mut self, name: &str, origin: Origin, kind: Type) -> usize {
        let values = match kind {
            Type::Text => Values::Text(Vec::new()),
            Type::Int => Values::Int(Vec::new()),
            Type::Float => Values::Float(Vec::new()),
            Type::Bool => Values::Bool(Vec::new()),
        };
        let name: Arc<str> = Arc::from(name);
        let at = self.columns.len();
        self.by_name.entry(Arc::clone(&name)).or_default().push(at);
        self.columns.push(Column { name, origin, rows: Vec::new(), values });
        at
    }

    fn put_rest(&mut self, row: u32, name: &str, origin: Origin, value: FieldRef<'_>) {
        put_u64(&mut self.rest, u64::from(row - self.rest_row));
        self.rest_row = row;
        self.rest_count += 1;
        put_bytes(&mut self.rest, name.as_bytes());
        self.rest.push(Type::of(&value) as u8 | u8::from(origin == Origin::Detected) << 2);
        match value {
            FieldRef::Text(text) => put_bytes(&mut self.rest, text.as_bytes()),
            FieldRef::Int(int) => put_i64(&mut self.rest, int),
            FieldRef::Float(float) => self.rest.extend_from_slice(&float.to_bits().to_le_bytes()),
            FieldRef::Bool(bool) => self.rest.push(u8::from(bool)),
        }
        self.count(name.len() + if let FieldRef::Text(text) = value { text.len() } else { 8 });
    }

    /// The block of the rows so far; then it is empty again.
    pub(in crate::wide) fn finish(&mut self, level: i32) -> Result<Finished> {
        let mut sections = Sections::new(level)?;
        sections.add(Kind::Times, self.write_times())?;
        let (templates, sink, whole) = self.write_messages();
        sections.add(Kind::Templates, templates)?;
        sections.add(Kind::Numbers, sink.numbers)?;
        sections.add(Kind::Letters, sink.letters)?;
        if let Some(whole) = whole {
            sections.add(Kind::Whole, whole)?;
        }
        for column in &self.columns {
            let kind = Kind::Field(Arc::clone(&column.name), column.origin, column.kind());
            sections.add(kind, self.write_column(column))?;
        }
        if self.rest_count > 0 {
            let mut rest = Vec::with_capacity(self.rest.len() + 8);
            put_u64(&mut rest, self.rest_count);
            rest.extend_from_slice(&self.rest);
            sections.add(Kind::Rest, rest)?;
        }
        if let Some(filter) = self.filter.finish(sections.bytes.len()) {
            sections.add_as_is(Kind::Filter, &filter);
        }
        let head = Head { runs: std::mem::take(&mut self.runs), sections: sections.list };
        let mut bytes = head.write();
        let (head_len, head_crc) = (bytes.len() as u32, crc32fast::hash(&bytes));
        bytes.extend_from_slice(&sections.bytes);
        self.clear();
        Ok(Finished { head_len, head_crc, bytes, runs: head.runs })
    }

    /// Forgets the rows, keeps the memory.
    fn clear(&mut self) {
        self.text.clear();
        self.times.clear();
        self.bodies.clear();
        self.ids.clear();
        self.first_variable.clear();
        self.variables.clear();
        self.templates.clear();
        self.template_text.clear();
        self.known.clear();
        self.runs.clear();
        self.columns.clear();
        self.by_name.clear();
        self.rest.clear();
        (self.rest_count, self.rest_row, self.bytes, self.next_column) = (0, 0, 0, 0);
    }

    fn write_times(&self) -> Vec<u8> {
        // Many clocks tell less than nanoseconds.
        let unit = [1_000_000_000, 1_000_000, 1_000]
            .into_iter()
            .find(|unit| self.times.iter().all(|t| t % unit == 0))
            .unwrap_or(1);
        let mut out = Vec::new();
        put_u64(&mut out, unit as u64);
        let times: Vec<i64> = self.times.iter().map(|t| t / unit).collect();
        ints::put(&times, &mut out);
        out
    }

    /// Templates with the one of each row, the variables by template and place in it, and messages without a template.
    fn write_messages(&mut self) -> (Vec<u8>, Sink, Option<Vec<u8>>) {
        let many = self.templates.len() > MANY;
        let mut numbers = vec![WHOLE; self.templates.len()];
        let mut kept: Vec<usize> =
            (0..self.templates.len()).filter(|t| !many || self.templates[*t].rows >= WORTH).collect();
        kept.sort_by_key(|t| std::cmp::Reverse(self.templates[*t].rows));
        for (number, template) in kept.iter().enumerate() {
            numbers[*template] = number as u32;
        }
        let mut rows: Vec<Vec<u32>> =
            kept.iter().map(|t| Vec::with_capacity(self.templates[*t].rows as usize)).collect();
        let mut whole: Vec<&[u8]> = Vec::new();
        for (row, id) in self.ids.iter_mut().enumerate() {
            if *id != WHOLE {
                *id = numbers[*id as usize];
            }
            match rows.get_mut(*id as usize) {
                Some(rows) => rows.push(row as u32),
                None => {
                    *id = kept.len() as u32;
                    whole.push(body(&self.text, self.bodies[row]));
                }
            }
        }
        let (mut out, mut sink) = (Vec::new(), Sink::default());
        let mut words = HashMap::default();
        put_u64(&mut out, kept.len() as u64);
        let mut column: Vec<&[u8]> = Vec::new();
        for (template, rows) in kept.iter().zip(&rows) {
            let (start, len) = self.templates[*template].text;
            put_bytes(&mut out, &self.template_text[start as usize..(start + len) as usize]);
            let before = (sink.numbers.len(), sink.letters.len());
            for hole in 0..self.templates[*template].holes {
                column.clear();
                column.extend(rows.iter().map(|row| {
                    let row = *row as usize;
                    let (start, len) = self.variables[(self.first_variable[row] + hole) as usize];
                    let message = body(&self.text, self.bodies[row]);
                    &message[start as usize..(start + len) as usize]
                }));
                texts::put(&column, &mut sink, &mut words);
            }
            put_u64(&mut out, (sink.numbers.len() - before.0) as u64);
            put_u64(&mut out, (sink.letters.len() - before.1) as u64);
        }
        ints::put_u32(&self.ids, &mut out);
        let whole = (!whole.is_empty()).then(|| {
            let mut sink = Sink::default();
            texts::put(&whole, &mut sink, &mut words);
            let mut out = Vec::with_capacity(sink.numbers.len() + sink.letters.len() + 4);
            put_bytes(&mut out, &sink.numbers);
            out.extend_from_slice(&sink.letters);
            out
        });
        (out, sink, whole)
    }

    fn write_column(&self, column: &Column) -> Vec<u8> {
        let mut out = Vec::new();
        let all = column.rows.len() == self.times.len();
        out.push(u8::from(all));
        if !all {
            let mut there = vec![0u8; self.times.len().div_ceil(8)];
            column.rows.iter().for_each(|row| there[*row as usize / 8] |= 1 << (row % 8));
            out.extend_from_slice(&there);
        }
        match &column.values {
            Values::Text(places) => {
                let values: Vec<&[u8]> = places.iter().map(|p| body(&self.text, *p)).collect();
                let mut sink = Sink::default();
                texts::put(&values, &mut sink, &mut HashMap::default());
                put_bytes(&mut out, &sink.numbers);
                out.extend_from_slice(&sink.letters);
            }
            Values::Int(values) => ints::put(values, &mut out),
            Values::Float(values) => {
                let bits: Vec<i64> = values.iter().map(|v| *v as i64).collect();
                ints::put(&bits, &mut out);
            }
            Values::Bool(values) => {
                let mut bits = vec![0u8; values.len().div_ceil(8)];
                values.iter().enumerate().for_each(|(at, v)| bits[at / 8] |= u8::from(*v) << (at % 8));
                out.extend_from_slice(&bits);
            }
        }
        out
    }
}

fn body(text: &[u8], place: Place) -> &[u8] {
    &text[place.start as usize..(place.start + place.len) as usize]
}

impl Column {
    fn kind(&self) -> Type {
        match &self.values {
            Values::Text(_) => Type::Text,
            Values::Int(_) => Type::Int,
            Values::Float(_) => Type::Float,
            Values::Bool(_) => Type::Bool,
        }
    }
}

/// Columns as they lie in the block.
struct Sections {
    compressor: zstd::bulk::Compressor<'static>,
    bytes: Vec<u8>,
    list: Vec<Section>,
}

impl Sections {
    fn new(level: i32) -> Result<Self> {
        let compressor = zstd::bulk::Compressor::new(level)
            .map_err(|e| Error::internal("records cannot be compressed").with_detail(e))?;
        Ok(Self { compressor, bytes: Vec::new(), list: Vec::new() })
    }

    fn add(&mut self, kind: Kind, raw: Vec<u8>) -> Result<()> {
        let packed = self
            .compressor
            .compress(&raw)
            .map_err(|e| Error::internal("records cannot be compressed").with_detail(e))?;
        match packed.len() < raw.len() {
            true => self.push(kind, &packed, raw.len()),
            false => self.push(kind, &raw, raw.len()),
        }
        Ok(())
    }

    /// Adds what no compressor makes shorter.
    fn add_as_is(&mut self, kind: Kind, raw: &[u8]) {
        self.push(kind, raw, raw.len());
    }

    fn push(&mut self, kind: Kind, stored: &[u8], raw_len: usize) {
        let (offset, len) = (self.bytes.len() as u32, stored.len() as u32);
        let (raw_len, crc) = (raw_len as u32, crc32fast::hash(stored));
        self.bytes.extend_from_slice(stored);
        self.list.push(Section { kind, offset, len, raw_len, crc });
    }
}
