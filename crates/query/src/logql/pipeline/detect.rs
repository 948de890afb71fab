//! Which fields lines have: for pages that offer them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::Labels;
use model::labels::is_plain_label_name;

use super::entry::sanitized;
use super::{json, logfmt};
use crate::logql::engine::LogEntry;
use crate::logql::units::{parse_bytes, parse_duration};

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldKind {
    /// Texts.
    String,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// `true` and `false`.
    Boolean,
    /// `1.5s`
    Duration,
    /// `10KB`
    Bytes,
}

impl FieldKind {
    /// As Loki names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Bytes => "bytes",
        }
    }

    fn of(value: &str) -> Self {
        if value.parse::<i64>().is_ok() {
            Self::Int
        } else if value.parse::<f64>().is_ok() && value.bytes().any(|b| b.is_ascii_digit()) {
            Self::Float
        } else if matches!(value, "true" | "false") {
            Self::Boolean
        } else if parse_duration(value).is_some() {
            Self::Duration
        } else if parse_bytes(value).is_some() {
            Self::Bytes
        } else {
            Self::String
        }
    }
}

/// A field of some lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundField {
    /// What its values are; texts where they differ.
    pub kind: FieldKind,
    /// Its values, at most as many as [`Fields::new`] says.
    pub values: BTreeSet<String>,
    /// The parsers that find it (`json`, `logfmt`); none for labels that came beside the lines.
    pub parsers: BTreeSet<&'static str>,
}

/// The fields of some lines.
#[derive(Debug, Clone)]
pub struct Fields {
    found: BTreeMap<String, FoundField>,
    most_fields: usize,
    most_values: usize,
}

impl Fields {
    /// At most so many fields, with at most so many values of each.
    pub fn new(most_fields: usize, most_values: usize) -> Self {
        Self { found: BTreeMap::new(), most_fields, most_values }
    }

    /// Adds those of a line of a stream.
    pub fn add(&mut self, stream: &Labels, entry: &LogEntry) {
        for (name, value) in entry.structured.iter().chain(entry.detected.iter()) {
            self.one(name, value, None);
        }
        let mut pairs: Vec<(String, Cow<'_, str>)> = Vec::new();
        let json = entry.line.trim_start().starts_with('{')
            && json::all(&entry.line, &mut |name, value| pairs.push((name.to_owned(), value))).is_ok();
        let parser = if json { "json" } else { "logfmt" };
        if !json {
            pairs.clear();
            // Only what is written as a pair: a word is no field.
            let _ = logfmt::all(&entry.line, false, false, &mut |name, value| {
                if is_plain_label_name(name) {
                    pairs.push((name.to_owned(), value));
                }
            });
        }
        for (name, value) in pairs {
            let name = sanitized(&name);
            let taken = stream.get(&name).is_some() || entry.structured.get(&name).is_some();
            match taken {
                true => self.one(&format!("{name}_extracted"), &value, Some(parser)),
                false => self.one(&name, &value, Some(parser)),
            }
        }
    }

    fn one(&mut self, name: &str, value: &str, parser: Option<&'static str>) {
        if name.is_empty() || value.is_empty() {
            return;
        }
        if !self.found.contains_key(name) {
            if self.found.len() >= self.most_fields {
                return;
            }
            let kind = FieldKind::of(value);
            let field = FoundField { kind, values: BTreeSet::new(), parsers: BTreeSet::new() };
            self.found.insert(name.to_owned(), field);
        }
        let Some(field) = self.found.get_mut(name) else { return };
        field.parsers.extend(parser);
        field.kind = match (field.kind, FieldKind::of(value)) {
            (a, b) if a == b => a,
            (FieldKind::Int | FieldKind::Float, FieldKind::Int | FieldKind::Float) => FieldKind::Float,
            _ => FieldKind::String,
        };
        if field.values.len() < self.most_values && !field.values.contains(value) {
            field.values.insert(value.to_owned());
        }
    }

    /// The fields by name.
    pub fn found(&self) -> &BTreeMap<String, FoundField> {
        &self.found
    }
}
