//! Looking for texts in columns of them, without writing each one out.

use memchr::memmem::Finder;

use super::texts::Texts;
use super::timed;

/// How a word must lie in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Whole,
    Start,
    End,
}

impl Fit {
    fn holds(self, text: &[u8], word: &[u8]) -> bool {
        match self {
            Self::Whole => text == word,
            Self::Start => text.starts_with(word),
            Self::End => text.ends_with(word),
        }
    }
}

/// Hexadecimal digits in lower case by their values, two a byte, from the digit at `from` on.
fn packed(digits: &[u8], from: usize) -> Option<Vec<u8>> {
    let digit = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let values = digits.iter().map(digit).collect::<Option<Vec<u8>>>()?;
    Some(values.get(from..)?.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Whether a needle that is no number may lie anywhere in columns with these letters, in any form: `false` is certain.
pub(super) fn in_letters(letters: &[u8], needle: &[u8], finder: &Finder<'_>) -> bool {
    timed::may_be_within(needle)
        || finder.find(letters).is_some()
        || [0, 1].iter().any(|from| {
            packed(needle, *from).is_some_and(|part| memchr::memmem::find(letters, &part).is_some())
        })
}

/// Where the variables of templates lie, and where those of each template begin there.
pub(super) struct Among<'a> {
    pub(super) letters: (&'a [u8], &'a [usize]),
    /// Hexadecimal digits; `None`: they are among the letters.
    pub(super) digits: Option<(&'a [u8], &'a [usize])>,
}

impl Among<'_> {
    /// Marks the templates among whose variables a needle that no time says may lie in any form.
    pub(super) fn mark(&self, needle: &[u8], finder: &Finder<'_>, out: &mut [bool]) {
        mark_starts(self.letters, finder, out);
        for part in [0, 1].iter().filter_map(|from| packed(needle, *from)) {
            mark_starts(self.digits.unwrap_or(self.letters), &Finder::new(&part), out);
        }
    }
}

fn mark_starts((bytes, starts): (&[u8], &[usize]), finder: &Finder<'_>, out: &mut [bool]) {
    places(bytes, finder, |at| {
        let next = starts.partition_point(|start| *start <= at);
        if let Some(out) = next.checked_sub(1).and_then(|id| out.get_mut(id)) {
            *out = true;
        }
        starts.get(next).copied().unwrap_or(bytes.len() + 1)
    });
}

/// Calls `each` with every place of a needle, those that overlap too, until it says where to go on.
fn places(text: &[u8], finder: &Finder<'_>, mut each: impl FnMut(usize) -> usize) {
    let mut from = 0;
    while from <= text.len()
        && let Some(at) = finder.find(&text[from..])
    {
        from = each(from + at).max(from + at + 1);
    }
}

