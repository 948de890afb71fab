//! Templates of `line_format` and `label_format`.

mod functions;

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use gotmpl::{Template, Value};
use model::labels::is_plain_label_name;

use super::entry::{ERROR, ERROR_DETAILS, Entry};
use crate::template::{self, Functions};

/// The name of all these templates in errors.
const NAME: &str = "line";

/// A template, ready to be expanded.
pub(crate) enum Text {
    /// Names of labels between texts, and nothing else.
    Labels(Vec<Part>),
    Any(Template),
}

/// A part of a template that has only labels and texts.
pub(crate) enum Part {
    Text(String),
    Label(String),
}

/// What `__line__` and `__timestamp__` give.
#[derive(Default)]
struct Current {
    line: String,
    time_ns: i64,
}

thread_local! {
    /// Lines pass pipelines on many threads, and templates one after another on each.
    static CURRENT: RefCell<Current> = RefCell::default();
}

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| functions::all().keys().copied().collect());

/// The parts of a template that has only labels (`{{.name}}`) and texts; `None`: it has more.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        let name = name.trim_matches(' ').strip_prefix('.').filter(|name| is_plain_label_name(name))?;
        parts.extend([Part::Text(before.to_owned()), Part::Label(name.to_owned())]);
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Some(parts)
}

/// The labels that a template names; `None`: it may look at others.
pub(crate) fn names(text: &str) -> Option<Vec<String>> {
    let name = |part| match part {
        Part::Label(name) => Some(name),
        Part::Text(_) => None,
    };
    Some(parts(text)?.into_iter().filter_map(name).collect())
}

/// Whether `text` is a template; the error is worded as Go words it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    template::parse(NAME, "", text, &NAMES).map(drop)
}

impl Text {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let template = template::parse(NAME, "", text, &NAMES)?;
        if let Some(parts) = parts(text) {
            return Ok(Self::Labels(parts));
        }
        let functions: Functions = Arc::new(functions::all());
        Ok(Self::Any(template.funcs(template::calls(NAME, functions, member))))
    }

    /// The text for a line.
    pub(crate) fn expand(&self, entry: &Entry<'_>) -> Result<String, String> {
        let template = match self {
            Self::Any(template) => template,
            Self::Labels(parts) => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => out.push_str(text),
                        Part::Label(name) => out.push_str(&entry.label(name).unwrap_or_default()),
                    }
                }
                return Ok(out);
            }
        };
        CURRENT.with_borrow_mut(|current| {
            current.line.clear();
            current.line.push_str(&entry.line);
            current.time_ns = entry.time_ns;
        });
        let mut labels: std::collections::BTreeMap<Arc<str>, Value> =
            entry.pairs().map(|(name, value)| (Arc::from(name), template::text(value))).collect();
        for name in [ERROR, ERROR_DETAILS] {
            if let Some(value) = entry.label(name) {
                labels.insert(Arc::from(name), template::text(value));
            }
        }
        template::execute(template, NAME, &Value::Map(Arc::new(labels)))
    }
}

/// A label, or a field of what `fromJson` read; a missing one is empty.
fn member(value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    match value {
        Value::Map(map) if args.is_empty() => {
            Ok(map.get(name).cloned().unwrap_or_else(|| template::text("")))
        }
        Value::Map(_) => Err(format!("{name} has arguments but cannot be invoked as function")),
        Value::String(receiver) => template::times::call(receiver, name, args)
            .unwrap_or_else(|| Err(format!("can't evaluate field {name} in type string"))),
        Value::Nil => Ok(template::text("")),
        other => Err(format!("can't evaluate field {name} in type {}", other.type_name())),
    }
}
