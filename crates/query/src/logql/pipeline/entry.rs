//! A line on its way through a pipeline: its text, and its labels in layers over the labels of its stream.

use std::borrow::Cow;
use std::collections::BTreeSet;

use model::Labels;
use model::labels::{is_plain_label_name, put};
use model::records::{Columns, FieldRef, Origin, Values};

/// The label that a failed stage sets.
pub(crate) const ERROR: &str = "__error__";
/// What was wrong.
pub(crate) const ERROR_DETAILS: &str = "__error_details__";
/// Behind the name of a parsed label that the line had before.
pub(crate) const EXTRACTED: &str = "_extracted";
/// The level that was found in a line, as Loki names it.
pub(crate) const DETECTED_LEVEL: &str = "detected_level";
/// The most labels that are parsed of one line.
const MOST_PARSED: usize = 1_000;

/// Which labels somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    All,
    /// Only these.
    Names(BTreeSet<String>),
}

impl Wish {
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name),
        }
    }
}

impl Wish {
    /// Whether a glance at a name as it was found tells that nobody asks for it.
    fn rules_out(&self, found: &str) -> bool {
        // Neither what makes a name of it nor what is put behind one changes a letter at the beginning.
        let (Self::Names(names), Some(first)) = (self, found.bytes().next()) else { return false };
        first.is_ascii_alphabetic() && !names.iter().any(|name| name.as_bytes().first() == Some(&first))
    }

    /// Whether a label that is found under this name may be asked for, by whichever of its names.
    fn may_have(&self, name: &str) -> bool {
        let extracted = |asked: &String| asked.strip_suffix(EXTRACTED) == Some(name);
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(name) || names.iter().any(extracted),
        }
    }
}

/// Where a label of a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Sent beside the line.
    Structured,
    /// A stage set it.
    Parsed,
}

/// A line.
pub(crate) struct Entry<'a> {
    pub(crate) time_ns: i64,
    pub(crate) line: Cow<'a, str>,
    pub(crate) stream: &'a Labels,
    columns: &'a Columns,
    row: usize,
    set: Vec<(Cow<'a, str>, Cow<'a, str>, Layer)>,
    /// Labels of the stream that a stage took away.
    removed: Vec<String>,
    error: &'static str,
    details: String,
}

/// Which columns of a batch become labels.
pub(crate) struct Sent {
    columns: Vec<usize>,
    level: bool,
}

impl Sent {
    /// Those of `columns` that `wish` has.
    pub(crate) fn new(columns: &Columns, wish: &Wish) -> Self {
        let sent = |(at, column): (usize, &model::records::FieldColumn)| {
            // What was sent as `http.status` is asked for as `http_status`: names of LogQL have no dots.
            let wanted = wish.has(&column.name) || wish.has(&sanitized(&column.name));
            (column.origin == Origin::Sent && wanted).then_some(at)
        };
        Self {
            columns: columns.fields.iter().enumerate().filter_map(sent).collect(),
            level: wish.has(DETECTED_LEVEL),
        }
    }

    /// Whether the lines of the batch have no labels but those of their streams.
    pub(crate) fn is_nothing(&self, columns: &Columns) -> bool {
        self.columns.is_empty() && !(self.level && columns.fields.iter().any(|c| &*c.name == "level"))
    }
}

impl<'a> Entry<'a> {
    /// A line of a batch with the labels that it came with.
    pub(crate) fn new(columns: &'a Columns, row: usize, sent: &Sent) -> Self {
        let mut entry = Self {
            time_ns: columns.times[row],
            line: Cow::Borrowed(columns.body(row)),
            stream: columns.labels(row),
            columns,
            row,
            set: Vec::new(),
            removed: Vec::new(),
            error: "",
            details: String::new(),
        };
        for at in &sent.columns {
            let column = &columns.fields[*at];
            if let Some(value) = column.get(row) {
                let value = written(value);
                if !value.is_empty() {
                    entry.set.push((sanitized(&column.name), value, Layer::Structured));
                }
            }
        }
        if sent.level
            && entry.find(DETECTED_LEVEL).is_none()
            && let Some(level) = entry.detected("level")
        {
            let level = level.to_ascii_lowercase();
            entry.set.push((Cow::Borrowed(DETECTED_LEVEL), Cow::Owned(level), Layer::Structured));
        }
        entry
    }

