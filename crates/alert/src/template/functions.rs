//! The functions that templates may call, by name.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use gotmpl::{FuncMap, Value};
use model::pattern::Search;
use query::template::{self, Fault, Function, Outcome, checked, number as people, print, times as methods};

use super::escape::{expression_link, query_escape};
use super::host::{join, split};
use super::value::{Kind, kind, list, of_result, text, type_name};
use super::{Surroundings, number};

/// All names, for checks before the execution. `index` and the `print` family are the language's own, with empty texts
/// for missing labels and with numbers as Go prints them.
pub(super) const NAMES: [&str; 33] = [
    "args",
    "externalURL",
    "first",
    "graphLink",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "index",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "print",
    "printf",
    "println",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "value",
];

/// The functions for templates at one point in time.
pub(super) struct Functions(Arc<BTreeMap<&'static str, Function>>);

impl Functions {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        let mut all = Table(BTreeMap::new());
        results(&mut all, surroundings);
        print::add(&mut all.0);
        numbers(&mut all, surroundings.now_ms);
        texts(&mut all);
        addresses(&mut all, &surroundings.external_url);
        Self(Arc::new(all.0))
    }

    /// The functions that the rewritten tree of template `name` calls.
    pub(super) fn for_template(&self, name: &str) -> FuncMap {
        template::calls(name, self.0.clone(), member)
    }
}

/// A field of a value, or what its method of that name gives.
fn member(value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    let missing = || format!("can't evaluate field {name} in type {}", type_name(value));
    match value {
        Value::Map(map) => match map.get(name) {
            Some(found) if args.is_empty() => Ok(found.clone()),
            Some(_) => Err(format!("{name} has arguments but cannot be invoked as function")),
            None => match kind(map) {
                Kind::Labels => Ok(text("")),
                Kind::Args => Ok(Value::Nil),
                Kind::Data | Kind::Sample => Err(missing()),
            },
        },
        Value::Nil => Ok(Value::Nil),
        Value::String(receiver) => methods::call(receiver, name, args).unwrap_or_else(|| Err(missing())),
        _ => Err(missing()),
    }
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

    /// A function of one number, which may be written as a text.
    fn number(
        &mut self,
        name: &'static str,
        function: impl Fn(f64) -> Result<String, String> + Send + Sync + 'static,
    ) {
        self.add(name, 1, move |args| Ok(text(function(number::of(&args[0])?)?)));
    }
}

/// Argument `at`, which must be a text.
fn string(args: &[Value], at: usize) -> Result<&str, Fault> {
    match args.get(at) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong_type("string", other)),
        None => Err(Fault::Usage("an argument is missing".to_owned())),
    }
}

fn wrong_type(expected: &str, got: &Value) -> Fault {
    Fault::Usage(match got {
        Value::Nil => format!("invalid value; expected {expected}"),
        got => format!("wrong type for value; expected {expected}; got {}", type_name(got)),
    })
}

/// The labels of a sample.
fn sample_label(sample: &Value, name: &str) -> Outcome {
    match sample.field("Labels").zip(sample.field("Value")) {
        Some((labels, _)) => Ok(labels.field(name).cloned().unwrap_or_else(|| text(""))),
        None => Err(wrong_type("*template.sample", sample)),
    }
}

fn results(all: &mut Table, surroundings: &Surroundings) {
    let query = surroundings.query.clone();
    all.add("query", 1, move |args| Ok(of_result(&query(string(args, 0)?)?)));
    all.add("first", 1, |args| match &args[0] {
        Value::List(samples) => samples
            .first()
            .cloned()
            .ok_or_else(|| Fault::Call("first() called on vector with no elements".to_owned())),
        other => Err(wrong_type("template.queryResult", other)),
    });
    all.add("label", 2, |args| sample_label(&args[1], string(args, 0)?));
    all.add("strvalue", 1, |args| sample_label(&args[0], "__value__"));
    all.add("value", 1, |args| match args[0].field("Value") {
        Some(value) => Ok(value.clone()),
        None => Err(wrong_type("*template.sample", &args[0])),
    });
    all.add("sortByLabel", 2, |args| {
        let by = string(args, 0)?;
        let Value::List(samples) = &args[1] else { return Err(wrong_type("template.queryResult", &args[1])) };
        let mut sorted: Vec<Value> = samples.to_vec();
        let key = |sample: &Value| match sample_label(sample, by) {
            Ok(Value::String(label)) => label,
            _ => Arc::from(""),
        };
        sorted.sort_by_key(key);
        Ok(list(sorted))
    });
    all.0.insert(
        "args",
        Arc::new(|args| {
            let named =
                args.iter().enumerate().map(|(n, value)| (Arc::from(format!("arg{n}")), value.clone()));
            Ok(Value::Map(Arc::new(named.collect())))
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
                    (Value::Map(_), Value::String(name)) => member(&value, name, &[])?,
                    _ => value.index(index).map_err(|e| Fault::Call(e.to_string()))?,
                };
            }
            Ok(value)
        }),
    );
}

