//! Records on their way in: rows over one arena.

use std::collections::HashMap;
use std::ops::Range;

use crate::labels::Labels;

/// Where a field comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// The sender gave it beside the message (Loki's structured metadata, OTLP attributes, fields of a JSON event).
    Sent,
    /// It was found in the message.
    Detected,
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldRef<'a> {
    /// Text.
    Text(&'a str),
    /// Signed integer.
    Int(i64),
    /// Float; keeps its bits.
    Float(f64),
    /// Boolean.
    Bool(bool),
}

/// A stream of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamIndex(u32);

impl StreamIndex {
    /// Its place in [`Records::streams`].
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// The name of a field of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NameIndex(u32);

/// A place in the arena.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Text(Place),
    Int(i64),
    Float(f64),
    Bool(bool),
}

#[derive(Debug, Clone, Copy)]
struct Field {
    name: u32,
    origin: Origin,
    value: Value,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    time_ns: i64,
    stream: u32,
    body: Place,
    fields_end: u32,
}

/// A batch of records. Clearing it keeps its memory.
#[derive(Debug, Clone, Default)]
pub struct Records {
    text: String,
    rows: Vec<Head>,
    fields: Vec<Field>,
    streams: Vec<Labels>,
    known: HashMap<Labels, u32>,
    names: Vec<String>,
    /// Places of names, once there are more than a look through them all should cost.
    many: HashMap<String, u32>,
}

/// Up to here names are found by looking through them.
const FEW_NAMES: usize = 32;

/// One record of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    records: &'a Records,
    index: usize,
}

impl Records {
    /// The most bytes a batch holds, messages and fields together: places in the arena have 32 bits.
    pub const MOST_BYTES: usize = 1 << 30;

    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
        self.fields.clear();
        self.streams.clear();
        self.known.clear();
        self.names.clear();
        self.many.clear();
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many fields the records have together.
    pub fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// Messages and text fields, in the order in which they were added, one behind the other.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes of messages and of text fields that are no parts of them.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Roughly what it takes in memory, for reservations.
    pub fn memory(&self) -> usize {
        self.text.capacity()
            + self.rows.capacity() * size_of::<Head>()
            + self.fields.capacity() * size_of::<Field>()
            + self.streams.iter().map(|s| s.canonical().len() + 64).sum::<usize>()
    }

    /// Whether `more` bytes still fit.
    #[inline]
    pub fn has_room(&self, more: usize) -> bool {
        self.text.len() + more <= Self::MOST_BYTES
    }

    /// Names a stream; the same labels get the same index.
    pub fn stream(&mut self, labels: &Labels) -> StreamIndex {
        if let Some(&at) = self.known.get(labels) {
            return StreamIndex(at);
        }
        let at = self.streams.len() as u32;
        self.streams.push(labels.clone());
        self.known.insert(labels.clone(), at);
        StreamIndex(at)
    }

    /// Adds a record; [`field`](Self::field) then adds to it. Whoever adds asks [`has_room`](Self::has_room) before.
    #[inline]
    pub fn push(&mut self, stream: StreamIndex, time_ns: i64, body: &str) {
        let body = self.put(body);
        let fields_end = self.fields.len() as u32;
        self.rows.push(Head { time_ns, stream: stream.0, body, fields_end });
    }

    /// Adds a field to the record added last; without one nothing happens. A name that the record has already is the
    /// caller's to avoid: the first one counts.
    #[inline]
    pub fn field(&mut self, name: &str, origin: Origin, value: FieldRef<'_>) {
        if self.rows.is_empty() {
            return;
        }
        let name = NameIndex(self.name(name));
        self.field_named(name, origin, value);
    }

    /// Names a field, for [`field_named`](Self::field_named): whoever adds the same fields again and again need not look
    /// for their names each time.
    pub fn name_index(&mut self, name: &str) -> NameIndex {
        NameIndex(self.name(name))
    }

    /// As [`field`](Self::field), by the index of a name of this batch.
    #[inline]
    pub fn field_named(&mut self, name: NameIndex, origin: Origin, value: FieldRef<'_>) {
        let value = match value {
            FieldRef::Text(text) => Value::Text(self.put(text)),
            FieldRef::Int(int) => Value::Int(int),
            FieldRef::Float(float) => Value::Float(float),
            FieldRef::Bool(bool) => Value::Bool(bool),
        };
        self.add(name, origin, value);
    }

