//! Replacement templates as Go's `Regexp.Expand` reads them.

/// A reference to a group.
pub(super) enum Group<'a> {
    Index(usize),
    Name(&'a str),
}

/// Replaces every reference by what `lookup` gives. A name is as long as it can be: `$1x` is the group `1x`. A dollar
/// sign that begins no reference stays.
pub(super) fn expand<'t>(template: &str, mut lookup: impl FnMut(Group<'_>) -> &'t str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(after) {
            out.push_str(lookup(group(name)));
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The name after a dollar sign, with or without braces, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (text, braced) = match text.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let after = if braced { after.strip_prefix('}')? } else { after };
    Some((name, after))
}

/// Digits without a leading zero are an index; nobody has more than 100 million groups.
fn group(name: &str) -> Group<'_> {
    let is_index = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    match name.parse::<usize>() {
        Ok(index) if is_index && index < 100_000_000 => Group::Index(index),
        _ => Group::Name(name),
    }
}
