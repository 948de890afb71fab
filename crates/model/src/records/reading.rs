//! What a query reads in messages. Messages that differ in their variables only say the same things at the same places: a
//! reader is asked about their template once, and the messages themselves need not be put together.

use std::fmt;
use std::ops::Range;

/// What messages have in common that differ in their variables only.
///
/// A variable is a run of ASCII letters and digits, never an empty one, with none of these on either side: a whole word.
/// Whether a word is a variable is told by the word alone ([`is_variable`](Self::is_variable)), so that fixed text never has
/// a word that is one.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// Such a message in which every variable is a single `0`.
    pub text: &'a str,
    /// Where these are, sorted.
    pub variables: &'a [usize],
    /// Whether a word is a variable; every number is.
    pub is_variable: fn(&str) -> bool,
}

/// How texts follow from the messages of a template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipe {
    /// Where each text comes from; `None`: these messages have no such text.
    pub texts: Vec<Option<Told>>,
    /// What variables must be, by their number. A message of which one is not is read as any other.
    pub conditions: Vec<(usize, Form)>,
}

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is always this one.
    Fixed(String),
    /// It is this part of the message, as a range of [`Template::text`].
    Part(Range<usize>),
}

/// What a variable must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Decimal digits without leading zeros.
    Integer,
    /// Decimal digits.
    Digits,
    /// Begins with a decimal digit.
    Number,
}

impl Form {
    /// Whether a variable is of this form.
    pub fn has(self, variable: &[u8]) -> bool {
        let digits = || !variable.is_empty() && variable.iter().all(u8::is_ascii_digit);
        match self {
            Self::Integer => digits() && (variable.len() == 1 || variable[0] != b'0'),
            Self::Digits => digits(),
            Self::Number => variable.first().is_some_and(u8::is_ascii_digit),
        }
    }
}

/// What a query reads in messages: so many texts in each, of which a message may have all, some or none.
pub trait Reading: Send + Sync + fmt::Debug {
    /// How many texts there are.
    fn texts(&self) -> usize;

    /// How the texts follow from the messages of a template; `None` where they do not follow in the same way from all.
    fn of_template(&self, template: &Template<'_>) -> Option<Recipe>;

    /// Gives the texts of a message by their numbers. One that is given twice is what it was the second time.
    fn of_message(&self, message: &str, found: &mut dyn FnMut(usize, &str));

    /// The key of records of which labels and fields say `by` and messages say `texts`; `None`: they are left out. It is
    /// asked once for many records. An error ends the whole.
    fn key(&self, by: &[&str], texts: &[Option<&str>]) -> crate::Result<Option<String>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_forms() {
        for (text, integer, digits, number) in [
            ("0", true, true, true),
            ("07", false, true, true),
            ("7a", false, false, true),
            ("a7", false, false, false),
        ] {
            let of = |form: Form| form.has(text.as_bytes());
            assert_eq!(
                (of(Form::Integer), of(Form::Digits), of(Form::Number)),
                (integer, digits, number),
                "{text}"
            );
        }
        assert!(!Form::Integer.has(b"") && !Form::Digits.has(b"") && !Form::Number.has(b""));
        assert!(Form::Integer.has(b"10"));
    }
}
