//! `print`, `printf` and `println`, and how values are shown: numbers as Go's `%v` prints them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{Template, Value};

use super::{Fault, Function, Outcome, text};

/// Adds the three functions.
pub fn add(all: &mut BTreeMap<&'static str, Function>) {
    all.insert("print", Arc::new(|args| Ok(text(print(args)))));
    all.insert("println", Arc::new(|args| Ok(text(println(args)))));
    all.insert("printf", Arc::new(printf));
}

/// A value as an action shows it. What is nothing stays nothing: the language has its own words for it. What is safe in
/// HTML stays so.
pub fn shown(value: &Value) -> Value {
    match value {
        Value::Nil | Value::String(_) | Value::Safe { .. } => value.clone(),
        other => text(written(other)),
    }
}

/// A value in Go's `%v`.
fn written(value: &Value) -> String {
    match value {
        Value::Float(v) => number(*v),
        Value::List(items) => {
            format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(" "))
        }
        Value::Map(map) => {
            let items: Vec<String> =
                map.iter().map(|(name, value)| format!("{name}:{}", written(value))).collect();
            format!("map[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}

/// Go's `%v` of a float: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = format!("{v:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v == 0.0 || (-4..6).contains(&exponent) {
        return format!("{v}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Blanks stand between two values of which none is a text.
fn print(args: &[Value]) -> String {
    let mut out = String::new();
    let mut before_is_text = true;
    for arg in args {
        let is_text = matches!(arg, Value::String(_));
        if !is_text && !before_is_text {
            out.push(' ');
        }
        out.push_str(&written(arg));
        before_is_text = is_text;
    }
    out
}

fn println(args: &[Value]) -> String {
    let mut out = args.iter().map(written).collect::<Vec<_>>().join(" ");
    out.push('\n');
    out
}

/// The language's own `printf`, with floats for a bare `%v` written beforehand.
fn printf(args: &[Value]) -> Outcome {
    let Some((Value::String(layout), values)) = args.split_first() else {
        return Err(Fault::Usage("wrong number of args for printf: want at least 1 got 0".to_owned()));
    };
    let mut layout = layout.to_string();
    let mut values = values.to_vec();
    for (at, value) in verbs(&layout).into_iter().zip(&mut values).rev() {
        if &layout[at.1..=at.1] == "T" {
            *value = text(value.type_name());
            layout.replace_range(at.1..=at.1, "s");
        }
        if let (Value::Float(v), "v") = (&*value, &layout[at.1..=at.1]) {
            if layout[at.0..at.1].contains('.') {
                layout.replace_range(at.1..=at.1, "g");
            } else {
                *value = text(number(*v));
                layout.replace_range(at.1..=at.1, "s");
            }
        }
    }
    let mut all = vec![text(layout)];
    all.append(&mut values);
    let call: String = (0..all.len()).map(|at| format!(" (index . {at})")).collect();
    let template =
        Template::new("printf").parse(&format!("{{{{printf{call}}}}}")).map_err(|e| e.to_string())?;
    let out = template.execute_to_string(&Value::List(Arc::from(all))).map_err(|e| e.to_string())?;
    Ok(text(out))
}

/// Where the verbs of a layout begin and where their letters stand, of those that take a value. Verbs with explicit indices or widths from values are not
/// looked into: none is returned then.
fn verbs(layout: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut chars = layout.char_indices();
    while let Some((begin, c)) = chars.next() {
        if c != '%' {
            continue;
        }
        let verb = chars.by_ref().find(|(_, c)| !matches!(c, '+' | '-' | '#' | ' ' | '0'..='9' | '.'));
        match verb {
            Some((_, '%')) => {}
            Some((_, '[' | '*')) | None => return Vec::new(),
            Some((at, _)) => found.push((begin, at)),
        }
    }
    found
}
