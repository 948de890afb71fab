//! Templates of `line_format` and `label_format`.

mod functions;

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use gotmpl::{Template, Value};

use super::entry::{ERROR, ERROR_DETAILS, Entry};
use crate::template::{self, Functions};

/// The name of all these templates in errors.
const NAME: &str = "line";

/// A template, ready to be expanded.
pub(crate) struct Text {
    template: Template,
    current: Arc<Mutex<Current>>,
}

/// What `__line__` and `__timestamp__` give.
#[derive(Default)]
struct Current {
    line: String,
    time_ns: i64,
}

static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| functions::all(&Arc::default()).keys().copied().collect());

/// Whether `text` is a template; the error is worded as Go words it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    template::parse(NAME, "", text, &NAMES).map(drop)
}

impl Text {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let current = Arc::default();
        let functions: Functions = Arc::new(functions::all(&current));
        let template = template::parse(NAME, "", text, &NAMES)?;
        Ok(Self { template: template.funcs(template::calls(NAME, functions, member)), current })
    }

    /// The text for a line.
    pub(crate) fn expand(&self, entry: &Entry<'_>) -> Result<String, String> {
        {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.line.clear();
            current.line.push_str(&entry.line);
            current.time_ns = entry.time_ns;
        }
        let mut labels: std::collections::BTreeMap<Arc<str>, Value> =
            entry.pairs().map(|(name, value)| (Arc::from(name), template::text(value))).collect();
        for name in [ERROR, ERROR_DETAILS] {
            if let Some(value) = entry.label(name) {
                labels.insert(Arc::from(name), template::text(value));
            }
        }
        template::execute(&self.template, NAME, &Value::Map(Arc::new(labels)))
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
