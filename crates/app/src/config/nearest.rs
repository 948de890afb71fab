//! What was probably meant by an unknown field.

use model::nearest::edits;

/// The sentence about an unknown field, with the nearest known one where one is near.
pub(super) fn unknown_field(field: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|name| (edits(field, name), *name)).min();
    match nearest {
        Some((distance, name)) if distance <= field.chars().count().div_ceil(2) => {
            format!("unknown field {field:?}: did you mean {name:?}?")
        }
        _ => format!("unknown field {field:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown_field;

    #[test]
    fn the_nearest_name_or_none() {
        let known = ["scrape_timeout", "scrape_interval"];
        let text = unknown_field("scrape_intervall", &known);
        assert_eq!(text, r#"unknown field "scrape_intervall": did you mean "scrape_interval"?"#);
        assert_eq!(unknown_field("x", &known), r#"unknown field "x""#);
        assert_eq!(unknown_field("x", &[]), r#"unknown field "x""#);
    }
}
