//! The lints, worded as promtool words them.

use wire::exposition::Kind;

use super::Family;

/// Units with their base units.
const UNITS: &[(&str, &str)] = &[
    ("amperes", "amperes"),
    ("bits", "bytes"),
    ("bytes", "bytes"),
    ("calories", "joules"),
    ("celsius", "celsius"),
    ("days", "seconds"),
    ("fahrenheit", "celsius"),
    ("grams", "grams"),
    ("hours", "seconds"),
    ("inches", "meters"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("kelvins", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("miles", "meters"),
    ("minutes", "seconds"),
    ("ounces", "grams"),
    ("pounds", "grams"),
    ("rankine", "celsius"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("weeks", "seconds"),
    ("yards", "meters"),
];

const PREFIXES: &[&str] = &[
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi",
    "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

const ABBREVIATIONS: &[&str] =
    &["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

const TYPES: &[&str] = &["counter", "gauge", "summary", "histogram", "gauge_histogram"];

/// What is wrong with a family: pairs of its name and a text.
pub(super) fn problems(name: &str, family: &Family) -> Vec<(String, String)> {
    let mut found: Vec<String> = Vec::new();
    let lower = name.to_lowercase();
    if !family.has_help {
        found.push("no help text".to_owned());
    }
    if let Some((unit, base)) = unit(name)
        && unit != base
    {
        found.push(format!("use base unit {base:?} instead of {unit:?}"));
    }
    suffixes(name, family, &mut found);
    for kind in TYPES.iter().filter(|kind| has_word(&lower, kind)) {
        found.push(format!("metric name should not include type '{kind}'"));
    }
    if name.contains(':') {
        found.push("metric names should not contain ':'".to_owned());
    }
    if is_camel_case(name) {
        found.push("metric names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
    labels(family, &mut found);
    for _ in ABBREVIATIONS.iter().filter(|short| has_word(&lower, short)) {
        found.push("metric names should not contain abbreviated units".to_owned());
    }
    found.into_iter().map(|text| (name.to_owned(), text)).collect()
}

/// Suffixes that belong to other types.
fn suffixes(name: &str, family: &Family, found: &mut Vec<String>) {
    let total = name.ends_with("_total");
    match family.kind {
        Kind::Unknown => return,
        Kind::Counter if !total => found.push("counter metrics should have \"_total\" suffix".to_owned()),
        Kind::Counter => {}
        _ if total => found.push("non-counter metrics should not have \"_total\" suffix".to_owned()),
        _ => {}
    }
    let (histogram, summary) = (family.kind == Kind::Histogram, family.kind == Kind::Summary);
    if !histogram && name.ends_with("_bucket") {
        found.push("non-histogram metrics should not have \"_bucket\" suffix".to_owned());
    }
    for suffix in ["_count", "_sum"] {
        if !histogram && !summary && name.ends_with(suffix) {
            found.push(format!("non-histogram and non-summary metrics should not have {suffix:?} suffix"));
        }
    }
}

fn labels(family: &Family, found: &mut Vec<String>) {
    for label in family.metrics.values().flatten() {
        if family.kind != Kind::Unknown && family.kind != Kind::Histogram && label == "le" {
            found.push("non-histogram metrics should not have \"le\" label".to_owned());
        }
        if family.kind != Kind::Unknown && family.kind != Kind::Summary && label == "quantile" {
            found.push("non-summary metrics should not have \"quantile\" label".to_owned());
        }
        if is_camel_case(label) {
            found.push("label names should be written in 'snake_case' not 'camelCase'".to_owned());
        }
    }
}

/// The unit in a name and its base unit.
fn unit(name: &str) -> Option<(&str, &'static str)> {
    name.split('_').find_map(|word| {
        let without = PREFIXES.iter().filter_map(|prefix| word.strip_prefix(prefix));
        std::iter::once(word)
            .chain(without)
            .find_map(|bare| UNITS.iter().find(|(unit, _)| *unit == bare))
            .map(|(_, base)| (word, *base))
    })
}

/// Whether `word` is one of the words of a name, not the first.
fn has_word(name: &str, word: &str) -> bool {
    name.contains(&format!("_{word}_")) || name.ends_with(&format!("_{word}"))
}

fn is_camel_case(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_with_and_without_prefixes() {
        assert_eq!(unit("a_milliseconds_total"), Some(("milliseconds", "seconds")));
        assert_eq!(unit("a_seconds"), Some(("seconds", "seconds")));
        assert_eq!(unit("thermometers"), None);
        assert!(has_word("a_ms", "ms") && has_word("a_b_c", "b") && !has_word("ms_a", "ms"));
    }
}
