//! The tests of a scan, prepared once and applied to many texts.

use std::borrow::Cow;

use model::pattern::Search;

use super::filter::{Filter, Word, word_of_value};
use super::needle::{Needle, Verdict};
use super::search::Among;
use super::split::HOLE;
use super::texts::Texts;
use model::records::{FieldRef, TextTest};

/// One test.
pub(super) enum Test {
    Contains(Vec<Needle>, bool),
    /// With texts that a match must have: of each list one.
    Matches(Search, bool, Vec<Vec<Needle>>),
    In(Vec<String>, bool),
}

impl Test {
    pub(super) fn new(test: &TextTest) -> Self {
        let prepared = |needles: &[String]| needles.iter().map(|n| Needle::new(n)).collect();
        match test {
            TextTest::ContainsAny(needles) => Self::Contains(prepared(needles), true),
            TextTest::ContainsNone(needles) => Self::Contains(prepared(needles), false),
            TextTest::Matches(search) => {
                let required = search.required().iter().map(|texts| prepared(texts)).collect();
                Self::Matches(search.clone(), true, required)
            }
            TextTest::MatchesNot(search) => Self::Matches(search.clone(), false, Vec::new()),
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
        match self {
            Self::Contains(needles, true) => verdict(needles, template),
            Self::Contains(needles, false) => match verdict(needles, template) {
                Verdict::All => Verdict::None,
                Verdict::None => Verdict::All,
                Verdict::Open => Verdict::Open,
            },
            Self::Matches(_, true, required) => {
                let impossible = required.iter().any(|needles| verdict(needles, template) == Verdict::None);
                if impossible { Verdict::None } else { Verdict::Open }
            }
            Self::Matches(..) | Self::In(..) => Verdict::Open,
        }
    }

    /// The lists of needles of which a message must have one each.
    fn required(&self) -> &[Vec<Needle>] {
        match self {
            Self::Contains(needles, true) => std::slice::from_ref(needles),
            Self::Matches(_, true, required) => required,
            _ => &[],
        }
    }

    /// The words of which a field's text must be one, where filters may know of all of them.
    pub(super) fn values(&self) -> Option<Vec<Word>> {
        let Self::In(texts, true) = self else { return None };
        texts.iter().map(|text| word_of_value(text.as_bytes())).collect()
    }

    /// Whether the filter of a block leaves open that a message of it fulfils the test.
    pub(super) fn may_hold(&self, filter: &Filter<'_>) -> bool {
        self.required()
            .iter()
            .all(|needles| needles.iter().any(|n| n.words().iter().all(|word| filter.may_have(word))))
    }

    /// Whether filters may know something of what messages must have.
    pub(super) fn has_words(&self) -> bool {
        self.required().iter().any(|needles| needles.iter().all(|n| !n.words().is_empty()))
    }

    /// Whether a filter of plain words may know something of what messages must have.
    pub(super) fn has_plain_words(&self) -> bool {
        self.required().iter().any(|needles| needles.iter().all(|n| !n.plain_words().is_empty()))
    }

    /// Whether a filter of plain words leaves open that a message fulfils the test.
    pub(super) fn may_hold_by_words(&self, filter: &[u8]) -> bool {
        let may = |needle: &Needle| needle.plain_words().iter().all(|word| word.may_be_in(filter));
        self.required().iter().all(|needles| needles.iter().any(may))
    }

    /// Whether one of many templates that lie one behind the other can fulfil the test.
    pub(super) fn may_hold_among(&self, templates: &[u8]) -> bool {
        self.required().iter().all(|needles| needles.iter().any(|n| n.may_be_among(templates)))
    }

    /// Whether a message without a template can fulfil the test, by how they are kept.
    pub(super) fn may_hold_shaped(&self, raw: &[u8]) -> bool {
        self.required().iter().all(|needles| needles.iter().any(|n| n.may_be_in_shaped(raw)))
    }

    /// Rules out templates whose messages cannot fulfil the test, by the letters of their variables. `starts`: where those of
    /// each begin, and where the last ones end.
    pub(super) fn rule_out(&self, templates: &[&[u8]], among: &Among<'_>, verdicts: &mut [Verdict]) {
        for needles in self.required() {
            if !needles.iter().all(Needle::shows_in_letters) {
                continue;
            }
            let mut may = vec![false; templates.len()];
            for needle in needles {
                among.mark(needle.bytes(), needle.finder(), &mut may);
            }
            for ((verdict, template), may) in verdicts.iter_mut().zip(templates).zip(may) {
                if *verdict == Verdict::Open && !may && !needles.iter().any(|n| n.is_in(template)) {
                    *verdict = Verdict::None;
                }
            }
        }
    }

    /// Takes the mark from messages of a template that cannot fulfil the test, by their variables. Without a template the
    /// only column has the messages.
    pub(super) fn retain(&self, template: Option<&[u8]>, columns: &[Texts<'_>], marked: &mut [bool]) {
        let mut some = vec![false; marked.len()];
        for needles in self.required() {
            some.fill(false);
            for needle in needles {
                match template {
                    Some(template) => needle.mark(template, columns, &mut some),
                    None => columns.iter().for_each(|c| c.mark(needle.bytes(), needle.finder(), &mut some)),
                }
            }
            marked.iter_mut().zip(&some).for_each(|(marked, some)| *marked &= some);
        }
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Contains(needles, want) => {
                needles.iter().any(|needle| needle.is_in(text.as_bytes())) == *want
            }
            Self::Matches(search, want, _) => search.is_match(text) == *want,
            Self::In(texts, want) => texts.iter().any(|t| t == text) == *want,
        }
    }
}

/// What a needle of these says of a template.
fn verdict(needles: &[Needle], template: &[u8]) -> Verdict {
    let mut found = Verdict::None;
    for needle in needles {
        match needle.verdict(template) {
            Verdict::All => return Verdict::All,
            Verdict::Open => found = Verdict::Open,
            Verdict::None => {}
        }
    }
    found
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
