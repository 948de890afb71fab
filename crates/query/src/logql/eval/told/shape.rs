//! What templates say of how parsers go through their messages.

use model::records::{Form, Template};

/// The template's text with other digits in the places of its variables.
pub(super) fn with_ones(template: &Template<'_>) -> String {
    let mut text = template.text.to_owned();
    for place in template.variables {
        text.replace_range(*place..place + 1, "1");
    }
    text
}

/// Whether a name has a word that is a variable.
pub(super) fn has_variable(name: &str, is_variable: fn(&str) -> bool) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| !word.is_empty() && is_variable(word))
}

/// What variables of JSON must be for a parser to go the same way through all messages of a template. Variables within texts
/// may be anything: they have no quotation mark or backslash. `None`: one follows a backslash, stands in a key although
/// `keys` says that this may be one that is asked for, or in a number that is not a plain one and must be valid (`whole`).
pub(super) fn json(template: &Template<'_>, keys: bool, whole: bool) -> Option<Vec<(usize, Form)>> {
    let bytes = template.text.as_bytes();
    let is_variable = |at: usize| template.variables.binary_search(&at).ok();
    let mut conditions = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let start = at + 1;
                at = start;
                loop {
                    match bytes.get(at)? {
                        b'"' => break,
                        b'\\' => {
                            if is_variable(at + 1).is_some() {
                                return None;
                            }
                            at += 2;
                        }
                        _ => at += 1,
                    }
                }
                if keys && has_one(template, start, at) && is_key(bytes, at + 1) {
                    return None;
                }
                at += 1;
            }
            b if part_of_number(*b) => {
                let start = at;
                while bytes.get(at).is_some_and(|b| part_of_number(*b)) {
                    at += 1;
                }
                match whole {
                    true if has_one(template, start, at) => number(template, start, at, &mut conditions)?,
                    true => {}
                    // Whatever begins with a digit is taken as it is.
                    false => conditions.extend(is_variable(start).map(|n| (n, Form::Number))),
                }
            }
            _ => at += 1,
        }
    }
    Some(conditions)
}

/// What is blank in JSON.
const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// A text without the blanks before it.
pub(super) fn begins(text: &str) -> &str {
    text.trim_start_matches(BLANK)
}

/// Whether a text is no object, list or text of JSON, and more than one number or word.
pub(super) fn is_no_json(text: &str) -> bool {
    let text = begins(text);
    let behind = text.trim_start_matches(|c: char| c.is_ascii() && part_of_number(c as u8));
    !text.starts_with(['{', '[', '"']) && !begins(behind).is_empty()
}

fn part_of_number(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Whether a variable stands between two places.
fn has_one(template: &Template<'_>, start: usize, end: usize) -> bool {
    let next = template.variables.partition_point(|place| *place < start);
    template.variables.get(next).is_some_and(|place| *place < end)
}

/// Whether a colon follows.
fn is_key(bytes: &[u8], from: usize) -> bool {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':')
}

/// `1`, `-1`, `1.5` and `-1.5`.
fn number(
    template: &Template<'_>,
    start: usize,
    end: usize,
    conditions: &mut Vec<(usize, Form)>,
) -> Option<()> {
    let text = template.text.get(start..end)?;
    let text = text.strip_prefix('-').unwrap_or(text);
    let first = template.variables.binary_search(&(end - text.len())).ok()?;
    match text.len() {
        1 => conditions.push((first, Form::Integer)),
        3 if text.as_bytes().get(1) == Some(&b'.') => {
            template.variables.binary_search(&(end - 1)).ok()?;
            conditions.extend([(first, Form::Integer), (first + 1, Form::Digits)]);
        }
        _ => return None,
    }
    Some(())
}

/// As [`json`] for logfmt, where variables change nothing about where keys and values begin and end.
pub(super) fn logfmt(template: &Template<'_>, keys: bool) -> Option<Vec<(usize, Form)>> {
    // A key ends at the next equals sign or blank; what of it is within a quoted value is not looked at closer.
    let is_key = |place: &usize| {
        let rest = template.text.as_bytes().get(*place..).unwrap_or_default();
        let end = rest.iter().position(|b| *b <= b' ' || matches!(b, b'=' | b'"'));
        end.is_none_or(|end| rest[end] != b'"')
    };
    (!keys || !template.variables.iter().any(is_key)).then(Vec::new)
}
