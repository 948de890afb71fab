//! The `logfmt` parser: `key=value key="quoted value" flag`.

use std::borrow::Cow;

use super::Failure;

pub(crate) const FAILED: &str = "LogfmtParserErr";

/// Finds all pairs. Keys without a value are given where `keep_empty` is set. Where `strict` is not set, what is
/// malformed is passed over.
pub(crate) fn all<'t>(
    text: &'t str,
    strict: bool,
    keep_empty: bool,
    found: &mut dyn FnMut(&str, Cow<'t, str>),
) -> Result<(), Failure> {
    walk(text, strict, &mut |key, value| {
        if !value.is_empty() || keep_empty {
            found(key, value);
        }
        true
    })
}

/// Gives the value of each of `fields` (label, key); an empty one where the key is not there.
pub(crate) fn some<'t>(
    text: &'t str,
    strict: bool,
    fields: &[(String, String)],
    found: &mut dyn FnMut(&str, Cow<'t, str>),
) -> Result<(), Failure> {
    let mut values: Vec<Option<Cow<'_, str>>> = vec![None; fields.len()];
    let result = walk(text, strict, &mut |key, value| {
        for ((_, path), slot) in fields.iter().zip(&mut values) {
            if path == key && slot.is_none() {
                *slot = Some(value.clone());
            }
        }
        values.iter().any(Option::is_none)
    });
    for ((label, _), value) in fields.iter().zip(values) {
        found(label, value.unwrap_or_default());
    }
    result
}

/// Gives pairs until `each` has enough.
fn walk<'t>(
    text: &'t str,
    strict: bool,
    each: &mut dyn FnMut(&str, Cow<'t, str>) -> bool,
) -> Result<(), Failure> {
    let mut at = 0;
    let failed =
        |at: usize, what: &str| Err((FAILED, format!("logfmt syntax error at pos {} : {what}", at + 1)));
    let blank = |b: u8| b <= b' ';
    let bytes = text.as_bytes();
    while at < bytes.len() {
        if blank(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && !blank(bytes[at]) && !matches!(bytes[at], b'=' | b'"') {
            at += 1;
        }
        let key = &text[start..at];
        let next = bytes.get(at).copied();
        if key.is_empty() || next == Some(b'"') {
            if strict {
                return failed(at, if next == Some(b'=') { "unexpected '='" } else { "unexpected '\"'" });
            }
            // Up to the next blank it is no pair.
            while at < bytes.len() && !blank(bytes[at]) {
                at += 1;
            }
            continue;
        }
        if next != Some(b'=') {
            if !each(key, Cow::Borrowed("")) {
                return Ok(());
            }
            continue;
        }
        at += 1;
        let value = if bytes.get(at) == Some(&b'"') {
            let inside = at + 1;
            let Some(end) = closing(bytes, inside) else {
                return if strict { failed(at, "unterminated quoted value") } else { Ok(()) };
            };
            at = end + 1;
            unescaped(&text[inside..end])
        } else {
            let start = at;
            while at < bytes.len() && !blank(bytes[at]) {
                if strict && matches!(bytes[at], b'=' | b'"') {
                    return failed(at, &format!("unexpected '{}'", char::from(bytes[at])));
                }
                at += 1;
            }
            Cow::Borrowed(&text[start..at])
        };
        if !each(key, value) {
            return Ok(());
        }
    }
    Ok(())
}

/// Where the quote stands that ends a value.
fn closing(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    super::json::unescaped(text)
}