/// The number that a text is, if a column of numbers (of this length; 0: without leading zeros) can have it.
fn number(word: &[u8], len: usize) -> Option<i64> {
    let fits = if len > 0 { word.len() == len } else { word.len() == 1 || word.first() != Some(&b'0') };
    if !fits || word.is_empty() || word.len() > 18 {
        return None;
    }
    word.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

impl Texts<'_> {
    /// Marks the texts that may have a needle within them; those that are not marked have not.
    pub(super) fn mark(&self, needle: &[u8], finder: &Finder<'_>, out: &mut [bool]) {
        match self {
            Self::Constant(text) => {
                if finder.find(text).is_some() {
                    out.fill(true);
                }
            }
            Self::Numbers(..) => {
                if needle.iter().all(u8::is_ascii_digit) {
                    self.mark_written(out, |text| finder.find(text).is_some());
                }
            }
            Self::Timed(..) => {
                if needle.iter().all(u8::is_ascii_digit) || timed::may_be_within(needle) {
                    self.mark_written(out, |text| finder.find(text).is_some());
                }
            }
            Self::Words(words, ids) => {
                let has: Vec<bool> = words.iter().map(|word| finder.find(word).is_some()).collect();
                if has.contains(&true) {
                    out.iter_mut().zip(ids).for_each(|(out, id)| *out |= has[*id as usize]);
                }
            }
            Self::Hex(bytes, len) => {
                if *len == 0 || needle.len() > len * 2 {
                    return;
                }
                for from in [0, 1] {
                    match packed(needle, from) {
                        None if from == 0 => return,
                        None => {}
                        Some(part) if part.is_empty() => out.fill(true),
                        Some(part) => places(bytes, &Finder::new(&part), |at| {
                            if let Some(out) = out.get_mut(at / len) {
                                *out = true;
                            }
                            at + 1
                        }),
                    }
                }
            }
            Self::Plain(text, ends) => places(text, finder, |at| {
                let place = ends.partition_point(|end| (*end as usize) <= at);
                let place = if needle.is_empty() { out.len() } else { place };
                let Some(end) = ends.get(place) else {
                    out.fill(true);
                    return text.len() + 1;
                };
                if at + needle.len() > *end as usize {
                    return at + 1; // It reaches into the next one.
                }
                if let Some(out) = out.get_mut(place) {
                    *out = true;
                }
                *end as usize
            }),
        }
    }

    /// Takes the mark from texts that do not have a word as they should.
    pub(super) fn retain(&self, word: &[u8], fit: Fit, out: &mut [bool]) {
        match self {
            Self::Constant(text) => {
                if !fit.holds(text, word) {
                    out.fill(false);
                }
            }
            Self::Numbers(values, len) if fit == Fit::Whole => match number(word, *len) {
                Some(number) => out.iter_mut().zip(values).for_each(|(out, v)| *out &= *v == number),
                None => out.fill(false),
            },
            Self::Words(words, ids) => {
                let has: Vec<bool> = words.iter().map(|text| fit.holds(text, word)).collect();
                match has.contains(&true) {
                    true => out.iter_mut().zip(ids).for_each(|(out, id)| *out &= has[*id as usize]),
                    false => out.fill(false),
                }
            }
            Self::Hex(bytes, len) if fit == Fit::Whole => {
                match packed(word, 0).filter(|part| part.len() == *len && word.len() == len * 2) {
                    Some(part) => out
                        .iter_mut()
                        .zip(bytes.chunks_exact((*len).max(1)))
                        .for_each(|(out, text)| *out &= text == &part[..]),
                    None => out.fill(false),
                }
            }
            Self::Numbers(..) if !word.iter().all(u8::is_ascii_digit) => out.fill(false),
            Self::Hex(..) if packed(word, 0).is_none() => out.fill(false),
            Self::Plain(text, ends) => {
                let mut start = 0;
                for (out, end) in out.iter_mut().zip(ends) {
                    *out &= fit.holds(text.get(start..*end as usize).unwrap_or_default(), word);
                    start = *end as usize;
                }
            }
            Self::Timed(times, says) if fit == Fit::Whole => {
                out.iter_mut().zip(*times).for_each(|(out, time_ns)| *out &= says.holds(word, *time_ns));
            }
            Self::Numbers(..) | Self::Hex(..) | Self::Timed(..) => {
                let mut text = Vec::new();
                for (at, out) in out.iter_mut().enumerate().filter(|(_, out)| **out) {
                    text.clear();
                    self.write(at, &mut text);
                    *out = fit.holds(&text, word);
                }
            }
        }
    }

    fn mark_written(&self, out: &mut [bool], holds: impl Fn(&[u8]) -> bool) {
        let mut text = Vec::new();
        for (at, out) in out.iter_mut().enumerate() {
            text.clear();
            self.write(at, &mut text);
            *out |= holds(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use disk::varint::Reader;
    use proptest::prelude::*;

    use super::*;
    use crate::wide::texts::{Sink, put, read};

    fn check(texts: &[String], needle: &str) {
        let bytes: Vec<&[u8]> = texts.iter().map(|t| t.as_bytes()).collect();
        let mut sink = Sink::default();
        put(&bytes, &mut sink, &mut HashMap::default());
        let column =
            read(&mut Reader::new(&sink.numbers), &mut Reader::new(&sink.letters), texts.len()).unwrap();
        let finder = Finder::new(needle);
        let mut marked = vec![false; texts.len()];
        column.mark(needle.as_bytes(), &finder, &mut marked);
        for (text, marked) in texts.iter().zip(&marked) {
            assert!(*marked || !text.contains(needle), "{needle:?} in {text:?} of {texts:?}");
        }
        let number = needle.bytes().all(|b| b.is_ascii_digit());
        let somewhere = texts.iter().any(|text| text.contains(needle));
        assert!(number || !somewhere || in_letters(&sink.letters, needle.as_bytes(), &finder));
        for fit in [Fit::Whole, Fit::Start, Fit::End] {
            let mut kept = vec![true; texts.len()];
            column.retain(needle.as_bytes(), fit, &mut kept);
            let want: Vec<bool> = texts.iter().map(|t| fit.holds(t.as_bytes(), needle.as_bytes())).collect();
            assert_eq!(kept, want, "{needle:?} {fit:?} of {texts:?}");
        }
    }

    #[test]
    fn what_reaches_over_two_texts_hides_nothing() {
        check(&["a".to_owned(), "aa".to_owned(), "b".to_owned()], "aa");
        check(&["x1".to_owned(), String::new(), "11x".to_owned(), "y".to_owned()], "11");
    }

    proptest! {
        #[test]
        fn nothing_is_missed(
            texts in prop::collection::vec("[0-9]{1,4}|[0-9a-f]{4}|0[0-9]|[ab1]{0,5}|가나?", 1..30),
            hex in prop::collection::vec("[0-9a-f]{8}", 1..30),
            padded in prop::collection::vec("0[0-9]{2}", 1..30),
            at in any::<prop::sample::Index>(),
            from in 0usize..8,
            len in 0usize..6,
        ) {
            for texts in [texts, hex, padded] {
                let one = at.get(texts.as_slice());
                let chars: Vec<char> = one.chars().collect();
                let from = from.min(chars.len());
                let part: String = chars[from..(from + len).min(chars.len())].iter().collect();
                check(&texts, &part);
                check(&texts, one);
                check(&texts, "b1");
            }
        }
    }
}
