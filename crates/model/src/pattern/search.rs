//! Expressions that may match anywhere in a text, as Go's `regexp` does without anchors: for templates.

use std::sync::Arc;

use regex_automata::PatternID;
use regex_automata::meta::Regex;

use super::required::required;
use super::{SIZE_LIMIT, go, template};
use crate::error::{Error, Result};

/// A compiled expression that is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    regex: Regex,
    required: Arc<[Vec<String>]>,
}

impl Search {
    /// Compiles `text`; the error names what is wrong with it, in Go's words.
    pub fn new(text: &str) -> Result<Self> {
        let hir = go::parse(text).map_err(Error::invalid)?;
        let config = Regex::config().nfa_size_limit(Some(SIZE_LIMIT)).hybrid_cache_capacity(1 << 20);
        let regex = Regex::builder().configure(config).build_from_hir(&hir).map_err(|e| {
            let message = format!("error parsing regexp: expression too large: `{text}`");
            Error::invalid(message).with_detail(e)
        })?;
        Ok(Self { regex, required: required(&hir).into() })
    }

    /// Whether it matches anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Of each of these lists, every text that it matches has at least one within it.
    pub fn required(&self) -> &[Vec<String>] {
        &self.required
    }

    /// The names of its groups that have one.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.regex.group_info().pattern_names(PatternID::ZERO).flatten()
    }

    /// Calls `each` with the name and the place of every named group that takes part in the first match.
    pub fn named_groups(&self, text: &str, mut each: impl FnMut(&str, std::ops::Range<usize>)) {
        let mut captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        if !captures.is_match() {
            return;
        }
        let names = self.regex.group_info().pattern_names(PatternID::ZERO);
        for (name, span) in names.zip(captures.iter()) {
            if let (Some(name), Some(span)) = (name, span) {
                each(name, span.range());
            }
        }
    }

    /// Calls `each` with the place of every match, of its first group where it has one.
    pub fn places(&self, text: &str, mut each: impl FnMut(std::ops::Range<usize>)) {
        for captures in self.regex.captures_iter(text) {
            if let Some(span) = captures.get_group(1).or_else(|| captures.get_group(0)) {
                each(span.range());
            }
        }
    }

    /// Replaces every match by `replacement`, in which `$1` and `${name}` stand for what the groups matched.
    pub fn replace_all(&self, text: &str, replacement: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for captures in self.regex.captures_iter(text) {
            let Some(whole) = captures.get_match() else { continue };
            out.push_str(text.get(end..whole.start()).unwrap_or(""));
            out.push_str(&template::expand(replacement, |group| {
                let span = match group {
                    template::Group::Index(index) => captures.get_group(index),
                    template::Group::Name(name) => captures.get_group_by_name(name),
                };
                span.and_then(|span| text.get(span.range())).unwrap_or("")
            }));
            end = whole.end();
        }
        out.push_str(text.get(end..).unwrap_or(""));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Search;

    #[test]
    fn matches_anywhere_and_replaces_all() {
        let digits = Search::new("([a-z]*)([0-9]+)").unwrap();
        assert!(digits.is_match("x 1") && !digits.is_match("x"));
        assert_eq!(digits.replace_all("a1 b22 c", "${2}-$1."), "1-a. 22-b. c");
        assert_eq!(Search::new("x*").unwrap().replace_all("abc", "-"), "-a-b-c-");
        let mut places = Vec::new();
        Search::new("k=([0-9]+)|z").unwrap().places("k=12 z", |place| places.push(place));
        assert_eq!(places, [2..4, 5..6]);
        assert!(Search::new("(").unwrap_err().message.contains("missing closing"));
    }
}
