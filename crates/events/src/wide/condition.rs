//! The tests of a scan, prepared once and applied to many texts.

use std::borrow::Cow;

use memchr::memmem::Finder;
use model::pattern::Search;
use model::records::{FieldRef, TextTest};

/// One test.
pub(super) enum Test {
    Contains(Vec<Finder<'static>>, bool),
    Matches(Search, bool),
    In(Vec<String>, bool),
}

impl Test {
    pub(super) fn new(test: &TextTest) -> Self {
        let finders = |needles: &[String]| needles.iter().map(|n| Finder::new(n).into_owned()).collect();
        match test {
            TextTest::ContainsAny(needles) => Self::Contains(finders(needles), true),
            TextTest::ContainsNone(needles) => Self::Contains(finders(needles), false),
            TextTest::Matches(search) => Self::Matches(search.clone(), true),
            TextTest::MatchesNot(search) => Self::Matches(search.clone(), false),
            TextTest::In(texts) => Self::In(texts.clone(), true),
            TextTest::NotIn(texts) => Self::In(texts.clone(), false),
        }
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Contains(needles, want) => {
                needles.iter().any(|needle| needle.find(text.as_bytes()).is_some()) == *want
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