fn numbers(all: &mut Table, now_ms: i64) {
    all.number("humanize", |v| Ok(people::humanize(v)));
    all.number("humanize1024", |v| Ok(people::humanize1024(v)));
    all.number("humanizeDuration", |v| Ok(people::humanize_duration(v)));
    all.number("humanizePercentage", |v| Ok(format!("{}%", people::four_digits(v * 100.0))));
    all.number("humanizeTimestamp", people::humanize_timestamp);
    all.number("toTime", people::time);
    all.number("toDuration", |v| Ok(methods::go_duration(v)));
    all.add("now", 0, move |_| Ok(Value::Float(now_ms as f64 / 1000.0)));
    all.add("parseDuration", 1, |args| {
        let written = string(args, 0)?;
        let (sign, positive) = written.strip_prefix('-').map_or((1.0, written), |rest| (-1.0, rest));
        let ms = query::promql::parse_duration(positive)?;
        Ok(Value::Float(sign * ms as f64 / 1000.0))
    });
}

fn texts(all: &mut Table) {
    all.text("toUpper", |t| Ok(t.to_uppercase()));
    all.text("toLower", |t| Ok(t.to_lowercase()));
    all.text("title", |t| Ok(title(t)));
    all.text("safeHtml", |t| Ok(t.to_owned()));
    all.text("urlQueryEscape", |t| Ok(query_escape(t)));
    all.add("match", 2, |args| {
        let search = Search::new(string(args, 0)?).map_err(|e| e.message)?;
        Ok(Value::Bool(search.is_match(string(args, 1)?)))
    });
    all.add("reReplaceAll", 3, |args| {
        let pattern = string(args, 0)?;
        let search = Search::new(pattern)
            .map_err(|e| format!("regexp: Compile({}): {}", go_quoted(pattern), e.message))?;
        Ok(text(search.replace_all(string(args, 2)?, string(args, 1)?)))
    });
}

fn addresses(all: &mut Table, external_url: &Arc<str>) {
    all.text("graphLink", |expr| Ok(expression_link(expr, 0)));
    all.text("tableLink", |expr| Ok(expression_link(expr, 1)));
    let (url, prefix) = (external_url.clone(), path_of(external_url));
    all.add("externalURL", 0, move |_| Ok(Value::String(url.clone())));
    all.add("pathPrefix", 0, move |_| Ok(text(&prefix)));
    all.text("stripPort", |host| Ok(split(host).map_or(host, |(host, _)| host).to_owned()));
    all.text("stripDomain", |address| {
        let (host, port) = split(address).unwrap_or((address, ""));
        if host.parse::<IpAddr>().is_ok() {
            return Ok(address.to_owned());
        }
        let short = host.split('.').next().unwrap_or(host);
        Ok(if port.is_empty() { short.to_owned() } else { join(short, port) })
    });
}

/// The path of an address, without a slash at its end.
fn path_of(url: &str) -> String {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    after.find('/').map_or("", |at| after[at..].split(['?', '#']).next().unwrap_or("")).to_owned()
}

/// A raw string where it holds no backquote, as Go's regular expressions quote themselves in errors.
fn go_quoted(pattern: &str) -> String {
    if pattern.contains('`') { format!("{pattern:?}") } else { format!("`{pattern}`") }
}

/// The first letter of every word in upper case; the rest stays. A full stop, a colon or an apostrophe between letters
/// is part of the word.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let letter = c.is_alphanumeric() || c == '_';
        if letter && !inside {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        let joins = matches!(c, '.' | ':' | '\'' | '\u{2019}' | '\u{b7}');
        inside = letter || (inside && joins && chars.peek().is_some_and(|next| next.is_alphabetic()));
    }
    out
}
