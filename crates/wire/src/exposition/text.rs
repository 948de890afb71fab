//! A piece of the body that may hold escapes.

use std::borrow::Cow;

/// Text as written, with the knowledge whether a backslash is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text<'a> {
    /// The bytes between the quotes (or the bare word).
    pub raw: &'a str,
    /// Whether unescaping can change it.
    pub(crate) escaped: bool,
    /// Whether `\"` stands for a quote: not in the help text of the Prometheus format.
    pub(crate) quotes: bool,
}

impl<'a> Text<'a> {
    /// Text without escapes.
    pub(crate) const fn plain(raw: &'a str) -> Self {
        Self { raw, escaped: false, quotes: false }
    }

    /// Text in which `\\`, `\n` and `\"` are escapes.
    pub(crate) fn quoted(raw: &'a str) -> Self {
        Self { raw, escaped: raw.contains('\\'), quotes: true }
    }

    /// Text in which `\\` and `\n` are escapes.
    pub(crate) fn help(raw: &'a str) -> Self {
        Self { raw, escaped: raw.contains('\\'), quotes: false }
    }

    /// The text meant. A backslash before any other character stands for itself.
    pub fn unescape(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut out = String::with_capacity(self.raw.len());
        let mut chars = self.raw.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('\\') => out.push('\\'),
                Some('"') if self.quotes => out.push('"'),
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            }
        }
        Cow::Owned(out)
    }
}
