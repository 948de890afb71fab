//! Words as the Logs page takes them, made LogQL. Its rules are those of `ui/src/pages/logs/ask.ts`; both are held to one
//! table of examples.

use std::collections::{HashMap, HashSet};

/// What is known of the store; everything works with nothing known.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Names of stream labels.
    pub(super) labels: HashSet<String>,
    /// The parsers that a field in the line needs before it can be filtered by.
    pub(super) parsers: HashMap<String, Vec<String>>,
    /// Chosen where the text names no stream.
    pub(super) base: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Word { not: bool, any: Vec<Needle> },
    Field { not: bool, name: String, op: &'static str, value: String },
}

#[derive(Debug, Clone, PartialEq)]
struct Needle {
    text: String,
    exact: bool,
}

struct Token<'a> {
    text: String,
    quoted: bool,
    not: bool,
    field: Option<&'a str>,
}

/// Words for what the store calls otherwise.
fn alias(name: &str) -> &str {
    if matches!(name, "level" | "lvl" | "severity") { "detected_level" } else { name }
}

/// Arguments of a command line as one text: what has blanks is a phrase, unless it is the only one or LogQL.
pub(super) fn joined(words: &[String]) -> String {
    let whole = |text: &str| !text.contains(char::is_whitespace) || text.contains('"') || is_logql(text);
    let one = |word: &String| {
        if whole(word) {
            return word.clone();
        }
        let (dash, rest) = word.strip_prefix('-').map_or(("", word.as_str()), |rest| ("-", rest));
        match field_of(rest) {
            Some(name) => format!("{dash}{name}:{}", quoted(&rest[name.len() + 1..])),
            None => format!("{dash}{}", quoted(rest)),
        }
    };
    match words {
        [] => String::new(),
        [text] => text.clone(),
        many if many.first().is_some_and(|first| first.trim_start().starts_with('{')) => many.join(" "),
        many => many.iter().map(one).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether the text is LogQL: a selector, or a function over one.
pub(super) fn is_logql(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{') || is_metric(text)
}

/// A name, blanks, and a bracket or a grouping with one; behind it a selector.
fn is_metric(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '_');
    if rest.len() == text.len() {
        return false;
    }
    let name = &text[..text.len() - rest.len()];
    let behind = |rest: &str| rest.trim_start().strip_prefix('(').is_some_and(|r| r.contains('{'));
    let grouping = |word: &str| {
        rest.trim_start().strip_prefix(word).is_some_and(behind)
            // `sumby (` is one name to the eye and two to the rule: letters before `by` are enough.
            || name.strip_suffix(word).is_some_and(|head| !head.is_empty()) && behind(rest)
    };
    behind(rest) || grouping("by") || grouping("without")
}

/// The name before a colon that begins `text`, where it is a field and no address or path.
fn field_of(text: &str) -> Option<&str> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    if !(first.is_alphabetic() || first == '_') {
        return None;
    }
    let (at, c) = chars.find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-')))?;
    let rest = text.get(at + 1..)?;
    (c == ':' && !rest.is_empty() && !rest.starts_with(':') && !rest.starts_with("//")).then(|| &text[..at])
}

/// Words and quoted phrases; a quote that is never closed reaches to the end.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let not =
            rest.strip_prefix('-').is_some_and(|r| r.starts_with(|c: char| !c.is_whitespace() && c != '-'));
        if not {
            rest = &rest[1..];
        }
        let field = field_of(rest);
        if let Some(name) = field {
            rest = &rest[name.len() + 1..];
        }
        if let Some(behind) = rest.strip_prefix('"') {
            let (inner, after) = quoted_at(behind);
            out.push(Token { text: inner, quoted: true, not, field });
            rest = after;
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            if end > 0 {
                out.push(Token { text: rest[..end].to_owned(), quoted: false, not, field });
            }
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    out
}

/// What stands up to the closing quote, and what is behind it.
fn quoted_at(text: &str) -> (String, &str) {
    let mut inner = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (inner, &text[at + 1..]),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, next)) => inner.push(next),
                None => inner.push(c),
            },
            c => inner.push(c),
        }
    }
    (inner, "")
}

