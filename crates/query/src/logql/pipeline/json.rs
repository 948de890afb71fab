//! The `json` parser: one walk over the text, without a tree.

mod path;

use std::borrow::Cow;

use super::Failure;
pub(crate) use path::Path;

pub(crate) const FAILED: &str = "JSONParserErr";
/// How deep objects may be nested.
const MAX_DEPTH: usize = 64;

/// Gives every value that is no object, list or null; names of nested ones are joined by `_`.
pub(crate) fn all<'t>(text: &'t str, found: &mut dyn FnMut(&str, Cow<'t, str>)) -> Result<(), Failure> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let mut name = String::new();
    reader.object(&mut |reader, key| nested(reader, key, &mut name, found)).map_err(failure)
}

fn failure(message: String) -> Failure {
    (FAILED, message)
}

fn nested<'t>(
    reader: &mut Reader<'t>,
    key: Cow<'t, str>,
    name: &mut String,
    found: &mut dyn FnMut(&str, Cow<'t, str>),
) -> Result<(), String> {
    let before = name.len();
    let key = key.trim();
    if !name.is_empty() && !key.is_empty() {
        name.push('_');
    }
    name.push_str(key);
    let result = match reader.peek() {
        Some(b'{') => reader.object(&mut |reader, key| nested(reader, key, name, found)),
        _ => reader.value().map(|value| {
            if let Some(text) = value.text() {
                found(name, text);
            }
        }),
    };
    name.truncate(before);
    result
}

/// Gives the texts of an object that has nothing nested, for `unpack`.
pub(crate) fn texts(text: &str, found: &mut dyn FnMut(&str, String)) -> Result<(), Failure> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader
        .object(&mut |reader, key| {
            if let Value::Text(value) = reader.value()? {
                found(&key, value.into_owned());
            }
            Ok(())
        })
        .map_err(failure)
}

/// Gives the value at each path; an empty text where there is none, objects and lists as they are written.
pub(crate) fn some<'t>(
    text: &'t str,
    fields: &[(String, Path)],
    found: &mut dyn FnMut(&str, Cow<'t, str>),
) -> Result<(), Failure> {
    let whole = serde_json::from_str::<serde::de::IgnoredAny>(text);
    for (label, path) in fields {
        let value = path.find(text).and_then(|value| match value {
            Value::Nested(text) => Some(Cow::Borrowed(text)),
            value => value.text(),
        });
        found(label, value.unwrap_or_default());
    }
    whole.map(drop).map_err(|e| failure(e.to_string()))
}

/// A value.
enum Value<'t> {
    Text(Cow<'t, str>),
    /// A number or a boolean as it is written.
    Plain(&'t str),
    Null,
    /// An object or a list as it is written.
    Nested(&'t str),
}

impl<'t> Value<'t> {
    fn text(self) -> Option<Cow<'t, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Plain(text) => Some(Cow::Borrowed(text)),
            Self::Null | Self::Nested(_) => None,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, String>;

impl<'t> Reader<'t> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Read<()> {
        match self.peek() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.wrong(&format!("expected '{}'", char::from(wanted)))),
        }
    }

    fn wrong(&self, what: &str) -> String {
        format!("malformed JSON at byte {}: {what}", self.at + 1)
    }

    /// Reads an object; `each` reads the value behind a key.
    fn object(&mut self, each: &mut dyn FnMut(&mut Self, Cow<'t, str>) -> Read<()>) -> Read<()> {
        self.expect(b'{')?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("too deep"));
        }
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.peek();
            let key = self.string()?;
            self.expect(b':')?;
            each(self, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("expected ',' or '}'")),
            }
        }
    }

    fn value(&mut self) -> Read<Value<'t>> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{' | b'[') => {
                let start = self.at;
                self.skip_nested()?;
                Ok(Value::Nested(&self.text[start..self.at]))
            }
            Some(_) => {
                let start = self.at;
                let bytes = self.text.as_bytes();
                let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                while bytes.get(self.at).is_some_and(|b| part(*b)) {
                    self.at += 1;
                }
                match &self.text[start..self.at] {
                    "null" => Ok(Value::Null),
                    text @ ("true" | "false") => Ok(Value::Plain(text)),
                    text if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                        Ok(Value::Plain(text))
                    }
                    _ => {
                        self.at = start;
                        Err(self.wrong("no value"))
                    }
                }
            }
            None => Err(self.wrong("it ends too early")),
        }
    }

    /// Passes over an object or a list: brackets are counted, texts are passed over.
    fn skip_nested(&mut self) -> Read<()> {
        let bytes = self.text.as_bytes();
        let mut open = 0usize;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => drop(self.raw_string()?),
                Some(b'{' | b'[') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    self.at += 1;
                    open -= 1;
                    if open == 0 {
                        return Ok(());
                    }
                }
                Some(_) => self.at += 1,
                None => return Err(self.wrong("it ends too early")),
            }
        }
    }

    fn string(&mut self) -> Read<Cow<'t, str>> {
        let (raw, escaped) = self.raw_string()?;
        Ok(if escaped { unescaped(raw) } else { Cow::Borrowed(raw) })
    }

    /// What stands between two quotation marks, and whether there is a backslash in it.
    fn raw_string(&mut self) -> Read<(&'t str, bool)> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return Err(self.wrong("expected '\"'"));
        }
        let start = self.at + 1;
        let (mut at, mut escaped) = (start, false);
        loop {
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok((&self.text[start..at], escaped));
                }
                Some(b'\\') => (at, escaped) = (at + 2, true),
                Some(_) => at += 1,
                None => return Err(self.wrong("a text does not end")),
            }
        }
    }
}

/// Undoes the escapes of JSON; one that is none stays as it is written.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let Some(c) = after.chars().next() else {
            out.push('\\');
            return Cow::Owned(out);
        };
        let plain = match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            '"' | '\\' | '/' => Some(c),
            _ => None,
        };
        if let Some(plain) = plain {
            out.push(plain);
            rest = &after[1..];
            continue;
        }
        match unicode(after) {
            Some((c, length)) => {
                out.push(c);
                rest = &after[length..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `uXXXX`, or two of them with a backslash between for what lies beyond 16 bits; and how many bytes that are.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| -> Option<u32> {
        let digits = text.strip_prefix('u')?.get(..4)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(text)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 5));
    }
    let second = text.get(5..).and_then(|rest| unit(rest.strip_prefix('\\')?));
    match second {
        Some(second) if first < 0xdc00 && (0xdc00..0xe000).contains(&second) => {
            char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|c| (c, 11))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 5)),
    }
}
