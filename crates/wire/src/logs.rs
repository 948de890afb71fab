//! What decoders of logs share: rows are put into a batch within [`Limits`], and what does not fit is counted.
//!
//! A decoder gives each record a stream (few, stable labels), a time, a message, and the rest as fields of
//! [`Origin::Sent`]. Nested values become fields with dots in their names; lists become JSON.

mod event;
mod frames;
mod time;

use std::borrow::Cow;

use model::Labels;
use model::records::{FieldRef, NO_TIME, Origin, Records, StreamIndex};

use crate::tree::Tree;
pub use event::Shape;
pub use frames::{Frames, Framing};
pub(crate) use time::{
    date_of, of_number as time_of_number, of_parts as time_of_parts, of_rfc3339 as time_of_rfc3339,
    of_tree as time_of_tree,
};

/// The field of a message that was cut: how many bytes are missing.
pub const CUT_BYTES: &str = "cut_bytes";

/// Bounds on a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message; what is longer is cut there.
    pub line_bytes: usize,
    /// Fields of a record; more are left out.
    pub fields: usize,
    /// Bytes of a field's text; what is longer is cut there.
    pub field_bytes: usize,
    /// Bytes of a field's name; a longer one is cut there.
    pub name_bytes: usize,
    /// Bytes of a stream label's value; a longer one is cut there.
    pub label_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_bytes: 256 << 10, fields: 256, field_bytes: 32 << 10, name_bytes: 256, label_bytes: 1024 }
    }
}

/// What was not kept of records that were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages that were cut.
    pub cut_lines: u64,
    /// Fields that were cut or left out.
    pub cut_fields: u64,
    /// Records that no longer fit into the batch.
    pub no_room: u64,
}

/// Puts rows into a batch.
#[derive(Debug)]
pub struct Rows<'r> {
    records: &'r mut Records,
    limits: Limits,
    now_ns: i64,
    fields: usize,
    /// Whether the record begun last was put in.
    open: bool,
    /// The stream of the record begun last: most follow others of theirs.
    last: Option<(Labels, StreamIndex)>,
    json: String,
    /// What was not kept.
    pub report: Report,
}

impl<'r> Rows<'r> {
    /// Rows go into `records`, behind what is there. `now_ns` helps to read times without a year.
    pub fn new(records: &'r mut Records, limits: Limits, now_ns: i64) -> Self {
        Self {
            records,
            limits,
            now_ns,
            fields: 0,
            open: false,
            last: None,
            json: String::new(),
            report: Report::default(),
        }
    }

    /// How many records the batch has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the batch has no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The present, in nanoseconds.
    pub fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// Begins a record; without a time it gets [`NO_TIME`]. Line ends behind the message are no part of it.
    pub fn begin(&mut self, stream: &Labels, time_ns: Option<i64>, message: &str) {
        let message = message.trim_end_matches(['\n', '\r']);
        let kept = cut(message, self.limits.line_bytes);
        self.fields = 0;
        self.open = self.records.has_room(kept.len());
        if !self.open {
            self.report.no_room += 1;
            return;
        }
        let stream = match &self.last {
            Some((last, index)) if last == stream => *index,
            _ => {
                let index = self.records.stream(stream);
                self.last = Some((stream.clone(), index));
                index
            }
        };
        self.records.push(stream, time_ns.unwrap_or(NO_TIME), kept);
        if kept.len() < message.len() {
            self.report.cut_lines += 1;
            let missing = i64::try_from(message.len() - kept.len()).unwrap_or(i64::MAX);
            self.field(CUT_BYTES, FieldRef::Int(missing));
        }
    }

    /// Adds a field to the record begun last.
    pub fn field(&mut self, name: &str, value: FieldRef<'_>) {
        if !self.open || name.is_empty() {
            return;
        }
        let name = match cut(name, self.limits.name_bytes) {
            kept if kept.len() < name.len() => {
                self.report.cut_fields += 1;
                kept
            }
            name => name,
        };
        let size = name.len() + if let FieldRef::Text(text) = value { text.len() } else { 0 };
        if self.fields == self.limits.fields || !self.records.has_room(size) {
            self.report.cut_fields += 1;
            return;
        }
        self.fields += 1;
        let value = match value {
            FieldRef::Text(text) if text.len() > self.limits.field_bytes => {
                self.report.cut_fields += 1;
                FieldRef::Text(cut(text, self.limits.field_bytes))
            }
            value => value,
        };
        self.records.field(name, Origin::Sent, value);
    }

    /// Adds a text, unless it is empty.
    pub fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.field(name, FieldRef::Text(text));
        }
    }

    /// Adds a value of any shape: maps as several fields, lists as JSON, nulls not at all.
    pub fn tree(&mut self, name: &str, tree: &Tree<'_>) {
        match tree {
            Tree::Null => {}
            Tree::Bool(bool) => self.field(name, FieldRef::Bool(*bool)),
            Tree::Int(int) => self.field(name, FieldRef::Int(*int)),
            Tree::Float(float) => self.field(name, FieldRef::Float(*float)),
            Tree::Text(text) => self.text(name, text),
            Tree::List(_) => {
                let mut json = std::mem::take(&mut self.json);
                json.clear();
                tree.write_json(&mut json);
                self.text(name, &json);
                self.json = json;
            }
            Tree::Map(members) => {
                for (inner, value) in members {
                    if name.is_empty() {
                        self.tree(inner, value);
                    } else {
                        let most = self.limits.name_bytes;
                        let full = format!("{}.{}", cut(name, most), cut(inner, most));
                        self.tree(&full, value);
                    }
                }
            }
        }
    }

    /// A value as a stream label may have it.
    pub fn label<'a>(&self, value: &'a str) -> &'a str {
        cut(value.trim(), self.limits.label_bytes)
    }
}

/// The first `most` bytes, or fewer where a character would be cut.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Bytes as text; what is no UTF-8 becomes U+FFFD.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let mut records = Records::new();
        let limits = Limits { line_bytes: 4, fields: 3, field_bytes: 3, name_bytes: 2, ..Limits::default() };
        let mut rows = Rows::new(&mut records, limits, 9);
        let stream = Labels::from_pairs([("a", "b")]);
        rows.begin(&stream, None, "끝끝\r\n");
        rows.tree("", &Tree::of_json(br#"{"x":"abcd","abc":1,"z":2,"n":null}"#).unwrap());
        rows.begin(&stream, Some(1), "ok\n");
        assert_eq!(rows.report, Report { cut_lines: 1, cut_fields: 4, no_room: 0 });
        let row = records.get(0).unwrap();
        assert_eq!((row.body(), row.time_ns(), row.field("cu")), ("끝", NO_TIME, Some(FieldRef::Int(3))));
        assert_eq!((row.field("x"), row.field("ab")), (Some(FieldRef::Text("abc")), Some(FieldRef::Int(1))));
        assert_eq!(row.field("z"), None);
        let row = records.get(1).unwrap();
        assert_eq!((row.body(), row.fields().count()), ("ok", 0));
    }
}