fn terms(text: &str) -> Vec<Term> {
    let mut out: Vec<Term> = Vec::new();
    let mut or = false;
    for token in tokens(text) {
        let bare = !token.quoted && token.field.is_none();
        if bare && !token.not && token.text == "OR" {
            or = true;
            continue;
        }
        if token.quoted && token.text.is_empty() && token.field.is_none() {
            continue;
        }
        let and = bare && token.text == "AND";
        let term = term_of(token);
        match (out.last_mut(), term) {
            (Some(Term::Word { not: false, any }), Term::Word { not: false, any: more }) if or => {
                any.extend(more)
            }
            (_, term) if !and => out.push(term),
            _ => {}
        }
        or = false;
    }
    out
}

fn term_of(token: Token<'_>) -> Term {
    let Token { text, quoted, not, field } = token;
    let Some(field) = field else {
        let exact = quoted || text != text.to_lowercase();
        return Term::Word { not, any: vec![Needle { text, exact }] };
    };
    let name = field.replace(['.', '-'], "_");
    let of = |op, value: &str| Term::Field { not, name: name.clone(), op, value: value.to_owned() };
    if quoted {
        return of("=", &text);
    }
    for op in [">=", "<=", ">", "<"] {
        if let Some(value) = text.strip_prefix(op).filter(|value| !value.is_empty()) {
            return of(op, value);
        }
    }
    match text.strip_prefix('~').filter(|value| !value.is_empty()) {
        Some(value) => of("=~", value),
        None if text.contains('*') => of("=~", &text.split('*').map(escaped).collect::<Vec<_>>().join(".*")),
        None => of("=", &text),
    }
}

/// As a regular expression, these characters and nothing else.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A string of LogQL.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn has_case(text: &str) -> bool {
    text.to_lowercase() != text.to_uppercase()
}

fn word_filter(not: bool, any: &[Needle]) -> String {
    let loose = any.iter().any(|a| !a.exact && has_case(&a.text));
    let op = match (loose, not) {
        (true, true) => "!~",
        (true, false) => "|~",
        (false, true) => "!=",
        (false, false) => "|=",
    };
    let needle = |a: &Needle| match loose {
        false => literal(&a.text),
        true if a.exact || !has_case(&a.text) => literal(&escaped(&a.text)),
        true => literal(&format!("(?i){}", escaped(&a.text))),
    };
    format!("{op} {}", any.iter().map(needle).collect::<Vec<_>>().join(" or "))
}

/// Whether it is a number, a duration or a size, as LogQL compares them.
fn is_quantity(value: &str) -> bool {
    const UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];
    let digits = value.strip_prefix('-').unwrap_or(value);
    let end = digits.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(digits.len());
    let (number, unit) = digits.split_at(end);
    let mut parts = number.split('.');
    let whole = |part: Option<&str>| part.is_some_and(|p| !p.is_empty());
    let plain = whole(parts.next()) && parts.next().is_none_or(|p| !p.is_empty()) && parts.next().is_none();
    let size = |unit: &str| {
        let head = unit.strip_suffix('B').or_else(|| unit.strip_suffix('b')).unwrap_or("x");
        let upper = unit.ends_with('B');
        let head = head.strip_suffix('i').unwrap_or(head);
        match head {
            "" => true,
            one => one.len() == 1 && if upper { "KMGTP".contains(one) } else { "kmgtp".contains(one) },
        }
    };
    plain && (unit.is_empty() || UNITS.contains(&unit) || size(unit))
}