    fn find(&self, name: &str) -> Option<&Cow<'a, str>> {
        self.set.iter().find(|(n, ..)| n == name).map(|(_, value, _)| value)
    }

    /// What was found in the line before it was stored.
    fn detected(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut found =
            self.columns.fields.iter().filter(|c| c.origin == Origin::Detected && &*c.name == name);
        found.find_map(|column| match &column.values {
            // Through the column, so that the text lives as long as the batch.
            Values::Text(texts) => texts.get(self.row).map(Cow::Borrowed),
            _ => column.get(self.row).map(written),
        })
    }

    /// The value of a label that the line has, set ones before those of the stream.
    pub(crate) fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.find(name) {
            return Some(Cow::Borrowed(value));
        }
        match name {
            ERROR => return (!self.error.is_empty()).then_some(Cow::Borrowed(self.error)),
            ERROR_DETAILS => return (!self.details.is_empty()).then_some(Cow::Borrowed(&*self.details)),
            _ => {}
        }
        if self.removed.iter().any(|removed| removed == name) {
            return None;
        }
        self.stream.get(name).map(Cow::Borrowed)
    }

    /// The value of a label, or of a field that was found in the line where it has no such label.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.label(name).or_else(|| match self.removed.iter().any(|removed| removed == name) {
            true => None,
            false => self.detected(name),
        })
    }

    /// Whether a stage failed.
    pub(crate) fn has_error(&self) -> bool {
        !self.error.is_empty()
    }

    /// The kind of the failure, or nothing.
    pub(crate) fn error(&self) -> &'static str {
        self.error
    }

    /// Notes that a stage failed.
    pub(crate) fn fail(&mut self, error: &'static str, details: String) {
        self.error = error;
        self.details = details;
    }

    /// A label that a parser found, if it is asked for.
    pub(crate) fn add_parsed(&mut self, wish: &Wish, name: &str, value: Cow<'a, str>) {
        if wish.rules_out(name) {
            return;
        }
        let plain = is_plain_label_name(name);
        let name = if plain { Cow::Borrowed(name) } else { sanitized(name) };
        if name.is_empty() || !wish.may_have(&name) {
            return;
        }
        let taken = self.is_taken(&name);
        let extracted;
        let name = if taken {
            extracted = format!("{name}{EXTRACTED}");
            &extracted
        } else {
            &*name
        };
        if !wish.has(name) || self.set.len() >= MOST_PARSED {
            return;
        }
        match self.set.iter_mut().find(|(n, ..)| n == name) {
            Some((_, old, layer)) => {
                *old = value;
                *layer = Layer::Parsed;
            }
            None => self.set.push((Cow::Owned(name.to_owned()), value, Layer::Parsed)),
        }
    }

    /// A label that a parser was asked for by this name.
    pub(crate) fn add_named(&mut self, name: &str, value: String) {
        let taken = self.is_taken(name);
        let name = if taken { format!("{name}{EXTRACTED}") } else { name.to_owned() };
        self.set_parsed(&name, value);
    }

    /// Whether the line came with this label.
    fn is_taken(&self, name: &str) -> bool {
        self.stream.get(name).is_some()
            || self.set.iter().any(|(n, _, layer)| n == name && *layer == Layer::Structured)
    }

    /// Sets a label.
    pub(crate) fn set_parsed(&mut self, name: &str, value: String) {
        self.removed.retain(|removed| removed != name);
        match self.set.iter_mut().find(|(n, ..)| n == name) {
            Some((_, old, layer)) => {
                *old = Cow::Owned(value);
                *layer = Layer::Parsed;
            }
            None => self.set.push((Cow::Owned(name.to_owned()), Cow::Owned(value), Layer::Parsed)),
        }
    }

    /// Takes a label away.
    pub(crate) fn remove(&mut self, name: &str) {
        match name {
            ERROR => self.error = "",
            ERROR_DETAILS => self.details.clear(),
            _ => {
                self.set.retain(|(n, ..)| n != name);
                if !self.removed.iter().any(|removed| removed == name) {
                    self.removed.push(name.to_owned());
                }
            }
        }
    }

    /// Takes away all labels but those that `keep` names; errors stay.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Self, &str) -> bool) {
        let gone: Vec<String> =
            self.pairs().filter(|(name, _)| !keep(self, name)).map(|p| p.0.to_owned()).collect();
        for name in gone {
            self.remove(&name);
        }
    }

    /// All labels but those of errors, in no order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let stream = self.stream.iter().filter(|(name, _)| {
            !self.removed.iter().any(|removed| removed == name) && !self.set.iter().any(|(n, ..)| n == name)
        });
        stream.chain(self.set.iter().map(|(name, value, _)| (&**name, &**value)))
    }

    /// The labels of one layer.
    pub(crate) fn layer(&self, wanted: Layer) -> Labels {
        let of_layer = self.set.iter().filter(|(.., layer)| *layer == wanted);
        let mut all: Vec<(&str, &str)> = of_layer.map(|(name, value, _)| (&**name, &**value)).collect();
        if wanted == Layer::Parsed {
            all.extend(self.errors());
        }
        Labels::from_pairs(all)
    }

    /// What was found in the line before it was stored, other than its level, which is a label.
    pub(crate) fn found_before(&self) -> Labels {
        let columns =
            self.columns.fields.iter().filter(|c| c.origin == Origin::Detected && &*c.name != "level");
        let found =
            columns.filter_map(|column| Some((&*column.name, written(column.get(self.row)?).into_owned())));
        Labels::from_pairs(found)
    }

    /// The labels of the stream that nothing took away or set anew.
    pub(crate) fn of_stream(&self) -> Labels {
        if self.set.is_empty() && self.removed.is_empty() {
            return self.stream.clone();
        }
        self.stream.filter(|name| {
            !self.removed.iter().any(|removed| removed == name) && !self.set.iter().any(|(n, ..)| n == name)
        })
    }

    fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        [(ERROR, self.error), (ERROR_DETAILS, self.details.as_str())]
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
    }

    /// All labels.
    pub(crate) fn labels(&self) -> Labels {
        if self.set.is_empty() && self.removed.is_empty() && !self.has_error() {
            return self.stream.clone();
        }
        Labels::from_pairs(self.pairs().chain(self.errors()))
    }

    /// Writes the canonical form of its labels of these names to `key`; what was found in the line counts where there is no
    /// such label. `names` must be sorted.
    pub(crate) fn group(&self, names: &[String], key: &mut String) {
        key.clear();
        for name in names {
            if let Some(value) = self.get(name).filter(|value| !value.is_empty()) {
                put(key, name);
                put(key, &value);
            }
        }
    }

    /// Writes the canonical form of its labels without these to `key`.
    pub(crate) fn group_without(&self, names: &[String], key: &mut String) {
        key.clear();
        let named = |name: &str| names.iter().any(|n| n == name);
        let mut pairs: Vec<(&str, &str)> =
            self.pairs().filter(|(name, value)| !value.is_empty() && !named(name)).collect();
        pairs.sort_unstable();
        for (name, value) in pairs {
            put(key, name);
            put(key, value);
        }
    }
}

/// A field's value as text.
pub(crate) fn written(value: FieldRef<'_>) -> Cow<'_, str> {
    match value {
        FieldRef::Text(text) => Cow::Borrowed(text),
        FieldRef::Int(int) => Cow::Owned(int.to_string()),
        FieldRef::Float(float) => Cow::Owned(float.to_string()),
        FieldRef::Bool(true) => Cow::Borrowed("true"),
        FieldRef::Bool(false) => Cow::Borrowed("false"),
    }
}

/// A name with `_` for what a label's name may not have.
pub(crate) fn sanitized(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if is_plain_label_name(name) || name.is_empty() {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
    Cow::Owned(out)
}
