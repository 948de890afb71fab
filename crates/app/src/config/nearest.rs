//! What was probably meant by an unknown field.

/// Appends the nearest known name to an error such as ``unknown field `a`, expected one of `b`, `c` ``, and leaves out
/// the list.
pub(super) fn with_nearest(message: &str) -> String {
    let Some(rest) = message.split_once("unknown field").map(|(_, rest)| rest) else {
        return message.to_owned();
    };
    let mut names = quoted(rest);
    let Some(unknown) = names.next() else { return message.to_owned() };
    let nearest = names.map(|known| (edits(unknown, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= unknown.chars().count().div_ceil(2) => {
            format!("unknown field {unknown:?}: did you mean {known:?}?")
        }
        _ => format!("unknown field {unknown:?}"),
    }
}

/// The texts between backquotes, or between double quotes where there are no backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mark = if text.contains('`') { '`' } else { '"' };
    text.split(mark).skip(1).step_by(2)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let kept = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::with_nearest;

    #[test]
    fn the_nearest_name_or_none() {
        let text = "unknown field `scrape_intervall`, expected one of `scrape_timeout`, `scrape_interval`";
        assert_eq!(
            with_nearest(text),
            r#"unknown field "scrape_intervall": did you mean "scrape_interval"?"#
        );
        assert_eq!(with_nearest("unknown field `x`, expected `scrape_interval`"), r#"unknown field "x""#);
        assert_eq!(with_nearest("not a valid duration"), "not a valid duration");
    }
}
