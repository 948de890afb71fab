//! The functions that templates may call, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use gotmpl::{SafeKind, Value};
use model::pattern::Search;
use query::template::{
    Fault, Function, Functions, Outcome, checked, number, print, text, times as durations, url,
};

use super::route_labels::RouteLabels;
use super::{Templates, json, member, times};

/// All names, for checks before the execution. `index` and the `print` family are the language's own, with empty texts
/// for missing labels and with numbers as Go prints them.
pub(super) const NAMES: [&str; 29] = [
    "append",
    "base64decode",
    "base64encode",
    "date",
    "dict",
    "humanizeDuration",
    "index",
    "join",
    "list",
    "match",
    "mustToDate",
    "now",
    "print",
    "printf",
    "println",
    "reReplaceAll",
    "routeLabels",
    "safeHtml",
    "safeUrl",
    "since",
    "stringSlice",
    "title",
    "toDate",
    "toJson",
    "toLower",
    "toUpper",
    "trimSpace",
    "tz",
    "urlUnescape",
];

/// The functions of one rendering.
pub(super) fn all(
    now_ms: i64,
    templates: &Templates,
    data: &Value,
    routes: &RouteLabels,
    html: bool,
) -> Functions {
    let mut all = Table(BTreeMap::new());
    print::add(&mut all.0);
    texts(&mut all);
    lists(&mut all);
    clocks(&mut all, now_ms);
    let (templates, data, routes) = (templates.clone(), data.clone(), routes.clone());
    all.text("routeLabels", move |name| routes.resolve(name, &templates, &data, now_ms, html));
    Arc::new(all.0)
}

