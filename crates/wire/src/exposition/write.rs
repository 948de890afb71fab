//! Writing the Prometheus text format, version 0.0.4, as Go's client library writes it.

use model::labels::{is_plain_label_name, is_plain_metric_name};

/// Appends a number in the shortest form that reads back, as Go's `'g'` format: an exponent below 1e-4 and from 1e6 on,
/// `+Inf`, `-Inf`, `NaN`.
pub fn push_number(out: &mut String, value: f64) {
    use std::fmt::Write as _;
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let scientific = format!("{value:e}");
    // `{:e}` always writes an exponent.
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..6).contains(&exponent) {
        let _ = write!(out, "{value}");
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    }
}

/// How names that are not plain identifiers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escaping {
    /// Every other character becomes `_`.
    #[default]
    Underscores,
    /// As they are, in quotes.
    AllowUtf8,
    /// Dots become `_dot_`, underscores `__`, every other character `__`.
    Dots,
    /// `U__` before, `_` and the number in hexadecimal digits and `_` for other characters: it can be undone.
    Values,
}

impl Escaping {
    /// Its name in the media types.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Underscores => "underscores",
            Self::AllowUtf8 => "allow-utf-8",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// The scheme of a name in a media type; any other is the default.
    pub fn named(name: &str) -> Self {
        [Self::AllowUtf8, Self::Dots, Self::Values]
            .into_iter()
            .find(|scheme| scheme.as_str() == name)
            .unwrap_or_default()
    }

    /// A metric name as this scheme has it.
    pub fn metric_name(self, name: &str) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Underscores if !is_plain_metric_name(name) => underscores(name, true).into(),
            Self::Values if !is_plain_metric_name(name) => values(name, true).into(),
            Self::Dots => dots(name, true).into(),
            _ => name.into(),
        }
    }

    /// A label name as this scheme has it.
    pub fn label_name(self, name: &str) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Underscores if !is_plain_label_name(name) => underscores(name, false).into(),
            Self::Values if !is_plain_label_name(name) => values(name, false).into(),
            Self::Dots => dots(name, false).into(),
            _ => name.into(),
        }
    }
}

/// Whether a character may stand at a place of a plain name.
const fn is_plain(at: usize, c: char, colon: bool) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (colon && c == ':') || (c.is_ascii_digit() && at > 0)
}

fn underscores(name: &str, colon: bool) -> String {
    name.char_indices().map(|(at, c)| if is_plain(at, c, colon) { c } else { '_' }).collect()
}

fn dots(name: &str, colon: bool) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        match c {
            '.' => out.push_str("_dot_"),
            c if c != '_' && is_plain(at, c, colon) => out.push(c),
            _ => out.push_str("__"),
        }
    }
    out
}

fn values(name: &str, colon: bool) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("U__");
    for (at, c) in name.char_indices() {
        if c == '_' {
            out.push_str("__");
        } else if is_plain(at, c, colon) {
            out.push(c);
        } else {
            let _ = write!(out, "_{:x}_", u32::from(c));
        }
    }
    out
}

/// Appends `# HELP`, unless `help` is `None`, and `# TYPE`.
pub fn push_head(out: &mut String, name: &str, help: Option<&str>, kind: &str) {
    for (word, text) in [("HELP", help), ("TYPE", Some(kind))] {
        let Some(text) = text else { continue };
        out.push_str("# ");
        out.push_str(word);
        out.push(' ');
        if is_plain_metric_name(name) {
            out.push_str(name);
        } else {
            push_quoted(out, name);
        }
        out.push(' ');
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                c => out.push(c),
            }
        }
        out.push('\n');
    }
}

/// Appends a sample line. Labels are written in the order given.
pub fn push_sample<'l>(
    out: &mut String,
    name: &str,
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    value: f64,
    timestamp_ms: Option<i64>,
) {
    use std::fmt::Write as _;
    let plain = is_plain_metric_name(name);
    if plain {
        out.push_str(name);
    }
    let mut open = false;
    if !plain {
        out.push('{');
        push_quoted(out, name);
        open = true;
    }
    for (label, value) in labels {
        out.push(if open { ',' } else { '{' });
        open = true;
        if is_plain_label_name(label) {
            out.push_str(label);
        } else {
            push_quoted(out, label);
        }
        out.push('=');
        push_quoted(out, value);
    }
    if open {
        out.push('}');
    }
    out.push(' ');
    push_number(out, value);
    if let Some(t) = timestamp_ms {
        let _ = write!(out, " {t}");
    }
    out.push('\n');
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_form_of_go() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456_789.125, "1.23456789125e+08"),
            (999_999.0, "999999"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e300, "1e+300"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            let mut out = String::new();
            push_number(&mut out, value);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut out = String::new();
        push_head(&mut out, "a", Some("Line\nand \\."), "gauge");
        push_sample(&mut out, "a", [("b", "\"x\"\\\n"), ("c d", "")], 1.5, Some(-3));
        push_sample(&mut out, "ä", [], 2.0, None);
        push_sample(&mut out, "plain", [], 2.0, None);
        assert_eq!(
            out,
            "# HELP a Line\\nand \\\\.\n# TYPE a gauge\na{b=\"\\\"x\\\"\\\\\\n\",\"c d\"=\"\"} 1.5 -3\n{\"ä\"} 2\nplain 2\n"
        );
        assert_eq!(Escaping::Underscores.metric_name("1a.b:c"), "_a_b:c");
        assert_eq!(Escaping::Underscores.label_name("a:b"), "a_b");
        assert_eq!(Escaping::AllowUtf8.label_name("a.b"), "a.b");
        // The cases of Prometheus' own tests of its names.
        for (name, dots, values) in [
            ("no:escaping_required", "no:escaping__required", "no:escaping_required"),
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
            ),
            (
                "mysystem.prod.west.cpu.load_total",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total",
            ),
            ("http.status:sum", "http_dot_status:sum", "U__http_2e_status:sum"),
            ("label with 😱", "label__with____", "U__label_20_with_20__1f631_"),
            ("花火", "____", "U___82b1__706b_"),
            ("1a", "__a", "U___31_a"),
        ] {
            assert_eq!(
                (&*Escaping::Dots.metric_name(name), &*Escaping::Values.metric_name(name)),
                (dots, values)
            );
        }
        assert_eq!(Escaping::Values.label_name("a:b_c"), "U__a_3a_b__c");
        assert_eq!(
            ["dots", "values", "x", ""].map(Escaping::named).map(Escaping::as_str),
            ["dots", "values", "underscores", "underscores"]
        );
    }
}
