//! Names of metrics and labels, and units: the rules of prometheus/otlptranslator.

/// What a name depends on beside the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Gauge.
    Gauge,
    /// Monotonic sum.
    Counter,
    /// Anything else.
    Other,
}

use super::Strategy;

const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

fn known<'a>(table: &[(&str, &'static str)], unit: &'a str) -> &'a str {
    table.iter().find(|(short, _)| *short == unit).map_or(unit, |(_, long)| long)
}

/// The unit and what it is per (`per_second`), each possibly empty.
fn unit_suffixes(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let plain = |part: &str| {
        let part = part.trim();
        if part.contains(['{', '}']) { String::new() } else { part.to_owned() }
    };
    let (main, per) = (plain(main), plain(per));
    let per = known(&PER_UNITS, &per);
    let per = if per.is_empty() { String::new() } else { format!("per_{per}") };
    (known(&UNITS, &main).to_owned(), per)
}

const fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn clean_unit(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        if in_name(c) {
            out.push(c);
        } else if !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
    }
    out
}

/// The unit for the metadata, e.g. `bytes_per_second`.
pub fn unit(unit: &str) -> String {
    let (main, per) = unit_suffixes(unit);
    let (main, per) = (clean_unit(&main), clean_unit(&per));
    let joined = match (main.is_empty(), per.is_empty()) {
        (false, false) => format!("{main}_{per}"),
        (false, true) => main,
        _ => per,
    };
    let joined = joined.strip_prefix('_').unwrap_or(&joined);
    joined.strip_suffix('_').unwrap_or(joined).to_owned()
}

/// The name of a metric. The error says why there is none.
pub fn metric(name: &str, unit: &str, kind: Kind, strategy: Strategy) -> Result<String, String> {
    let found = match (strategy.escapes(), strategy.adds_suffixes()) {
        (true, true) => with_suffixes(name, unit, kind),
        (true, false) => {
            let parts = name.split(|c: char| !in_name(c) && c != '_').filter(|part| !part.is_empty());
            guarded(parts.collect::<Vec<_>>().join("_"))
        }
        (false, true) => return not_empty(name, utf8_with_suffixes(name, unit, kind)),
        (false, false) => return not_empty(name, name.to_owned()),
    };
    if found.is_empty() {
        return Err(format!("normalization for metric {name:?} resulted in empty name"));
    }
    if found != name && found.bytes().all(|b| b == b'_') {
        return Err(format!("normalization for metric {name:?} resulted in invalid name {found:?}"));
    }
    Ok(found)
}

fn not_empty(name: &str, found: String) -> Result<String, String> {
    if name.is_empty() { Err("a metric has no name".to_owned()) } else { Ok(found) }
}

/// A name does not begin with a digit.
fn guarded(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn with_suffixes(name: &str, unit: &str, kind: Kind) -> String {
    let mut tokens: Vec<String> =
        name.split(|c: char| !in_name(c)).filter(|t| !t.is_empty()).map(str::to_owned).collect();
    let (main, per) = unit_suffixes(unit);
    let (mut main, mut per) = (clean_unit(&main), clean_unit(&per));
    if tokens.contains(&main) {
        main.clear();
    }
    if per == "per_" {
        per.clear();
    } else {
        per.truncate(per.strip_suffix('_').map_or(per.len(), str::len));
        if tokens.contains(&per) {
            per.clear();
        }
    }
    if !per.is_empty() {
        main.truncate(main.strip_suffix('_').map_or(main.len(), str::len));
    }
    tokens.extend([main, per].into_iter().filter(|t| !t.is_empty()));
    let mut last = |word: &str| {
        tokens.retain(|token| token != word);
        tokens.push(word.to_owned());
    };
    if kind == Kind::Counter {
        last("total");
    }
    if unit == "1" && kind == Kind::Gauge {
        last("ratio");
    }
    guarded(tokens.join("_"))
}

fn utf8_with_suffixes(name: &str, unit: &str, kind: Kind) -> String {
    let (main, per) = unit_suffixes(unit);
    let mut name = name.to_owned();
    let mut behind = Vec::new();
    let mut last = |name: &mut String, word: &str| {
        // The word and the one character before it, whatever that is.
        if let Some(stem) = name.strip_suffix(word)
            && stem.chars().count() > 1
        {
            let cut = stem.char_indices().next_back().map_or(0, |(at, _)| at);
            name.truncate(cut);
        }
        behind.push(word.to_owned());
    };
    if unit == "1" && kind == Kind::Gauge {
        last(&mut name, "ratio");
    }
    if kind == Kind::Counter {
        last(&mut name, "total");
    }
    if !per.is_empty() {
        last(&mut name, &per);
    }
    if !main.is_empty() && !name.ends_with(&main) {
        name.push('_');
        name.push_str(&main);
    }
    for word in behind.iter().rev() {
        name.push('_');
        name.push_str(word);
    }
    name
}

/// How label names are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct LabelRules {
    /// Any UTF-8 stays as it is.
    pub utf8: bool,
    /// `key` before one leading underscore.
    pub underscore_sanitization: bool,
    /// Keep several underscores in a row.
    pub preserve_underscores: bool,
}

