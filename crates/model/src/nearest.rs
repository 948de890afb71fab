//! How far apart two names are: for "did you mean".

/// Longer names are compared by this many characters: the cost is the product of both lengths.
const MOST: usize = 200;

/// Levenshtein distance in characters: insertions, deletions and replacements.
pub fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(MOST).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(MOST).enumerate() {
        // `row` has one entry more than `b`, so `j + 1` is inside.
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
    use super::edits;

    #[test]
    fn counts_single_edits() {
        for (a, b, far) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("봉화", "봉와", 1)] {
            assert_eq!(edits(a, b), far, "{a} {b}");
            assert_eq!(edits(b, a), far, "{b} {a}");
        }
    }
}
