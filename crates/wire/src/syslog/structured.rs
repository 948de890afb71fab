//! Structured data of RFC 5424: `[id name="value" ...][...]`.

use std::borrow::Cow;

/// How long the structured data at the start of `text` is; `None` where it is none, or does not end.
pub(super) fn length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            at += 1;
            match *bytes.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    (at > 0).then_some(at)
}

/// Calls `work` with element, name and value of each parameter. `data` is what [`length`] has measured.
pub(super) fn each<'a>(data: &'a str, work: &mut dyn FnMut(&'a str, &'a str, Cow<'a, str>)) {
    let mut rest = data;
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']']).unwrap_or(inside.len());
        let (element, after) = inside.split_at(end);
        rest = after.trim_start();
        while !rest.is_empty() && !rest.starts_with(']') {
            let Some((name, value)) = rest.split_once("=\"") else { return };
            let Some((value, after)) = quoted(value) else { return };
            work(element, name.trim(), value);
            rest = after.trim_start();
        }
        rest = rest.strip_prefix(']').unwrap_or_default();
    }
}

/// A value up to its quote, and what stands behind it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut at = 0;
    let mut plain = String::new();
    let mut taken = 0;
    loop {
        at += text.get(at..)?.find(['"', '\\'])?;
        if text.as_bytes()[at] == b'"' {
            let tail = &text[taken..at];
            let value = if taken == 0 { Cow::Borrowed(tail) } else { (plain + tail).into() };
            return Some((value, &text[at + 1..]));
        }
        // Only these three are escaped; a backslash before anything else is itself.
        if matches!(text.as_bytes().get(at + 1), Some(b'"' | b'\\' | b']')) {
            plain.push_str(&text[taken..at]);
            taken = at + 1;
            at += 2;
        } else {
            at += 1;
        }
    }
}
