//! Label matchers as Alertmanager writes them: in routes, inhibition, silences, filters and on command lines.
//!
//! Two notations are read. The classic one ([`classic`]) takes anything behind the operator for the value and knows
//! few escapes; the one for UTF-8 ([`utf8`]) allows any name in quotes and is strict about the rest. Without being told
//! otherwise, both read, and where they disagree the classic one is right.

mod classic;
#[cfg(test)]
mod tests;
mod utf8;

use std::cmp::Ordering;
use std::fmt;

use model::labels::Quoted;
use model::{MatchOp, Matcher};
use serde::{Deserialize, Serialize};

/// Which notation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notation {
    /// The old one only.
    Classic,
    /// The new one only.
    Utf8,
    /// The new one; the old one where only that can read it, or reads something else.
    #[default]
    Both,
}

impl Notation {
    /// Whether a label may have this name.
    pub fn allows_name(self, name: &str) -> bool {
        match self {
            Self::Classic => is_classic_name(name),
            Self::Utf8 | Self::Both => !name.is_empty(),
        }
    }
}

/// Whether a name is one that Prometheus allowed before names could be UTF-8.
pub fn is_classic_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reads a list of matchers, with or without braces. The error is Alertmanager's.
pub fn parse(text: &str, notation: Notation) -> Result<Vec<Matcher>, String> {
    match notation {
        Notation::Classic => classic::list(text),
        Notation::Utf8 => utf8::list(text),
        Notation::Both => either(utf8::list(text), classic::list(text)),
    }
}

/// Reads one matcher, without braces.
pub fn parse_one(text: &str, notation: Notation) -> Result<Matcher, String> {
    if notation != Notation::Classic && (text.starts_with('{') || text.ends_with('}')) {
        return Err(format!("unexpected open or close brace: {text}"));
    }
    match notation {
        Notation::Classic => classic::one(text),
        Notation::Utf8 => utf8::one(text),
        Notation::Both => either(utf8::one(text), classic::one(text)),
    }
}

fn either<T: PartialEq>(new: Result<T, String>, old: Result<T, String>) -> Result<T, String> {
    match (new, old) {
        (Ok(new), Err(_)) => Ok(new),
        (_, old) => old,
    }
}

/// A matcher as Alertmanager writes it: `team="db"`.
pub struct Written<'a>(pub &'a Matcher);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Matcher { name, op, value, .. } = self.0;
        let op = operator(*op);
        if name.chars().any(is_reserved) {
            return write!(f, "{}{op}{}", Quoted(name), Quoted(value));
        }
        let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        write!(f, "{name}{op}\"{value}\"")
    }
}

/// Matchers as Alertmanager writes a list of them: `{a="b",c=~"d"}`.
pub struct WrittenList<'a>(pub &'a [Matcher]);

impl fmt::Display for WrittenList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, matcher) in self.0.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{}", Written(matcher))?;
        }
        f.write_str("}")
    }
}

fn operator(op: MatchOp) -> &'static str {
    match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    }
}

/// What cannot stand in a name or value without quotes.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// The order of matchers in a list: by name, value and operator.
pub fn order(a: &Matcher, b: &Matcher) -> Ordering {
    let rank = |matcher: &Matcher| match matcher.op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    };
    (&a.name, &a.value, rank(a)).cmp(&(&b.name, &b.value, rank(b)))
}

/// A matcher as Alertmanager's API has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Json {
    /// The label.
    pub name: String,
    /// What it is compared with.
    pub value: String,
    /// Whether `value` is a regular expression.
    pub is_regex: bool,
    /// Whether it must match, rather than must not.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

fn yes() -> bool {
    true
}

impl From<&Matcher> for Json {
    fn from(matcher: &Matcher) -> Self {
        Self {
            name: matcher.name.clone(),
            value: matcher.value.clone(),
            is_regex: matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex),
            is_equal: matches!(matcher.op, MatchOp::Regex | MatchOp::Equal),
        }
    }
}

impl TryFrom<Json> for Matcher {
    type Error = model::Error;

    fn try_from(json: Json) -> model::Result<Self> {
        let op = match (json.is_equal, json.is_regex) {
            (true, false) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        Self::line_wise(json.name, op, json.value)
    }
}