fn negated(op: &'static str, not: bool) -> &'static str {
    match (op, not) {
        (op, false) => op,
        ("=", true) => "!=",
        ("=~", true) => "!~",
        (">", true) => "<=",
        (">=", true) => "<",
        ("<", true) => ">=",
        (_, true) => ">",
    }
}

fn field_filter(name: &str, not: bool, op: &'static str, value: &str) -> String {
    let compares_text = matches!(op, "=" | "=~");
    let operand = if !compares_text && is_quantity(value) { value.to_owned() } else { literal(value) };
    format!("| {name} {} {operand}", negated(op, not))
}

/// `container:a container:b` asks for either: no line has two values of one field.
fn grouped(terms: Vec<Term>) -> Vec<Term> {
    let mut out: Vec<Term> = Vec::new();
    for term in terms {
        if let Term::Field { not: false, name, op: op @ ("=" | "=~"), value } = &term {
            let same = out.iter_mut().find_map(|o| match o {
                Term::Field { not: false, name: other, op, value }
                    if other == name && matches!(*op, "=" | "=~") =>
                {
                    Some((op, value))
                }
                _ => None,
            });
            if let Some((other_op, other_value)) = same {
                let part = |op: &str, value: &str| if op == "=" { escaped(value) } else { value.to_owned() };
                *other_value = format!("{}|{}", part(other_op, other_value), part(op, value));
                *other_op = "=~";
                continue;
            }
        }
        out.push(term);
    }
    out
}

/// Names that filters ask for and no stream label has, as far as it is known.
pub(super) fn fields(text: &str, labels: &HashSet<String>) -> bool {
    terms(text).iter().any(|term| matches!(term, Term::Field { name, .. } if !labels.contains(name)))
}

/// The LogQL of `text`.
pub(super) fn translate(text: &str, known: &Known) -> String {
    let (mut matchers, mut lines, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    let mut parsers: Vec<&str> = Vec::new();
    for term in grouped(terms(text)) {
        let (not, name, op, value) = match term {
            Term::Word { not, any } => {
                lines.push(word_filter(not, &any));
                continue;
            }
            Term::Field { not, name, op, value } => (not, name, op, value),
        };
        let name = if known.labels.contains(&name) { name.as_str() } else { alias(&name) };
        let value = if name == "detected_level" { value.to_lowercase() } else { value };
        if known.labels.contains(name) && matches!(op, "=" | "=~") {
            matchers.push(format!("{name}{}{}", negated(op, not), literal(&value)));
            continue;
        }
        for parser in known.parsers.get(name).into_iter().flatten() {
            if !parsers.contains(&parser.as_str()) {
                parsers.push(parser);
            }
        }
        fields.push(field_filter(name, not, op, &value));
    }
    let parsers = parsers.into_iter().map(|parser| format!("| {parser}"));
    let selector = selector(&known.base, &matchers);
    std::iter::once(selector).chain(lines).chain(parsers).chain(fields).collect::<Vec<_>>().join(" ")
}

/// The base's own streams stay; "every stream" gives way to a matcher that chooses some.
fn selector(base: &str, matchers: &[String]) -> String {
    let chooses = |matcher: &String| {
        let Some((_, value)) = matcher.split_once('=').filter(|(name, _)| !name.ends_with('!')) else {
            return false;
        };
        let value = value.strip_prefix('~').unwrap_or(value);
        let inner = value.trim_matches('"');
        !matcher.contains("!~") && !inner.replace(".*", "").is_empty()
    };
    let inner =
        base.trim().trim_start_matches('{').trim_end_matches('}').trim().trim_end_matches(',').trim_end();
    let all = inner.split_once("=~").is_some_and(|(name, value)| {
        name.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && value.trim() == "\".+\""
    });
    let kept = if all && matchers.iter().any(chooses) { "" } else { inner };
    let parts =
        std::iter::once(kept).chain(matchers.iter().map(String::as_str)).filter(|part| !part.is_empty());
    format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
}

/// The stream label by which every stream can be chosen.
pub(super) fn every_stream(labels: &HashSet<String>) -> String {
    const WANTED: [&str; 5] = ["service_name", "service", "container", "job", "node"];
    let wanted = WANTED.into_iter().find(|name| labels.contains(*name));
    let name = wanted.or_else(|| labels.iter().map(String::as_str).min()).unwrap_or("service_name");
    format!("{{{name}=~\".+\"}}")
}

#[cfg(test)]
mod tests;
