//! Paths of `json` expressions: `a.b[0]["c d"]`.

use super::{Reader, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    Index(usize),
}

/// Where a value is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Part>);

impl Path {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = |what: &str| format!("cannot parse expression [{text}]: {what}");
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                if let Some(quoted) = inside.strip_prefix('"') {
                    let (key, after) =
                        quoted.split_once("\"]").ok_or_else(|| invalid("a bracket is not closed"))?;
                    parts.push(Part::Key(key.to_owned()));
                    rest = after;
                } else {
                    let (index, after) =
                        inside.split_once(']').ok_or_else(|| invalid("a bracket is not closed"))?;
                    let index = index.parse().map_err(|_| invalid("an index is a whole number"))?;
                    parts.push(Part::Index(index));
                    rest = after;
                }
                continue;
            }
            let after = if parts.is_empty() { rest } else { rest.strip_prefix('.').unwrap_or("") };
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, tail) = after.split_at(end);
            let name = key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '/' | '$'));
            if key.is_empty() || !name {
                return Err(invalid(&format!("unexpected {:?}", if key.is_empty() { rest } else { key })));
            }
            parts.push(Part::Key(key.to_owned()));
            rest = tail;
        }
        if parts.is_empty() {
            return Err(invalid("it is empty"));
        }
        Ok(Self(parts))
    }

    /// The keys that it names.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Key(key) => Some(key.as_str()),
            Part::Index(_) => None,
        })
    }

    /// The value there.
    pub(super) fn find<'t>(&self, text: &'t str) -> Option<Value<'t>> {
        let mut text = text;
        let (last, before) = self.0.split_last()?;
        for part in before {
            match step(text, part)? {
                Value::Nested(inner) => text = inner,
                _ => return None,
            }
        }
        step(text, last)
    }
}

/// The value of a key or at a place.
fn step<'t>(text: &'t str, part: &Part) -> Option<Value<'t>> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    match part {
        Part::Key(wanted) => {
            let mut found = None;
            // What follows a mistake is not there, and neither is a second one of that name.
            let _ = reader.object(&mut |reader, key| {
                let value = reader.value()?;
                if key == wanted.as_str() {
                    found = Some(value);
                    return Err(String::new());
                }
                Ok(())
            });
            found
        }
        Part::Index(index) => {
            reader.expect(b'[').ok()?;
            if reader.peek() == Some(b']') {
                return None;
            }
            for _ in 0..*index {
                reader.value().ok()?;
                reader.expect(b',').ok()?;
            }
            reader.value().ok()
        }
    }
}