/// Collects functions with checked numbers of arguments.
struct Table(BTreeMap<&'static str, Function>);

impl Table {
    fn add(
        &mut self,
        name: &'static str,
        want: usize,
        function: impl Fn(&[Value]) -> Outcome + Send + Sync + 'static,
    ) {
        self.0.insert(name, checked(name, want..=want, function));
    }

    /// A function of one text.
    fn text(
        &mut self,
        name: &'static str,
        function: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    ) {
        self.add(name, 1, move |args| Ok(text(function(string(args, 0)?)?)));
    }

    /// A function of two texts.
    fn two(
        &mut self,
        name: &'static str,
        function: impl Fn(&str, &str) -> Result<String, String> + Send + Sync + 'static,
    ) {
        self.add(name, 2, move |args| Ok(text(function(string(args, 0)?, string(args, 1)?)?)));
    }
}

fn texts(all: &mut Table) {
    all.text("toUpper", |t| Ok(t.to_uppercase()));
    all.text("toLower", |t| Ok(t.to_lowercase()));
    all.text("title", |t| Ok(title(t)));
    all.text("trimSpace", |t| Ok(t.trim().to_owned()));
    all.text("urlUnescape", url::unescape);
    all.text("base64encode", |t| Ok(URL_SAFE.encode(t)));
    all.text("base64decode", |t| {
        let bytes = URL_SAFE.decode(t).map_err(|e| format!("illegal base64 data: {e}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    all.add("safeHtml", 1, |args| Ok(safe(SafeKind::Html, string(args, 0)?)));
    all.add("safeUrl", 1, |args| Ok(safe(SafeKind::Url, string(args, 0)?)));
    all.add("match", 2, |args| {
        let search = Search::new(string(args, 0)?).map_err(|e| e.message)?;
        Ok(Value::Bool(search.is_match(string(args, 1)?)))
    });
    all.add("reReplaceAll", 3, |args| {
        let search = Search::new(string(args, 0)?).map_err(|e| e.message)?;
        Ok(text(search.replace_all(string(args, 2)?, string(args, 1)?)))
    });
    all.add("toJson", 1, |args| Ok(text(json::of(&args[0])?)));
}

fn lists(all: &mut Table) {
    all.add("join", 2, |args| match &args[1] {
        Value::List(items) => Ok(text(member::joined(items, string(args, 0)?)?)),
        other => Err(wrong("[]string", other)),
    });
    all.0.insert(
        "stringSlice",
        Arc::new(|args| match args.iter().find(|arg| !matches!(arg, Value::String(_))) {
            Some(other) => Err(wrong("string", other)),
            None => Ok(Value::List(args.into())),
        }),
    );
    all.0.insert("list", Arc::new(|args| Ok(Value::List(args.into()))));
    all.0.insert(
        "append",
        Arc::new(|args| match args.split_first() {
            Some((Value::List(items), more)) => Ok(Value::List(items.iter().chain(more).cloned().collect())),
            Some((other, _)) => Err(wrong("[]interface {}", other)),
            None => Err(Fault::Usage("wrong number of args for append: want at least 1 got 0".to_owned())),
        }),
    );
    all.0.insert(
        "dict",
        Arc::new(|args| {
            let (pairs, rest) = args.as_chunks::<2>();
            if !rest.is_empty() {
                return Err("dict requires an even number of arguments".to_owned().into());
            }
            let entries = pairs.iter().map(|[key, value]| match key {
                Value::String(key) => Ok((key.clone(), value.clone())),
                _ => Err(Fault::Call("dict keys must be strings".to_owned())),
            });
            Ok(Value::Map(Arc::new(entries.collect::<Result<_, _>>()?)))
        }),
    );
    all.0.insert(
        "index",
        Arc::new(|args| {
            let Some((first, indices)) = args.split_first() else {
                return Err(Fault::Usage("wrong number of args for index: want at least 1 got 0".to_owned()));
            };
            let mut value = first.clone();
            for index in indices {
                value = match (&value, index) {
                    (Value::Map(map), Value::String(name)) => match map.get(name) {
                        Some(found) => found.clone(),
                        None => text(""),
                    },
                    _ => value.index(index).map_err(|e| Fault::Call(e.to_string()))?,
                };
            }
            Ok(value)
        }),
    );
}

fn clocks(all: &mut Table, now_ms: i64) {
    all.add("now", 0, move |_| Ok(text(durations::go_time(now_ms))));
    all.two("date", times::format);
    all.two("tz", times::in_zone);
    all.two("mustToDate", times::parse);
    all.two("toDate", |layout, written| {
        Ok(times::parse(layout, written).unwrap_or_else(|_| "0001-01-01 00:00:00 +0000 UTC".to_owned()))
    });
    all.text("since", move |shown| {
        let then = times::timestamp(shown).ok_or_else(|| format!("{shown} is not a time"))?;
        Ok(durations::go_duration((now_ms - then.as_millisecond()) as f64 / 1e3))
    });
    all.add("humanizeDuration", 1, |args| {
        let seconds = match &args[0] {
            Value::Float(v) => *v,
            Value::Int(v) => *v as f64,
            Value::Uint(v) => *v as f64,
            Value::String(written) => match durations::call(written, "Seconds", &[]) {
                Some(Ok(Value::Float(seconds))) => seconds,
                _ => written
                    .parse()
                    .map_err(|_| format!("strconv.ParseFloat: parsing {written:?}: invalid syntax"))?,
            },
            other => return Err(format!("can't convert {} to float", member::type_name(other)).into()),
        };
        Ok(text(number::humanize_duration(seconds)))
    });
}

fn string(args: &[Value], at: usize) -> Result<&str, Fault> {
    match args.get(at) {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Safe { s, .. }) => Ok(s),
        Some(other) => Err(wrong("string", other)),
        None => Err(wrong("string", &Value::Nil)),
    }
}

fn wrong(expected: &str, value: &Value) -> Fault {
    Fault::Usage(match value {
        Value::Nil => format!("invalid value; expected {expected}"),
        other => format!("wrong type for value; expected {expected}; got {}", member::type_name(other)),
    })
}

fn safe(kind: SafeKind, text: &str) -> Value {
    Value::Safe { kind, s: Arc::from(text) }
}

/// The first letter of every word in upper case, the others in lower case. An apostrophe or a full stop between letters
/// is part of the word.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let letter = c.is_alphanumeric() || c == '_';
        match (letter, inside) {
            (true, true) => out.extend(c.to_lowercase()),
            (true, false) => out.extend(c.to_uppercase()),
            _ => out.push(c),
        }
        let joins = matches!(c, '.' | ':' | '\'' | '\u{2019}' | '\u{b7}');
        inside = letter || (inside && joins && chars.peek().is_some_and(|next| next.is_alphabetic()));
    }
    out
}
