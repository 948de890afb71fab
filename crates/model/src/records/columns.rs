//! Records on their way out: columns over arenas.

use std::sync::Arc;

use crate::labels::Labels;
use crate::records::rows::{FieldRef, Origin};

/// In a list of ids: the record has no value.
pub const ABSENT: u32 = u32::MAX;

/// Many texts in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    /// Adds one and gives its place.
    pub fn push(&mut self, text: &str) -> u32 {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        (self.ends.len() - 1) as u32
    }

    /// The text at a place; empty where there is none.
    pub fn get(&self, at: u32) -> &str {
        let at = at as usize;
        let Some(&end) = self.ends.get(at) else { return "" };
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..end as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// A text for each record: what repeats may be there once ([`words`](Self::words)), so that a caller may work by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextColumn {
    /// The texts. Two may be equal.
    pub words: Strings,
    /// For each record its text, or [`ABSENT`].
    pub ids: Vec<u32>,
}

impl TextColumn {
    /// The text of a record.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.ids.get(row).filter(|&&id| id != ABSENT).map(|&id| self.words.get(id))
    }

    /// Adds a text for one more record.
    pub fn push(&mut self, text: &str) {
        let id = self.words.push(text);
        self.ids.push(id);
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.words.clear();
        self.ids.clear();
    }
}

/// The values of a field, one for each record of the batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Texts.
    Text(TextColumn),
    /// Integers, and which records have one.
    Int(Vec<i64>, Vec<bool>),
    /// Floats, and which records have one.
    Float(Vec<f64>, Vec<bool>),
    /// Booleans, where there are any.
    Bool(Vec<Option<bool>>),
}

/// A field of a batch. Values of one name that differ in type or origin are columns of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldColumn {
    /// The field's name.
    pub name: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its values.
    pub values: Values,
}

impl FieldColumn {
    /// The value of a record.
    pub fn get(&self, row: usize) -> Option<FieldRef<'_>> {
        match &self.values {
            Values::Text(column) => column.get(row).map(FieldRef::Text),
            Values::Int(values, there) => Some(FieldRef::Int(*values.get(row).filter(|_| there[row])?)),
            Values::Float(values, there) => Some(FieldRef::Float(*values.get(row).filter(|_| there[row])?)),
            Values::Bool(values) => (*values.get(row)?).map(FieldRef::Bool),
        }
    }
}

/// A batch of records of a scan.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// Nanoseconds since the Unix epoch.
    pub times: Vec<i64>,
    /// For each record its stream, as a place in `streams`.
    pub stream: Vec<u32>,
    /// The streams of the batch.
    pub streams: Vec<Labels>,
    /// The messages, where they were wanted.
    pub body: Option<TextColumn>,
    /// The fields that were wanted and that a record of the batch has.
    pub fields: Vec<FieldColumn>,
    /// Whether every record fulfils all of the scan's tests; otherwise whoever asked tests again.
    pub exact: bool,
}

impl Columns {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.times.clear();
        self.stream.clear();
        self.streams.clear();
        self.body = None;
        self.fields.clear();
        self.exact = false;
    }

    /// The labels of a record's stream.
    pub fn labels(&self, row: usize) -> &Labels {
        &self.streams[self.stream[row] as usize]
    }

    /// The message of a record; empty where messages were not wanted.
    pub fn body(&self, row: usize) -> &str {
        self.body.as_ref().and_then(|body| body.get(row)).unwrap_or_default()
    }

    /// The value of a field, what was sent before what was detected.
    pub fn field(&self, row: usize, name: &str) -> Option<FieldRef<'_>> {
        let of = |origin| {
            self.fields
                .iter()
                .filter(move |c| c.origin == origin && &*c.name == name)
                .find_map(|c| c.get(row))
        };
        of(Origin::Sent).or_else(|| of(Origin::Detected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_goes_before_what_was_detected() {
        let mut sent = TextColumn::default();
        sent.push("warn");
        sent.ids.push(ABSENT);
        let mut found = TextColumn::default();
        found.push("ERROR");
        found.push("INFO");
        let level =
            |origin, column| FieldColumn { name: "level".into(), origin, values: Values::Text(column) };
        let columns = Columns {
            times: vec![1, 2],
            stream: vec![0, 0],
            streams: vec![Labels::empty()],
            fields: vec![level(Origin::Detected, found), level(Origin::Sent, sent)],
            ..Columns::default()
        };
        assert_eq!(columns.field(0, "level"), Some(FieldRef::Text("warn")));
        assert_eq!(columns.field(1, "level"), Some(FieldRef::Text("INFO")));
        assert_eq!(columns.field(2, "level"), None);
        assert_eq!(columns.body(0), "");
    }
}
