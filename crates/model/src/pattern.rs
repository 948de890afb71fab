//! Anchored regular expressions with the meaning they have in Prometheus (Go's RE2 syntax).

use std::fmt;
use std::sync::Arc;

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;

use crate::error::{Error, Result};

/// A compiled expression that must match the whole text, as `^(?s:...)$`.
#[derive(Clone)]
pub struct Pattern {
    text: Arc<str>,
    regex: Arc<Regex>,
    literals: Option<Arc<[String]>>,
}

/// The compiled size that one expression may take, in bytes.
const SIZE_LIMIT: usize = 10 << 20;

impl Pattern {
    /// Compiles `text`; the error names what is wrong with it.
    pub fn new(text: &str) -> Result<Self> {
        let anchored = format!("^(?s:{text})$");
        let regex = Regex::builder()
            .configure(Regex::config().nfa_size_limit(Some(SIZE_LIMIT)).hybrid_cache_capacity(1 << 20))
            .syntax(syntax::Config::new())
            .build(&anchored)
            .map_err(|e| {
                Error::invalid(format_args!("invalid regular expression {text:?}: {}", describe(&e)))
            })?;
        Ok(Self { text: Arc::from(text), regex: Arc::new(regex), literals: literal_set(text).map(Arc::from) })
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` matches.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.literals {
            Some(set) => set.iter().any(|l| l == text),
            None => self.regex.is_match(text),
        }
    }

    /// All texts that match, where the expression is only an alternation of literals: postings are looked up, not
    /// scanned.
    pub fn literals(&self) -> Option<&[String]> {
        self.literals.as_deref()
    }

    /// Replaces `$1`, `${name}` and `$$` in `template` by what the groups matched; `None` if `text` does not match.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures: Captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        if !captures.is_match() {
            return None;
        }
        let mut out = String::new();
        captures.interpolate_string_into(text, template, &mut out);
        Some(out)
    }
}

fn describe(error: &regex_automata::meta::BuildError) -> String {
    match error.syntax_error() {
        Some(syntax) => syntax.to_string().lines().last().unwrap_or("syntax error").trim().to_owned(),
        None => error.to_string(),
    }
}

/// `a|b|c` without any meta character is a set of literals.
fn literal_set(text: &str) -> Option<Vec<String>> {
    const META: &[char] = &['.', '*', '+', '?', '(', ')', '[', ']', '{', '}', '^', '$', '\\'];
    if text.contains(META) || text.is_empty() {
        return None;
    }
    Some(text.split('|').map(str::to_owned).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchored_and_dot_matches_newline() {
        let p = Pattern::new("a.c|b").unwrap();
        assert!(p.is_match("a\nc") && p.is_match("b"));
        assert!(!p.is_match("xa.c") && !p.is_match("bb"));
    }

    #[test]
    fn expands_groups() {
        let p = Pattern::new("(.*):(?P<port>\\d+)").unwrap();
        assert_eq!(p.expand("h:80", "${1}-$port").as_deref(), Some("h-80"));
        assert_eq!(p.expand("h", "$1"), None);
    }

    #[test]
    fn literal_alternations_are_sets() {
        assert_eq!(Pattern::new("a|b").unwrap().literals().map(<[_]>::len), Some(2));
        assert!(Pattern::new("a.b").unwrap().literals().is_none());
        assert!(Pattern::new("(").is_err());
    }
}
