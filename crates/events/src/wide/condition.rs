//! The tests of a scan, prepared once and applied to many texts.

use std::borrow::Cow;

use model::pattern::Search;

use super::needle::{Needle, Verdict};
use super::split::HOLE;
use super::texts::Texts;
use model::records::{FieldRef, TextTest};

/// One test.
pub(super) enum Test {
    Contains(Vec<Needle>, bool),
    Matches(Search, bool),
    In(Vec<String>, bool),
}

impl Test {
    pub(super) fn new(test: &TextTest) -> Self {
        let prepared = |needles: &[String]| needles.iter().map(|n| Needle::new(n)).collect();
        match test {
            TextTest::ContainsAny(needles) => Self::Contains(prepared(needles), true),
            TextTest::ContainsNone(needles) => Self::Contains(prepared(needles), false),
            TextTest::Matches(search) => Self::Matches(search.clone(), true),
            TextTest::MatchesNot(search) => Self::Matches(search.clone(), false),
            TextTest::In(texts) => Self::In(texts.clone(), true),
            TextTest::NotIn(texts) => Self::In(texts.clone(), false),
        }
    }

    /// What the template of a message says.
    pub(super) fn verdict(&self, template: &[u8]) -> Verdict {
        if memchr::memchr(HOLE, template).is_none() {
            // It is the message.
            let holds = std::str::from_utf8(template).is_ok_and(|text| self.holds(text));
            return if holds { Verdict::All } else { Verdict::None };
        }
        let Self::Contains(needles, want) = self else { return Verdict::Open };
        let mut found = Verdict::None;
        for needle in needles {
            match needle.verdict(template) {
                Verdict::All => {
                    found = Verdict::All;
                    break;
                }
                Verdict::Open => found = Verdict::Open,
                Verdict::None => {}
            }
        }
        match found {
            Verdict::All if !want => Verdict::None,
            Verdict::None if !want => Verdict::All,
            found => found,
        }
    }

    /// Whether no message with these variables fulfils the test, where its template leaves that open. `whole`: the only
    /// column has the messages.
    pub(super) fn rules_out(&self, columns: &[Texts<'_>], whole: bool) -> bool {
        let Self::Contains(needles, true) = self else { return false };
        let impossible = |needle: &Needle| {
            (whole || needle.is_within_word())
                && !columns.iter().any(|c| c.may_contain(needle.bytes(), needle.finder()))
        };
        needles.iter().all(impossible)
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Contains(needles, want) => {
                needles.iter().any(|needle| needle.is_in(text.as_bytes())) == *want
            }
            Self::Matches(search, want) => search.is_match(text) == *want,
            Self::In(texts, want) => texts.iter().any(|t| t == text) == *want,
        }
    }
}

/// A value as it is written.
pub(super) fn written<'a>(value: FieldRef<'a>) -> Cow<'a, str> {
    match value {
        FieldRef::Text(text) => Cow::Borrowed(text),
        FieldRef::Int(int) => Cow::Owned(int.to_string()),
        FieldRef::Float(float) => Cow::Owned(float.to_string()),
        FieldRef::Bool(true) => Cow::Borrowed("true"),
        FieldRef::Bool(false) => Cow::Borrowed("false"),
    }
}
