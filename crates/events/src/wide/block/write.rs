//! Writing a block.

mod fields;
mod guess;
mod messages;
mod sections;
mod tallies;

use std::collections::HashMap;
use std::sync::Arc;

use disk::varint::{put_bytes, put_i64, put_u64};
use foldhash::fast::FixedState;
use model::Result;
use model::records::{FieldRef, Origin};

use self::guess::Told;
use self::sections::Sections;
use self::tallies::Tallies;
use super::{FULL_BYTES, FULL_ROWS, FULL_TEXT, FULL_VALUES, Head, Kind, MOST_COLUMNS, MOST_TEMPLATES, Run};
use crate::wide::columns::Type;
use crate::wide::filter;
use crate::wide::ints;
use crate::wide::shapes::Shapes;
use crate::wide::split::split;
use crate::wide::texts::{Sink, alike};
use crate::wide::words;

/// A message that is kept as it is.
const WHOLE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq)]
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

/// A value of a field under construction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Text(Place),
    Int(i64),
    /// Its bits.
    Float(u64),
    Bool(bool),
}

struct Column {
    name: Arc<str>,
    origin: Origin,
    /// Rows that have a value here. Of a template that always tells the same, its first two do.
    rows: Vec<u32>,
    values: Values,
    /// What turned out not to be told after it had been left out.
    late: Vec<(u32, Value)>,
    /// The row that had a value last.
    last: u32,
    /// The column that came behind it last.
    next: usize,
}

#[derive(Default)]
struct Template {
    text: (u32, u32),
    rows: u32,
    holes: u32,
    first: u32,
    last: u32,
    /// Its variables that have been the same in all rows, among [`Builder::same`].
    same: (u32, u32),
    /// What its rows tell of fields, among [`Builder::told`].
    told: (u32, u32),
}

/// The row before the first.
const NO_ROW: u32 = u32::MAX;

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
    /// The row of the same template before each, or [`NO_ROW`].
    before: Vec<u32>,
    same: Vec<u16>,
    told: Vec<Told>,
    /// Which of its template's fields the row is at.
    at_told: u32,
    template_text: Vec<u8>,
    known: HashMap<u64, Vec<u32>, FixedState>,
    shapes: Shapes,
    runs: Vec<Run>,
    columns: Vec<Column>,
    by_name: HashMap<Arc<str>, Vec<usize>, FixedState>,
    /// The column that the row before began with, and the one used last: fields follow one another as there.
    first_column: usize,
    last_column: Option<usize>,
    rest: Vec<u8>,
    rest_count: u64,
    rest_row: u32,
    scratch: Vec<u8>,
    /// Bytes of messages, and values of fields.
    messages: usize,
    values: usize,
    filter: filter::Builder,
    words: words::Builder,
    /// Rows by template, once the block is finished.
    order: Order,
    sink: Sink,
    sections: Option<Sections>,
}

/// The templates that are kept, the frequent ones first, and the rows of each.
#[derive(Default)]
struct Order {
    kept: Vec<u32>,
    /// Rows by template; those of one are in order.
    rows: Vec<u32>,
    /// Where the rows of each kept template begin; at last, where those without one do.
    starts: Vec<u32>,
}

impl Order {
    fn of(&self, number: usize) -> &[u32] {
        &self.rows[self.starts[number] as usize..self.starts[number + 1] as usize]
    }

