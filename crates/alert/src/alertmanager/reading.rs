//! Values as the file writes them: lists of matchers, and regular expressions by label.

use std::cell::Cell;
use std::collections::BTreeMap;

use model::config::Empty;
use model::labels::Quoted;
use model::{MatchOp, Matcher};
use query::matchers::{self, Notation, Written};
use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

thread_local! {
    // A visitor is told nothing but what it reads; a file is read on one thread.
    static NOTATION: Cell<Notation> = const { Cell::new(Notation::Both) };
}

/// Runs `read` with names and matchers in this notation.
pub(super) fn with<T>(notation: Notation, read: impl FnOnce() -> T) -> T {
    let before = NOTATION.replace(notation);
    let result = read();
    NOTATION.set(before);
    result
}

/// Whether a label may have this name.
pub(super) fn allows_name(name: &str) -> bool {
    NOTATION.get().allows_name(name)
}

/// Refuses names that the old `match` cannot have.
pub(super) fn check_names<'a>(mut names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    match names.find(|name| !matchers::is_classic_name(name)) {
        Some(name) => Err(format!("invalid label name {}", Quoted(name))),
        None => Ok(()),
    }
}

/// A sorted list of matchers, written as a list of texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MatcherList(pub Vec<Matcher>);

impl<'de> Deserialize<'de> for MatcherList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Vec::new();
        for line in Vec::<Line>::deserialize(deserializer)? {
            all.extend(line.0);
        }
        all.sort_by(matchers::order);
        Ok(Self(all))
    }
}

/// One text with matchers. What is wrong with it is said where the reader knows the place.
struct Line(Vec<Matcher>);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        matchers::parse(&text, NOTATION.get()).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for MatcherList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for matcher in &self.0 {
            list.serialize_element(&Written(matcher).to_string())?;
        }
        list.end()
    }
}

impl Empty for MatcherList {
    fn is_empty_value(&self) -> bool {
        self.0.is_empty()
    }
}

/// Regular expressions by label, each checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expressions(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Expressions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, Option<Expression>>::deserialize(deserializer)?;
        check_names(written.keys()).map_err(D::Error::custom)?;
        let expression = |(name, value): (String, Option<Expression>)| match value {
            Some(value) => Ok((name, value.0)),
            None => Err(D::Error::custom(format_args!("invalid regexp value for {}", Quoted(&name)))),
        };
        written.into_iter().map(expression).collect::<Result<_, _>>().map(Self)
    }
}

struct Expression(String);

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        model::Pattern::line_wise(&text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

impl Serialize for Expressions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Empty for Expressions {
    fn is_empty_value(&self) -> bool {
        self.0.is_empty()
    }
}

/// The matchers of both notations together.
pub(super) fn together(
    equal: &BTreeMap<String, String>,
    expressions: &Expressions,
    matchers: &MatcherList,
) -> Result<Vec<Matcher>, String> {
    let mut all: Vec<Matcher> = equal.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
    for (name, text) in &expressions.0 {
        // Keys of groups show the expression as it is compiled.
        let anchored = format!("^(?:{text})$");
        all.push(Matcher::line_wise(name, MatchOp::Regex, anchored).map_err(|e| e.to_string())?);
    }
    all.extend(matchers.0.iter().cloned());
    Ok(all)
}
