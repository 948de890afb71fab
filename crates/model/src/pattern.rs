//! Anchored regular expressions with the meaning they have in Prometheus (Go's RE2 syntax).
//!
//! [`go`] reads Go's syntax into the intermediate form of `regex-syntax`; [`shape`] looks there for what needs no
//! automaton (a set of texts, a prefix ...); everything else is matched by `regex-automata`.

mod go;
mod required;
mod search;
mod shape;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_syntax::hir::Hir;

use crate::error::{Error, Result};
pub use search::Search;
use shape::Shape;

/// A compiled expression that must match the whole text, as `^(?s:...)$`.
#[derive(Clone)]
pub struct Pattern {
    text: Arc<str>,
    /// Made when it is first needed, where the shape answers without it. Absent in there: it cannot be made.
    regex: Arc<OnceLock<Option<Regex>>>,
    shape: Arc<Shape>,
}

/// The compiled size that one expression may take, in bytes.
const SIZE_LIMIT: usize = 10 << 20;

/// An expression of this many bytes that has a simple shape cannot pass the size limit: it has no counted repetitions.
const SURELY_SMALL: usize = 4 << 10;

impl Pattern {
    /// Compiles `text`; the error names what is wrong with it, in Go's words.
    pub fn new(text: &str) -> Result<Self> {
        let hir = read(text)?;
        let shape = Shape::of(&hir);
        let regex = OnceLock::new();
        if text.len() > SURELY_SMALL || shape.needs_automaton() {
            let compiled = compile(text, &hir)?;
            regex.get_or_init(|| Some(compiled));
        }
        Ok(Self { text: Arc::from(text), regex: Arc::new(regex), shape: Arc::new(shape) })
    }

    /// As [`Self::new`], but `.` matches no newline: as `^(?:...)$`.
    pub fn line_wise(text: &str) -> Result<Self> {
        Self::new(&format!("(?-s:{text})")).map_err(|e| {
            // Errors that show the whole expression show it as Go compiles it.
            Error::invalid(e.to_string().replace("(?s:(?-s:", "(?:").replace("))$", ")$"))
        })
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compile(&self.text, &read(&self.text).ok()?).ok()).as_ref()
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.shape.is_match(text).unwrap_or_else(|| self.regex().is_some_and(|regex| regex.is_match(text)))
    }

    /// All texts that match, sorted, where they are few enough to be named: postings are looked up, not scanned.
    pub fn literals(&self) -> Option<&[String]> {
        match &*self.shape {
            Shape::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// What every match begins with; empty where that is not known.
    pub fn prefix(&self) -> &str {
        match &*self.shape {
            Shape::Prefix(prefix) | Shape::Other { prefix } => prefix,
            _ => "",
        }
    }

    /// Whether every text matches, the empty one included (`.*`).
    pub fn matches_everything(&self) -> bool {
        matches!(&*self.shape, Shape::Everything)
    }

    /// Replaces `$1`, `${name}` and `$$` in `template` by what the groups matched, as Go's `Regexp.Expand` does;
    /// `None` if `text` does not match.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let regex = self.regex()?;
        let mut captures: Captures = regex.create_captures();
        regex.captures(text, &mut captures);
        if !captures.is_match() {
            return None;
        }
        Some(template::expand(template, |group| {
            let span = match group {
                template::Group::Index(index) => captures.get_group(index),
                template::Group::Name(name) => captures.get_group_by_name(name),
            };
            span.and_then(|span| text.get(span.range())).unwrap_or("")
        }))
    }
}

fn read(text: &str) -> Result<Hir> {
    go::parse(&format!("^(?s:{text})$")).map_err(Error::invalid)
}

fn compile(text: &str, hir: &Hir) -> Result<Regex> {
    let config = Regex::config().nfa_size_limit(Some(SIZE_LIMIT)).hybrid_cache_capacity(1 << 20);
    Regex::builder().configure(config).build_from_hir(hir).map_err(|e| {
        let message = format!("error parsing regexp: expression too large: `{text}`");
        Error::invalid(message).with_detail(e)
    })
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", &*self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for Pattern {}
