//! Classes in brackets.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::{Parsed, Parser, SyntaxError};

impl Parser<'_> {
    /// What follows `[`, which is at `start`. Only `]`, a backslash, `[:name:]` and `-` between two characters mean
    /// anything; a `]` at the beginning and a `-` elsewhere are themselves.
    pub(super) fn bracket(&mut self, start: usize) -> Parsed<Hir> {
        let negate = self.eat("^");
        let mut class = ClassUnicode::empty();
        let mut first = true;
        loop {
            match self.peek() {
                None => return Err(self.unclosed(start)),
                Some(']') if !first => {
                    self.at += 1;
                    break;
                }
                Some(_) => self.class_item(start, &mut class)?,
            }
            first = false;
        }
        if negate {
            class.negate();
        }
        Ok(Hir::class(Class::Unicode(class)))
    }

    fn unclosed(&self, start: usize) -> SyntaxError {
        SyntaxError::new("missing closing ]", self.text.get(start..).unwrap_or(""))
    }

    fn class_item(&mut self, start: usize, class: &mut ClassUnicode) -> Parsed<()> {
        if self.rest().starts_with("[:") && self.posix(class)? {
            return Ok(());
        }
        let item = self.at;
        if self.eat("\\") {
            if let Some(escaped) = self.escaped_class(item)? {
                class.union(&escaped);
                return Ok(());
            }
            self.at = item;
        }
        let low = self.class_char(start)?;
        let mut high = low;
        let mut following = self.rest().chars();
        if following.next() == Some('-') && following.next().is_some_and(|c| c != ']') {
            self.at += 1;
            high = self.class_char(start)?;
            if high < low {
                return Err(SyntaxError::new("invalid character class range", self.since(item)));
            }
        }
        class.union(&self.folded(ClassUnicode::new([ClassUnicodeRange::new(low, high)])));
        Ok(())
    }

    fn class_char(&mut self, start: usize) -> Parsed<char> {
        let at = self.at;
        match self.bump() {
            None => Err(self.unclosed(start)),
            Some('\\') => self.escaped_char(at),
            Some(c) => Ok(c),
        }
    }

    /// `[:alpha:]` or `[:^alpha:]`; `false` where it does not end, so that it is only characters.
    fn posix(&mut self, class: &mut ClassUnicode) -> Parsed<bool> {
        let item = self.at;
        let Some((inner, _)) = self.rest().get(2..).and_then(|t| t.split_once(":]")) else {
            return Ok(false);
        };
        self.at += inner.len() + 4;
        let (name, negate) = match inner.strip_prefix('^') {
            Some(name) => (name, true),
            None => (inner, false),
        };
        let Some(ranges) = posix_ranges(name) else {
            return Err(SyntaxError::new("invalid character class range", self.since(item)));
        };
        let ranges = ranges.iter().map(|(a, b)| ClassUnicodeRange::new(*a, *b));
        let mut named = self.folded(ClassUnicode::new(ranges));
        if negate {
            named.negate();
        }
        class.union(&named);
        Ok(true)
    }
}

fn posix_ranges(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\u{7f}')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\u{1f}'), ('\u{7f}', '\u{7f}')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}
