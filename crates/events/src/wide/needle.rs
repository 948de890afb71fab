//! What a needle says about the templates it may be found in, and about the variables there. The word at either end of it may
//! go on in the text, and be a variable there; what is delimited on both sides within the needle is known.

use memchr::memmem::Finder;

use super::filter::{self, Word};
use super::search::{Fit, in_letters};
use super::split::{HOLE, is_variable, is_word};
use super::texts::Texts;
use super::timed;
use super::words;

/// What is certain about the messages of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    All,
    None,
    /// They must be looked at.
    Open,
}

/// A template with more places for a reading is looked at row by row.
const MOST_PLACES: usize = 32;

/// What holes stand for, in their order.
type Holes = Vec<(Vec<u8>, Fit)>;

/// A way in which a needle can read in a template.
struct Reading {
    finder: Finder<'static>,
    holes: Holes,
}

/// A needle, prepared.
pub(super) struct Needle {
    text: Vec<u8>,
    finder: Finder<'static>,
    /// The ways in which it can read in a template; none: it is within one word.
    readings: Vec<Reading>,
    /// What the filter of a block may know of it.
    words: Vec<Word>,
    /// What all readings have.
    core: Option<Finder<'static>>,
    /// The longest word that lies in one piece wherever it is kept (see [`super::texts::put_long`]).
    plain: Option<Finder<'static>>,
    /// What filters of plain words may know of it.
    plain_words: Vec<words::Word>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let inside = text.iter().position(|b| !is_word(*b)).zip(text.iter().rposition(|b| !is_word(*b)));
        let mut readings = Vec::new();
        let (mut shared, mut plain, mut plain_words) = (None, None, Vec::new());
        if let Some((first, last)) = inside {
            let core = as_template(&text[first..=last]);
            shared = Some(Finder::new(&core.0).into_owned());
            let inner = &text[first..=last];
            plain_words = words::plain(inner).map(words::Word::new).collect();
            let longest = words::plain(inner).max_by_key(|word| word.len());
            plain = longest.map(|word| Finder::new(word).into_owned());
            for (before, hole_before) in edges(&text[..first], Fit::End) {
                for (after, hole_after) in edges(&text[last + 1..], Fit::Start) {
                    let reading = [before, &core.0[..], after].concat();
                    let holes = hole_before.iter().chain(&core.1).chain(&hole_after).cloned().collect();
                    readings.push(Reading { finder: Finder::new(&reading).into_owned(), holes });
                }
            }
        }
        let words = filter::words_of_needle(&text);
        Self {
            finder: Finder::new(&text).into_owned(),
            readings,
            words,
            core: shared,
            plain,
            plain_words,
            text,
        }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.finder.find(text).is_some()
    }

    pub(super) fn finder(&self) -> &Finder<'static> {
        &self.finder
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// What the filter of a block may know of it.
    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    /// Whether it lies within one word wherever it is found.
    pub(super) fn is_within_word(&self) -> bool {
        self.readings.is_empty()
    }

    /// What filters of plain words may know of it.
    pub(super) fn plain_words(&self) -> &[words::Word] {
        &self.plain_words
    }

    /// Whether it can read in one of many templates that lie one behind the other.
    pub(super) fn may_be_among(&self, templates: &[u8]) -> bool {
        self.core.as_ref().is_none_or(|core| core.find(templates).is_some())
    }

    /// Whether it can be in one of many texts, by how they are kept.
    pub(super) fn may_be_in_shaped(&self, raw: &[u8]) -> bool {
        match &self.plain {
            Some(word) => word.find(raw).is_some(),
            None => !self.shows_in_letters() || in_letters(raw, &self.text, &self.finder),
        }
    }

    /// Whether it lies in one piece among the letters of variables that have it: a word or a part of one, and no number.
    pub(super) fn shows_in_letters(&self) -> bool {
        self.is_within_word()
            && !self.text.iter().all(u8::is_ascii_digit)
            && !timed::may_be_within(&self.text)
    }

    /// What a template says.
    pub(super) fn verdict(&self, template: &[u8]) -> Verdict {
        if memchr::memchr(HOLE, &self.text).is_some() {
            return Verdict::None; // such a message has no template
        }
        if self.finder.find(template).is_some() {
            return Verdict::All;
        }
        let possible = self.is_within_word()
            || self.readings.iter().any(|reading| reading.finder.find(template).is_some());
        if possible && memchr::memchr(HOLE, template).is_some() { Verdict::Open } else { Verdict::None }
    }

    /// Marks the messages of a template, by their variables, that may have it within them.
    pub(super) fn mark(&self, template: &[u8], columns: &[Texts<'_>], out: &mut [bool]) {
        if self.finder.find(template).is_some() {
            return out.fill(true);
        }
        if self.is_within_word() {
            return columns.iter().for_each(|c| c.mark(&self.text, &self.finder, out));
        }
        let mut places = 0;
        let mut marked = vec![true; out.len()];
        for reading in &self.readings {
            let mut from = 0;
            while let Some(at) = reading.finder.find(&template[from..]) {
                places += 1;
                if places > MOST_PLACES {
                    return out.fill(true);
                }
                let first = memchr::memchr_iter(HOLE, &template[..from + at]).count();
                marked.fill(true);
                for ((word, fit), column) in
                    reading.holes.iter().zip(columns.get(first..).unwrap_or_default())
                {
                    column.retain(word, *fit, &mut marked);
                }
                out.iter_mut().zip(&marked).for_each(|(out, marked)| *out |= marked);
                from += at + 1;
            }
        }
    }
}