/// The name of a label. The error says why there is none.
pub fn label(name: &str, rules: LabelRules) -> Result<String, String> {
    let only_underscores = |name: &str| name.bytes().all(|b| b == b'_');
    if name.is_empty() {
        return Err("label name is empty".to_owned());
    }
    if rules.utf8 {
        return match only_underscores(name) {
            true => Err(format!("label name {name:?} contains only underscores")),
            false => Ok(name.to_owned()),
        };
    }
    let mut found = sanitized(name, rules.preserve_underscores);
    if found.starts_with(|c: char| c.is_ascii_digit()) {
        found.insert_str(0, "key_");
    } else if rules.underscore_sanitization && found.starts_with('_') && !found.starts_with("__") {
        found.insert_str(0, "key");
    }
    if only_underscores(&found) {
        return Err(format!("normalization for label name {name:?} resulted in invalid name {found:?}"));
    }
    Ok(found)
}

fn sanitized(name: &str, preserve: bool) -> String {
    if preserve {
        return name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    }
    let reserved = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    let mut out = String::with_capacity(name.len());
    let mut underscore = false;
    for c in reserved.unwrap_or(name).chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
            underscore = false;
        } else if !underscore {
            out.push('_');
            underscore = true;
        }
    }
    if reserved.is_some() { format!("__{out}__") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_as_the_translator_names_them() {
        use Kind::{Counter, Gauge, Other};
        use Strategy::{
            NoTranslation, NoUtf8EscapingWithSuffixes, UnderscoreEscapingWithSuffixes,
            UnderscoreEscapingWithoutSuffixes,
        };
        for (name, unit, kind, strategy, wanted) in [
            (
                "http.server.duration",
                "s",
                Other,
                UnderscoreEscapingWithSuffixes,
                "http_server_duration_seconds",
            ),
            ("requests", "1", Counter, UnderscoreEscapingWithSuffixes, "requests_total"),
            ("requests.total", "", Counter, UnderscoreEscapingWithSuffixes, "requests_total"),
            ("total.requests", "", Counter, UnderscoreEscapingWithSuffixes, "requests_total"),
            ("memory.usage", "By", Gauge, UnderscoreEscapingWithSuffixes, "memory_usage_bytes"),
            ("memory_bytes", "By", Gauge, UnderscoreEscapingWithSuffixes, "memory_bytes"),
            ("disk.io", "By/s", Gauge, UnderscoreEscapingWithSuffixes, "disk_io_bytes_per_second"),
            ("hit", "1", Gauge, UnderscoreEscapingWithSuffixes, "hit_ratio"),
            ("hit.ratio", "1", Gauge, UnderscoreEscapingWithSuffixes, "hit_ratio"),
            ("things", "{things}/m", Gauge, UnderscoreEscapingWithSuffixes, "things_per_minute"),
            ("2xx responses", "", Gauge, UnderscoreEscapingWithSuffixes, "_2xx_responses"),
            ("a--b__c", "foo bar", Gauge, UnderscoreEscapingWithSuffixes, "a_b_c_foo_bar"),
            ("a.b__c", "s", Counter, UnderscoreEscapingWithoutSuffixes, "a_b__c"),
            ("2a", "s", Counter, UnderscoreEscapingWithoutSuffixes, "_2a"),
            ("http.server.duration", "s", Other, NoUtf8EscapingWithSuffixes, "http.server.duration_seconds"),
            ("requests.total", "", Counter, NoUtf8EscapingWithSuffixes, "requests_total"),
            ("disk.io", "By/s", Counter, NoUtf8EscapingWithSuffixes, "disk.io_bytes_per_second_total"),
            ("hit", "1", Gauge, NoUtf8EscapingWithSuffixes, "hit_ratio"),
            ("a.b", "s", Counter, NoTranslation, "a.b"),
        ] {
            assert_eq!(
                metric(name, unit, kind, strategy).as_deref(),
                Ok(wanted),
                "{name} {unit} {strategy:?}"
            );
        }
        for (name, strategy) in [
            ("", UnderscoreEscapingWithSuffixes),
            ("...", UnderscoreEscapingWithSuffixes),
            ("", NoTranslation),
        ] {
            assert!(metric(name, "", Gauge, strategy).is_err(), "{name}");
        }
    }

    #[test]
    fn units_are_words() {
        for (from, to) in [
            ("s", "seconds"),
            ("By/s", "bytes_per_second"),
            ("1", ""),
            ("{packet}", ""),
            ("{packet}/s", "per_second"),
            ("%", "percent"),
            ("m³", "m"),
            ("custom unit", "custom_unit"),
        ] {
            assert_eq!(unit(from), to, "{from}");
        }
    }

    #[test]
    fn labels_are_named_as_the_translator_names_them() {
        let plain = LabelRules::default();
        let of = |name: &str, rules| label(name, rules);
        assert_eq!(of("http.method", plain).as_deref(), Ok("http_method"));
        assert_eq!(of("1a", plain).as_deref(), Ok("key_1a"));
        assert_eq!(of("a..b__c", plain).as_deref(), Ok("a_b_c"));
        assert_eq!(of("__a__", plain).as_deref(), Ok("__a__"));
        assert_eq!(of("_a", plain).as_deref(), Ok("_a"));
        assert_eq!(
            of("가나", plain),
            Err("normalization for label name \"가나\" resulted in invalid name \"_\"".into())
        );
        assert!(of("", plain).is_err());
        assert_eq!(of("_a", LabelRules { underscore_sanitization: true, ..plain }).as_deref(), Ok("key_a"));
        assert_eq!(of("a..b", LabelRules { preserve_underscores: true, ..plain }).as_deref(), Ok("a__b"));
        assert_eq!(of("http.method", LabelRules { utf8: true, ..plain }).as_deref(), Ok("http.method"));
        assert!(of("__", LabelRules { utf8: true, ..plain }).is_err());
    }
}