    /// Adds a text field that is a part of the message of the record added last: it is not copied. What is no part of it
    /// (out of range, or within a character) is not added.
    #[inline]
    pub fn field_part(&mut self, name: NameIndex, origin: Origin, part: Range<usize>) {
        let Some(body) = self.rows.last().map(|row| row.body) else { return };
        if self.text_at(body).get(part.clone()).is_some() {
            let place = Place { start: body.start + part.start as u32, end: body.start + part.end as u32 };
            self.add(name, origin, Value::Text(place));
        }
    }

    #[inline]
    fn add(&mut self, name: NameIndex, origin: Origin, value: Value) {
        let Some(row) = self.rows.last_mut() else { return };
        self.fields.push(Field { name: name.0, origin, value });
        row.fields_end = self.fields.len() as u32;
    }

    /// The streams that were named, in that order.
    pub fn streams(&self) -> &[Labels] {
        &self.streams
    }

    /// The names of fields, in the order in which they first came.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A record by its row.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Row<'_>> {
        (index < self.rows.len()).then_some(Row { records: self, index })
    }

    /// All records, in the order in which they were added.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.rows.len()).map(|index| Row { records: self, index })
    }

    #[inline]
    fn put(&mut self, text: &str) -> Place {
        debug_assert!(self.has_room(text.len()), "ask has_room before adding");
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Place { start, end: self.text.len() as u32 }
    }

    // A batch has few names, and a record's follow one another as in the record before: looking from the one used last
    // finds most at once.
    fn name(&mut self, name: &str) -> u32 {
        let after = self.fields.last().map_or(0, |f| f.name as usize + 1);
        let names = &self.names;
        if names.get(after).is_some_and(|n| n == name) {
            return after as u32;
        }
        let found = match names.len() {
            ..=FEW_NAMES => names.iter().position(|n| n == name).map(|at| at as u32),
            _ => self.many.get(name).copied(),
        };
        if let Some(at) = found {
            return at;
        }
        let at = self.names.len() as u32;
        self.names.push(name.to_owned());
        if self.names.len() == FEW_NAMES + 1 {
            self.many = self.names.iter().cloned().zip(0..).collect();
        } else if self.names.len() > FEW_NAMES {
            self.many.insert(name.to_owned(), at);
        }
        at
    }

    #[inline]
    fn text_at(&self, place: Place) -> &str {
        &self.text[place.start as usize..place.end as usize]
    }

    #[inline]
    fn fields_of(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.rows[before].fields_end as usize);
        start..self.rows[index].fields_end as usize
    }
}

impl<'a> Row<'a> {
    /// Nanoseconds since the Unix epoch.
    #[inline]
    pub fn time_ns(&self) -> i64 {
        self.records.rows[self.index].time_ns
    }

    /// Its stream.
    #[inline]
    pub fn stream(&self) -> StreamIndex {
        StreamIndex(self.records.rows[self.index].stream)
    }

