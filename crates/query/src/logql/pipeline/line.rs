//! Line filters, and what takes colours away.

use std::borrow::Cow;

use model::pattern::Search;
use model::records::TextTest;

use super::ip::Addresses;
use super::pattern::Pattern;
use crate::logql::ast::{LineFilter, LineOp};

/// A line filter, ready to run.
pub(crate) struct Filter {
    negative: bool,
    terms: Vec<Test>,
}

enum Test {
    Contains(String),
    Search(Search),
    Ip(Addresses),
    Pattern(Pattern),
}

impl Filter {
    pub(crate) fn new(filter: &LineFilter) -> Result<Self, String> {
        let terms = filter.terms.iter().map(|term| {
            Ok(match filter.op {
                _ if term.ip => Test::Ip(Addresses::parse(&term.text)?),
                LineOp::Contains | LineOp::ContainsNot => Test::Contains(term.text.clone()),
                LineOp::Matches | LineOp::MatchesNot => {
                    Test::Search(Search::new(&term.text).map_err(|e| e.message)?)
                }
                LineOp::Pattern | LineOp::PatternNot => Test::Pattern(Pattern::filter(&term.text)?),
            })
        });
        Ok(Self { negative: filter.op.is_negative(), terms: terms.collect::<Result<_, String>>()? })
    }

    pub(crate) fn passes(&self, line: &str) -> bool {
        let found = self.terms.iter().any(|term| match term {
            Test::Contains(text) => line.contains(text.as_str()),
            Test::Search(search) => search.is_match(line),
            Test::Ip(addresses) => addresses.any_in(line),
            Test::Pattern(pattern) => pattern.matches(line),
        });
        found != self.negative
    }
}

/// What a store can test of a filter: all of it or nothing.
pub(crate) fn pushed(filter: &LineFilter) -> Option<TextTest> {
    if filter.terms.iter().any(|term| term.ip) {
        return None;
    }
    let texts = || filter.terms.iter().map(|term| term.text.clone()).collect();
    let search = || {
        let text = match filter.terms.as_slice() {
            [one] => one.text.clone(),
            many => many.iter().map(|term| format!("(?:{})", term.text)).collect::<Vec<_>>().join("|"),
        };
        Search::new(&text).ok()
    };
    match filter.op {
        LineOp::Contains => Some(TextTest::ContainsAny(texts())),
        LineOp::ContainsNot => Some(TextTest::ContainsNone(texts())),
        LineOp::Matches => search().map(TextTest::Matches),
        LineOp::MatchesNot => search().map(TextTest::MatchesNot),
        LineOp::Pattern | LineOp::PatternNot => None,
    }
}

/// Takes the sequences away that colour a terminal (`ESC [ ... letter`).
pub(crate) fn decolorize(line: &mut Cow<'_, str>) {
    if !line.contains('\u{1b}') {
        return;
    }
    let mut out = String::with_capacity(line.len());
    let mut rest: &str = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| !matches!(c, '0'..='9' | ';' | ':' | '?' | ' '..='/'));
        match end {
            Some(end) if sequence[end..].starts_with(|c: char| matches!(c, '@'..='~')) => {
                rest = &sequence[end + 1..];
            }
            // No such sequence after all.
            _ => {
                out.push_str(&rest[at..at + 2]);
                rest = sequence;
            }
        }
    }
    out.push_str(rest);
    *line = Cow::Owned(out);
}
