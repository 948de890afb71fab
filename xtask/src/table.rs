//! Tables of Markdown files.

/// Cells of the rows of every table whose first heading is `heading`, without headings.
pub(crate) fn rows<'a>(markdown: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        let Some(cells) = line.trim().strip_prefix('|').and_then(|l| l.strip_suffix('|')) else {
            inside = false;
            continue;
        };
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        let first = cells.first().copied().unwrap_or_default();
        if first == heading {
            inside = true;
        } else if inside && !first.chars().all(|c| matches!(c, '-' | ':')) {
            found.push(cells);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_with_that_heading() {
        let text =
            "| a | b |\n|---|:-:|\n| 1 | 2 |\n\n| c |\n|---|\n| 3 |\n\n| a | b |\n|---|---|\n| 4 | |\n";
        assert_eq!(rows(text, "a"), [vec!["1", "2"], vec!["4", ""]]);
    }
}