    /// Its stream's labels.
    #[inline]
    pub fn labels(&self) -> &'a Labels {
        &self.records.streams[self.stream().get()]
    }

    /// The message.
    #[inline]
    pub fn body(&self) -> &'a str {
        self.records.text_at(self.records.rows[self.index].body)
    }

    /// Bytes of its message and of its fields, a number counted as 8.
    #[inline]
    pub fn text_bytes(&self) -> usize {
        let records = self.records;
        let text = |field: &Field| match field.value {
            Value::Text(place) => (place.end - place.start) as usize,
            _ => 8,
        };
        let fields = &records.fields[records.fields_of(self.index)];
        self.body().len() + fields.iter().map(text).sum::<usize>()
    }

    /// Its fields, in the order in which they were added.
    #[inline]
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Origin, FieldRef<'a>)> {
        let records = self.records;
        records.fields[records.fields_of(self.index)].iter().map(move |field| {
            let value = match field.value {
                Value::Text(place) => FieldRef::Text(records.text_at(place)),
                Value::Int(int) => FieldRef::Int(int),
                Value::Float(float) => FieldRef::Float(float),
                Value::Bool(bool) => FieldRef::Bool(bool),
            };
            (records.names[field.name as usize].as_str(), field.origin, value)
        })
    }

    /// Where in the message the texts of fields stand that are parts of it, field by field as [`fields`](Self::fields) gives
    /// them.
    #[inline]
    pub fn parts(&self) -> impl Iterator<Item = Option<Range<usize>>> {
        let records = self.records;
        let body = records.rows[self.index].body;
        records.fields[records.fields_of(self.index)].iter().map(move |field| match field.value {
            Value::Text(place) if place.start >= body.start && place.end <= body.end => {
                Some((place.start - body.start) as usize..(place.end - body.start) as usize)
            }
            _ => None,
        })
    }

    /// Where the field's name stands in [`Records::names`], field by field as [`fields`](Self::fields) gives them.
    #[inline]
    pub fn field_names(&self) -> impl Iterator<Item = usize> {
        let records = self.records;
        records.fields[records.fields_of(self.index)].iter().map(|field| field.name as usize)
    }

    /// The value of a field, by its name.
    #[inline]
    pub fn field(&self, name: &str) -> Option<FieldRef<'a>> {
        self.fields().find(|(n, ..)| *n == name).map(|(.., value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_messages_are_fields() {
        let mut records = Records::new();
        let web = records.stream(&Labels::empty());
        records.push(web, 1, "before");
        records.push(web, 2, "GET 끝");
        let (method, other) = (records.name_index("method"), records.name_index("other"));
        records.field_part(method, Origin::Detected, 0..3);
        records.field("status", Origin::Detected, FieldRef::Int(7));
        records.field_part(other, Origin::Detected, 0..5);
        records.field_part(other, Origin::Detected, 0..9);
        records.field("own", Origin::Detected, FieldRef::Text("끝"));
        let row = records.get(1).unwrap();
        assert_eq!(row.fields().map(|(name, ..)| name).collect::<Vec<_>>(), ["method", "status", "own"]);
        assert_eq!(row.field("method"), Some(FieldRef::Text("GET")));
        assert_eq!(row.parts().collect::<Vec<_>>(), [Some(0..3), None, None]);
        assert_eq!(records.field_count(), 3);
    }

    #[test]
    fn rows_keep_what_was_added() {
        let mut records = Records::new();
        let web = records.stream(&Labels::from_pairs([("app", "web")]));
        let db = records.stream(&Labels::from_pairs([("app", "db")]));
        assert_eq!(records.stream(&Labels::from_pairs([("app", "web")])), web);
        records.push(web, 7, "GET /");
        records.field("status", Origin::Detected, FieldRef::Int(200));
        records.field("path", Origin::Sent, FieldRef::Text("/"));
        records.push(db, 8, "");
        records.push(web, 9, "끝");
        records.field("path", Origin::Sent, FieldRef::Text("/x"));

        let rows: Vec<_> = records.iter().collect();
        assert_eq!(rows[0].body(), "GET /");
        assert_eq!(
            rows[0].fields().collect::<Vec<_>>(),
            [("status", Origin::Detected, FieldRef::Int(200)), ("path", Origin::Sent, FieldRef::Text("/"))]
        );
        assert_eq!((rows[1].time_ns(), rows[1].body(), rows[1].fields().count()), (8, "", 0));
        assert_eq!(rows[1].labels().get("app"), Some("db"));
        assert_eq!(rows[2].field("path"), Some(FieldRef::Text("/x")));
        assert_eq!(rows[2].field("status"), None);
        assert_eq!(records.names(), ["status", "path"]);
        assert_eq!(rows[0].parts().collect::<Vec<_>>(), [None, None]);
        assert_eq!(rows[2].field_names().collect::<Vec<_>>(), [1]);

        for round in 0..2 {
            for n in (0..100).rev() {
                records.push(web, round, "");
                records.field(&format!("f{n}"), Origin::Sent, FieldRef::Int(n));
            }
        }
        assert_eq!(records.names().len(), 102);
        assert!(records.iter().skip(3).all(|row| row.field_names().count() == 1));
        let row = records.get(3 + 100 + 41).unwrap();
        assert_eq!((row.time_ns(), row.field("f58")), (1, Some(FieldRef::Int(58))));

        records.clear();
        assert!(records.is_empty() && records.streams().is_empty() && records.names().is_empty());
    }
}