/// What the word at an end of the needle, which may go on in the text, is in a template.
fn edges(word: &[u8], fit: Fit) -> Vec<(&[u8], Holes)> {
    let hole = || (&[HOLE][..], vec![(word.to_vec(), fit)]);
    match word {
        [] => vec![(word, Vec::new())],
        _ if word.iter().any(u8::is_ascii_digit) => vec![hole()],
        _ => vec![(word, Vec::new()), hole()],
    }
}

/// A text that begins and ends between words, as it reads in a template, and its variables.
fn as_template(text: &[u8]) -> (Vec<u8>, Holes) {
    let (mut out, mut holes) = (Vec::with_capacity(text.len()), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].iter().position(|b| !is_word(*b)).map_or(text.len(), |n| at + n);
        let word = &text[at..end];
        if is_variable(word) {
            out.push(HOLE);
            holes.push((word.to_vec(), Fit::Whole));
        } else {
            out.extend_from_slice(word);
        }
        let next = text[end..].iter().position(|b| is_word(*b)).map_or(text.len(), |n| end + n);
        out.extend_from_slice(&text[end..next]);
        at = next;
    }
    (out, holes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::split::split;
    use proptest::prelude::*;

    fn verdict(text: &str, needle: &str) -> Verdict {
        let mut template = Vec::new();
        assert!(split(text.as_bytes(), &mut template, &mut Vec::new()));
        Needle::new(needle).verdict(&template)
    }

    #[test]
    fn templates_answer_where_they_can() {
        let line = "GET /api/v1 status=500 took 12ms 결제 실패";
        for (needle, want) in [
            ("took", Verdict::All),
            ("실패", Verdict::All),
            ("", Verdict::All),
            ("status=500 took", Verdict::Open),
            ("500 took 12", Verdict::Open),
            ("v1", Verdict::Open),
            ("결제 성공", Verdict::None),
            ("=500 lost", Verdict::None),
            ("=500 lost ", Verdict::None),
            ("=five ", Verdict::None),
            ("request 500 took", Verdict::None),
        ] {
            assert_eq!(verdict(line, needle), want, "{needle}");
        }
        assert_eq!(verdict("no numbers", "v"), Verdict::None);
    }

    proptest! {
        #[test]
        fn no_template_hides_a_needle(text in "[ab1=. 가/]{0,24}", from in 0usize..24, len in 0usize..12) {
            let chars: Vec<char> = text.chars().collect();
            let from = from.min(chars.len());
            let needle: String = chars[from..(from + len).min(chars.len())].iter().collect();
            prop_assert_ne!(verdict(&text, &needle), Verdict::None, "{:?} in {:?}", needle, text);
        }

        #[test]
        fn what_a_template_promises_holds(text in "[abf1=. 가]{0,16}", needle in "[abf1=. 가]{0,4}") {
            match verdict(&text, &needle) {
                Verdict::All => prop_assert!(text.contains(&needle)),
                Verdict::None => prop_assert!(!text.contains(&needle)),
                Verdict::Open => {}
            }
        }
    }
}