    fn whole(&self) -> &[u32] {
        &self.rows[self.starts[self.kept.len()] as usize..]
    }
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
        self.messages >= FULL_BYTES
            || self.text.len() + self.rest.len() >= FULL_TEXT
            || self.times.len() >= FULL_ROWS
            || self.values >= FULL_VALUES
    }

    /// A new row.
    pub(in crate::wide) fn row(&mut self, time_ns: i64, stream: u32, body: &str) {
        let place = Place { start: self.text.len() as u32, len: body.len() as u32 };
        self.text.extend_from_slice(body.as_bytes());
        self.times.push(time_ns);
        self.bodies.push(place);
        self.messages += body.len();
        self.last_column = None;
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
        self.follow(id);
    }

    /// Notes that the row is of a template, and which variables are as in the first row of it: now they are at hand.
    fn follow(&mut self, id: u32) {
        let row = self.ids.len() - 1;
        self.at_told = 0;
        let Some(template) = self.templates.get_mut(id as usize) else {
            self.before.push(NO_ROW);
            return;
        };
        if template.rows == 1 {
            self.before.push(NO_ROW);
            (template.first, template.last) = (row as u32, row as u32);
            return;
        }
        self.before.push(std::mem::replace(&mut template.last, row as u32));
        if template.rows == 2 {
            template.same = (self.same.len() as u32, template.holes);
            // There are at most some hundred holes.
            self.same.extend(0..template.holes as u16);
        }
        let first = template.first as usize;
        let (start, len) = (template.same.0 as usize, template.same.1 as usize);
        let of = |row: usize| (&self.variables[self.first_variable[row] as usize..], self.bodies[row].start);
        let ((a, a_body), (b, b_body)) = (of(first), of(row));
        let text =
            |(start, len): (u32, u32), body: u32| &self.text[(body + start) as usize..][..len as usize];
        let same = &mut self.same[start..start + len];
        let mut kept = 0;
        for at in 0..len {
            let hole = same[at];
            let (a, b) = (a[usize::from(hole)], b[usize::from(hole)]);
            if a.1 == b.1 && alike(text(a, a_body), text(b, b_body)) {
                same[kept] = hole;
                kept += 1;
            }
        }
        template.same.1 = kept as u32;
    }

    fn count(&mut self, bytes: usize) {
        if let Some(run) = self.runs.last_mut() {
            run.bytes += bytes as u64;
        }
    }

    fn template(&mut self, body: &[u8]) -> u32 {
        let before = self.variables.len();
        if let Some(id) = self.shapes.find(body, &mut self.variables) {
            self.filter.message(body, &self.variables[before..]);
            self.templates[id as usize].rows += 1;
            return id;
        }
        self.scratch.clear();
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
                // What came once may never come again.
                if template.rows == 2 {
                    self.shapes.add(&self.scratch, *id);
                }
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
        self.templates.push(Template { text, rows: 1, holes, ..Template::default() });
        id
    }

    /// A field of the row added last. Of two of one name, origin and type the first counts. `place`: where in the message
    /// the text stands, if that is known.
    pub(in crate::wide) fn field(
        &mut self,
        name: &Arc<str>,
        origin: Origin,
        value: FieldRef<'_>,
        place: Option<u32>,
    ) {
        let row = (self.times.len() - 1) as u32;
        let kind = Type::of(&value);
        let named = |c: &Column| Arc::ptr_eq(&c.name, name) || c.name == *name;
        let is_it = |c: &Column| c.origin == origin && c.kind() == kind && named(c);
        let expected = match self.last_column {
            Some(last) => self.columns[last].next,
            None => self.first_column,
        };
        let at = if self.columns.get(expected).is_some_and(is_it) {
            expected
        } else {
            let known =
                self.by_name.get(name).and_then(|all| all.iter().find(|at| is_it(&self.columns[**at])));
            match known {
                Some(at) => *at,
                None if self.columns.len() >= MOST_COLUMNS => return self.put_rest(row, name, origin, value),
                None => self.new_column(name, origin, kind),
            }
        };
        match self.last_column {
            Some(last) => self.columns[last].next = at,
            None => self.first_column = at,
        }
        self.last_column = Some(at);
        let column = &mut self.columns[at];
        if std::mem::replace(&mut column.last, row) == row {
            return;
        }
        self.values += 1;
        self.count(if let FieldRef::Text(text) = value { text.len() } else { 8 });
        if let Some(value) = self.not_constant(at, value, place) {
            if let Value::Text(place) = value {
                self.filter.value(body(&self.text, place));
            }
            self.columns[at].push(row, value);
        }
    }

    fn new_column(&mut self, name: &Arc<str>, origin: Origin, kind: Type) -> usize {
        let values = match kind {
            Type::Text => Values::Text(Vec::new()),
            Type::Int => Values::Int(Vec::new()),
            Type::Float => Values::Float(Vec::new()),
            Type::Bool => Values::Bool(Vec::new()),
        };
        let at = self.columns.len();
        self.by_name.entry(Arc::clone(name)).or_default().push(at);
        let (name, rows, late) = (Arc::clone(name), Vec::new(), Vec::new());
        self.columns.push(Column { name, origin, rows, values, late, last: NO_ROW, next: at + 1 });
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
        let mut sections = match self.sections.take() {
            Some(sections) => sections,
            None => Sections::new(level)?,
        };
        sections.clear();
        let mut raw = std::mem::take(&mut self.scratch);
        raw.clear();
        self.write_times(&mut raw);
        sections.add(Kind::Times, false, &raw)?;
        self.sort_by_template();
        raw.clear();
        let mut sink = std::mem::take(&mut self.sink);
        let (whole, pools) = self.write_messages(&mut raw, &mut sink);
        sections.add(Kind::Templates, false, &raw)?;
        raw.clear();
        ints::put_u32(&self.ids, &mut raw);
        sections.add_pieces(Kind::Ids, &raw, &self.cuts_by_run(&raw))?;
        sections.add_pieces(Kind::Numbers, &sink.numbers, &sink.cuts)?;
        if let Some(pools) = pools {
            sections.add_pieces(Kind::Pools, &pools.numbers, &pools.cuts)?;
        }
        sections.add(Kind::Letters, false, &sink.letters)?;
        if let Some(digits) = sink.digits.take().filter(|digits| !digits.is_empty()) {
            sections.add_as_is(Kind::Digits, &digits);
        }
        if let Some(whole) = whole {
            sections.add(Kind::Whole, false, &whole)?;
        }
        let told = self.told_by_column();
        let mut columns = std::mem::take(&mut self.columns);
        let mut tallies = Tallies::new(&self.runs, &self.times, &self.ids);
        for (column, told) in columns.iter_mut().zip(&told) {
            let kind = Kind::Field(Arc::clone(&column.name), column.origin, column.kind());
            raw.clear();
            column.settle();
            let is_told = self.write_column(column, told, &mut raw, &mut sink);
            self.tally(column, told, sections.list.len(), &mut tallies);
            sections.add(kind, is_told, &raw)?;
        }
        if self.rest_count > 0 {
            raw.clear();
            put_u64(&mut raw, self.rest_count);
            raw.extend_from_slice(&self.rest);
            sections.add(Kind::Rest, false, &raw)?;
        }
        if let Some(raw) = tallies.finish() {
            sections.add(Kind::Tallies, false, &raw)?;
        }
        if let Some(filter) = self.words() {
            sections.add_as_is(Kind::Words, &filter);
        }
        if let Some(filter) = self.filter.finish(sections.bytes.len()) {
            sections.add_as_is(Kind::Filter, &filter);
        }
        let head =
            Head { runs: std::mem::take(&mut self.runs), sections: std::mem::take(&mut sections.list) };
        let mut bytes = head.write();
        let (head_len, head_crc) = (bytes.len() as u32, crc32fast::hash(&bytes));
        bytes.extend_from_slice(&sections.bytes);
        (self.scratch, self.sink, self.sections) = (raw, sink, Some(sections));
        self.clear();
        Ok(Finished { head_len, head_crc, bytes, runs: head.runs })
    }

    /// Where bytes of the rows of other runs begin: each program has templates of its own.
    fn cuts_by_run(&self, ids: &[u8]) -> Vec<usize> {
        let mut planes = Vec::new();
        ints::cuts(ids, 0, self.ids.len(), &mut planes);
        planes.pop();
        let mut cuts = Vec::new();
        for plane in planes {
            cuts.push(plane);
            cuts.extend(self.runs.iter().scan(plane, |at, run| {
                *at += run.rows as usize;
                Some(*at)
            }));
        }
        cuts
    }

    /// The filter of the words of templates and of messages without one.
    fn words(&mut self) -> Option<Vec<u8>> {
        for template in &self.order.kept {
            let (start, len) = self.templates[*template as usize].text;
            self.words.add(&self.template_text[start as usize..(start + len) as usize]);
        }
        for row in self.order.whole() {
            self.words.add(body(&self.text, self.bodies[*row as usize]));
        }
        self.words.finish()
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
        self.before.clear();
        self.same.clear();
        self.told.clear();
        self.template_text.clear();
        self.known.clear();
        self.shapes.clear();
        self.runs.clear();
        self.columns.clear();
        self.by_name.clear();
        self.rest.clear();
        (self.rest_count, self.rest_row, self.values, self.messages) = (0, 0, 0, 0);
        (self.first_column, self.last_column) = (0, None);
    }
}

