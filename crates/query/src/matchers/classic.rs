//! The classic notation: a name, an operator, and everything else is the value, in quotes or not.

use model::{MatchOp, Matcher};

/// Reads a list; `{` before and `}` after it may be there or not.
pub(super) fn list(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    parts(text).into_iter().map(one).collect()
}

/// What stands between commas outside of quotes. White space behind the last comma is nothing.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            ',' if !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            '"' if escaped => escaped = false,
            '"' => quoted = !quoted,
            '\\' => escaped = !escaped,
            ',' => {}
            _ => escaped = false,
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// Reads one matcher.
pub(super) fn one(text: &str) -> Result<Matcher, String> {
    let bad = || format!("bad matcher format: {text}");
    let rest = text.trim_start_matches(space);
    let name_len =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).ok_or_else(bad)?;
    let (name, rest) = rest.split_at(name_len);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = rest.trim_start_matches(space);
    let (op, rest) = operator(rest).ok_or_else(bad)?;
    let value = value(rest.trim_matches(space))?;
    Matcher::line_wise(name, op, value).map_err(|e| e.to_string())
}

fn operator(text: &str) -> Option<(MatchOp, &str)> {
    let all =
        [("=~", MatchOp::Regex), ("=", MatchOp::Equal), ("!=", MatchOp::NotEqual), ("!~", MatchOp::NotRegex)];
    all.into_iter().find_map(|(sign, op)| Some((op, text.strip_prefix(sign)?)))
}

/// What `\s` is in Go.
fn space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

/// Takes quotes and escapes away. A backslash before anything but `n`, a quote or a backslash is only that.
fn value(written: &str) -> Result<String, String> {
    let stray = || format!("matcher value contains unescaped double quote: {written}");
    let raw = written.strip_prefix('"');
    let mut open = raw.is_some();
    let raw = raw.unwrap_or(written);
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('"' | '\\')) => out.push(c),
                Some(c) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            '"' if open && chars.as_str().is_empty() => open = false,
            '"' => return Err(stray()),
            c => out.push(c),
        }
    }
    if open { Err(stray()) } else { Ok(out) }
}
