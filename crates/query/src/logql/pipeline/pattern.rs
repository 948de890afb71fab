//! Patterns: literal text with `<name>` and `<_>` between it, found from left to right.

use std::borrow::Cow;

use model::labels::is_plain_label_name;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// Its name; empty for `<_>`.
    Capture(String),
}

/// A pattern, of a parser or of a line filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

impl Pattern {
    /// A pattern of a parser: it has a named capture, each name once, and text between two captures.
    pub(crate) fn parser(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        let names: Vec<&str> = pattern.names().collect();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(format!("duplicate capture name ({name})"));
        }
        Ok(pattern)
    }

    /// A pattern of a line filter: it names nothing.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        if pattern.names().next().is_some() {
            return Err("named captures are not allowed in the pattern of a line filter".to_owned());
        }
        Ok(pattern)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Capture(name) if !name.is_empty() => Some(name.as_str()),
            _ => None,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let capture = rest.strip_prefix('<').and_then(|after| {
                let (name, after) = after.split_once('>')?;
                is_plain_label_name(name).then_some((name, after))
            });
            match capture {
                Some((name, after)) => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    if matches!(parts.last(), Some(Part::Capture(_))) {
                        return Err(format!(
                            "found consecutive capture '<{name}>': literals are needed between two captures"
                        ));
                    }
                    parts.push(Part::Capture(if name == "_" { String::new() } else { name.to_owned() }));
                    rest = after;
                }
                None => {
                    literal.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// Whether its literal texts are found between whole words, or are whole words of which none `is_variable`: other
    /// words than these have no part in where it fits.
    pub(crate) fn is_between_words(&self, is_variable: impl Fn(&str) -> bool) -> bool {
        let is_word = |c: char| c.is_ascii_alphanumeric();
        self.0.iter().enumerate().all(|(at, part)| {
            let Part::Literal(literal) = part else { return true };
            let cut = (at > 0 && literal.starts_with(is_word)) || literal.ends_with(is_word);
            !cut && !literal.split(|c| !is_word(c)).any(|word| !word.is_empty() && is_variable(word))
        })
    }

    /// Gives the named captures of `text`, as far as it fits.
    pub(crate) fn captures<'t>(&self, text: &'t str, found: &mut dyn FnMut(&str, Cow<'t, str>)) {
        let mut rest = text;
        let mut parts = self.0.iter().peekable();
        if let Some(Part::Literal(literal)) = parts.peek() {
            match rest.strip_prefix(literal.as_str()) {
                Some(after) => rest = after,
                None => return,
            }
            parts.next();
        }
        while let Some(part) = parts.next() {
            let Part::Capture(name) = part else { return };
            let (value, after) = match parts.next() {
                Some(Part::Literal(literal)) => match rest.split_once(literal.as_str()) {
                    Some((value, after)) => (value, Some(after)),
                    // What is left belongs to this capture, and nothing to those behind it.
                    None => (rest, None),
                },
                _ => (rest, None),
            };
            if !name.is_empty() {
                found(name, Cow::Borrowed(value));
            }
            match after {
                Some(after) => rest = after,
                None => return,
            }
        }
    }

    /// Whether `text` is as the pattern says: literals in their order, the first and the last at its ends unless a
    /// capture stands there.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let [first, .., last] = self.0.as_slice() else {
            return match self.0.first() {
                Some(Part::Literal(literal)) => text.contains(literal.as_str()),
                Some(Part::Capture(_)) => !text.is_empty(),
                None => true,
            };
        };
        let mut rest = text;
        let mut parts = self.0.iter();
        if let Part::Literal(literal) = first {
            let Some(after) = rest.strip_prefix(literal.as_str()) else { return false };
            rest = after;
            parts.next();
        }
        let ends = if let Part::Literal(literal) = last { Some(literal.as_str()) } else { None };
        if ends.is_some() {
            parts.next_back();
        }
        for part in parts {
            if let Part::Literal(literal) = part {
                // A capture before it takes at least one character.
                let from = rest.chars().next().map_or(0, char::len_utf8);
                let Some(at) = rest.get(from..).and_then(|r| r.find(literal.as_str())) else { return false };
                rest = &rest[from + at + literal.len()..];
            }
        }
        match ends {
            Some(literal) => rest.len() > literal.len() && rest.ends_with(literal),
            None => !rest.is_empty(),
        }
    }
}