fn body(text: &[u8], place: Place) -> &[u8] {
    &text[place.start as usize..(place.start + place.len) as usize]
}

impl Column {
    /// Adds a value of the column's type.
    fn push(&mut self, row: u32, value: Value) {
        match (&mut self.values, value) {
            (Values::Text(all), Value::Text(value)) => all.push(value),
            (Values::Int(all), Value::Int(value)) => all.push(value),
            (Values::Float(all), Value::Float(value)) => all.push(value),
            (Values::Bool(all), Value::Bool(value)) => all.push(value),
            // Columns are chosen by the types of values.
            _ => return,
        }
        self.rows.push(row);
    }

    /// Forgets its values.
    fn forget(&mut self) {
        self.rows.clear();
        match &mut self.values {
            Values::Text(all) => all.clear(),
            Values::Int(all) => all.clear(),
            Values::Float(all) => all.clear(),
            Values::Bool(all) => all.clear(),
        }
    }

    fn value(&self, at: usize) -> Value {
        match &self.values {
            Values::Text(all) => Value::Text(all[at]),
            Values::Int(all) => Value::Int(all[at]),
            Values::Float(all) => Value::Float(all[at]),
            Values::Bool(all) => Value::Bool(all[at]),
        }
    }

    fn kind(&self) -> Type {
        match &self.values {
            Values::Text(_) => Type::Text,
            Values::Int(_) => Type::Int,
            Values::Float(_) => Type::Float,
            Values::Bool(_) => Type::Bool,
        }
    }
}
