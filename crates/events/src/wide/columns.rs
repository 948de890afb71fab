//! Putting columns together row by row.

use std::collections::HashMap;
use std::sync::Arc;

use model::Labels;
use model::records::{ABSENT, Columns, FieldColumn, FieldRef, Origin, TextColumn, Values};

/// The types of values; fields of one name that differ in it are columns of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Type {
    Text,
    Int,
    Float,
    Bool,
}

impl Type {
    pub(super) fn of(value: &FieldRef<'_>) -> Self {
        match value {
            FieldRef::Text(_) => Self::Text,
            FieldRef::Int(_) => Self::Int,
            FieldRef::Float(_) => Self::Float,
            FieldRef::Bool(_) => Self::Bool,
        }
    }

    pub(super) fn of_values(values: &Values) -> Self {
        match values {
            Values::Text(_) => Self::Text,
            Values::Int(..) => Self::Int,
            Values::Float(..) => Self::Float,
            Values::Bool(_) => Self::Bool,
        }
    }

    pub(super) fn empty(self) -> Values {
        match self {
            Self::Text => Values::Text(TextColumn::default()),
            Self::Int => Values::Int(Vec::new(), Vec::new()),
            Self::Float => Values::Float(Vec::new(), Vec::new()),
            Self::Bool => Values::Bool(Vec::new()),
        }
    }
}

/// Makes a column `rows` long; the new ones have no value.
pub(super) fn pad(values: &mut Values, rows: usize) {
    match values {
        Values::Text(column) => column.ids.resize(rows, ABSENT),
        Values::Int(values, there) => {
            values.resize(rows, 0);
            there.resize(rows, false);
        }
        Values::Float(values, there) => {
            values.resize(rows, 0.0);
            there.resize(rows, false);
        }
        Values::Bool(values) => values.resize(rows, None),
    }
}

/// Adds a value for one more row. One of another type is left out: whoever adds chose the column by type.
pub(super) fn push(values: &mut Values, value: FieldRef<'_>) {
    match (values, value) {
        (Values::Text(column), FieldRef::Text(text)) => push_text(column, text),
        (Values::Int(values, there), FieldRef::Int(int)) => {
            values.push(int);
            there.push(true);
        }
        (Values::Float(values, there), FieldRef::Float(float)) => {
            values.push(float);
            there.push(true);
        }
        (Values::Bool(values), FieldRef::Bool(bool)) => values.push(Some(bool)),
        _ => {}
    }
}

/// A text that follows itself is there once.
pub(super) fn push_text(column: &mut TextColumn, text: &str) {
    let words = column.words.len() as u32;
    if words > 0 && column.words.get(words - 1) == text {
        column.ids.push(words - 1);
    } else {
        column.push(text);
    }
}

/// Columns under construction from rows whose names have numbers.
pub(super) struct Builder {
    columns: Columns,
    by_name: HashMap<(u32, Origin, Type), usize>,
    streams: HashMap<u32, u32>,
}

impl Builder {
    pub(super) fn new(body: bool) -> Self {
        let columns = Columns { body: body.then(TextColumn::default), exact: true, ..Columns::default() };
        Self { columns, by_name: HashMap::new(), streams: HashMap::new() }
    }

    /// A new row.
    pub(super) fn row(&mut self, time_ns: i64, stream: u32, labels: impl FnOnce() -> Labels, body: &str) {
        let streams = &mut self.columns.streams;
        let at = *self.streams.entry(stream).or_insert_with(|| {
            streams.push(labels());
            (streams.len() - 1) as u32
        });
        self.columns.times.push(time_ns);
        self.columns.stream.push(at);
        if let Some(column) = &mut self.columns.body {
            column.push(body);
        }
    }

    /// A field of the row added last.
    pub(super) fn field(&mut self, name: (u32, &Arc<str>), origin: Origin, value: FieldRef<'_>) {
        let fields = &mut self.columns.fields;
        let kind = Type::of(&value);
        let at = *self.by_name.entry((name.0, origin, kind)).or_insert_with(|| {
            fields.push(FieldColumn { name: Arc::clone(name.1), origin, values: kind.empty() });
            fields.len() - 1
        });
        let before = self.columns.times.len() - 1;
        let values = &mut fields[at].values;
        if rows_of(values) <= before {
            pad(values, before);
            push(values, value);
        }
    }

    pub(super) fn finish(mut self) -> Columns {
        let rows = self.columns.times.len();
        self.columns.fields.iter_mut().for_each(|f| pad(&mut f.values, rows));
        self.columns
    }
}

/// How many rows a column has.
pub(super) fn rows_of(values: &Values) -> usize {
    match values {
        Values::Text(column) => column.ids.len(),
        Values::Int(values, _) => values.len(),
        Values::Float(values, _) => values.len(),
        Values::Bool(values) => values.len(),
    }
}

/// Roughly what columns take in memory.
pub(super) fn memory(columns: &Columns) -> u64 {
    let text = |c: &TextColumn| c.words.bytes() + (c.words.len() + c.ids.len()) * 4;
    let values = |values: &Values| match values {
        Values::Text(column) => text(column),
        other => rows_of(other) * 9,
    };
    let fields: usize = columns.fields.iter().map(|f| 64 + values(&f.values)).sum();
    (columns.len() * 12 + columns.body.as_ref().map_or(0, text) + fields) as u64
}
