//! Lines on a terminal, in a pipe, as JSON.

use std::io::Write;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::labels::Quoted;
use serde_json::{Map, Value as Json, json};

use super::Asked;
use super::entries::Entry;

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    Default,
    Raw,
    #[value(alias = "json")]
    Jsonl,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// Which clock times are shown by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Zone {
    Local,
    Utc,
}

/// Which labels of a line are shown.
#[derive(Debug, PartialEq)]
enum Labels {
    /// The one that names its stream.
    Name,
    None,
    Only(Vec<String>),
    AllBut(Vec<String>),
}

/// How lines are shown.
pub(super) struct Shown {
    form: Form,
    colors: bool,
    /// Whether a terminal reads it: what could steer it is taken out.
    terminal: bool,
    zone: TimeZone,
    labels: Labels,
}

/// Labels that name a stream, the most telling first.
const NAMES: [&str; 7] = ["container", "pod", "service_name", "service", "job", "filename", "node"];
const LEVELS: [&str; 4] = ["detected_level", "level", "severity", "lvl"];
const RESET: &str = "\x1b[0m";
const FAINT: &str = "\x1b[2m";

impl Shown {
    pub(super) fn new(asked: &Asked, terminal: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colors = match asked.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color,
        };
        let labels = match (asked.no_labels, &asked.include, &asked.exclude) {
            (true, _, _) => Labels::None,
            (_, include, _) if !include.is_empty() => Labels::Only(include.clone()),
            (_, _, exclude) if asked.labels || !exclude.is_empty() => Labels::AllBut(exclude.clone()),
            _ => Labels::Name,
        };
        let zone = match asked.zone {
            Zone::Local => TimeZone::system(),
            Zone::Utc => TimeZone::UTC,
        };
        Self { form: asked.form, colors: colors && asked.form == Form::Default, terminal, zone, labels }
    }

    /// Shows one line.
    pub(super) fn entry(&self, entry: &Entry, out: &mut dyn Write) -> std::io::Result<()> {
        match self.form {
            Form::Raw => writeln!(out, "{}", entry.line),
            Form::Jsonl => {
                let time =
                    Timestamp::from_nanosecond(i128::from(entry.time)).unwrap_or(Timestamp::UNIX_EPOCH);
                let object =
                    json!({"labels": entry.labels, "line": entry.line, "timestamp": time.to_string()});
                writeln!(out, "{object}")
            }
            Form::Default => self.readable(entry, out),
        }
    }

    fn readable(&self, entry: &Entry, out: &mut dyn Write) -> std::io::Result<()> {
        let time = self.time(entry.time);
        let text = if self.terminal { harmless(&entry.line) } else { entry.line.clone() };
        let name = self.name(&entry.labels);
        let gap = if name.is_empty() { "" } else { " " };
        if !self.colors {
            return writeln!(out, "{time} {name}{gap}{text}");
        }
        let (ink, reset) = match ink(&entry.labels) {
            "" => ("", ""),
            ink => (ink, RESET),
        };
        let hue = hue(&name);
        writeln!(out, "{FAINT}{time}{RESET} {hue}{name}{RESET}{gap}{ink}{text}{reset}")
    }

    pub(super) fn time(&self, ns: i64) -> String {
        let time = Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::UNIX_EPOCH);
        let zoned = time.to_zoned(self.zone.clone());
        let shown = zoned.strftime("%FT%T%.3f");
        if zoned.offset().is_zero() {
            format!("{shown}Z")
        } else {
            format!("{shown}{}", zoned.strftime("%:z"))
        }
    }

    /// What stands between the time and the line.
    fn name(&self, labels: &Map<String, Json>) -> String {
        let text = match &self.labels {
            Labels::None => return String::new(),
            Labels::Name => NAMES
                .iter()
                .find_map(|name| labels.get(*name))
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned(),
            Labels::Only(names) => braced(labels, |name| names.iter().any(|n| n == name)),
            Labels::AllBut(names) => braced(labels, |name| !names.iter().any(|n| n == name)),
        };
        if self.terminal { harmless(&text) } else { text }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }
}

/// `{name="value", ...}` of the labels that are wanted.
pub(super) fn braced(labels: &Map<String, Json>, wanted: impl Fn(&str) -> bool) -> String {
    let mut pairs: Vec<String> = labels
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| format!("{name}={}", Quoted(value.as_str().unwrap_or_default())))
        .collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(", "))
}

/// The colour of a level.
fn ink(labels: &Map<String, Json>) -> &'static str {
    let level = LEVELS.iter().find_map(|name| labels.get(*name)).and_then(Json::as_str).unwrap_or_default();
    match level.to_ascii_lowercase().as_str() {
        "fatal" | "critical" | "crit" | "alert" | "emerg" | "emergency" | "panic" => "\x1b[1;31m",
        "error" | "err" | "eror" => "\x1b[31m",
        "warn" | "warning" => "\x1b[33m",
        "debug" | "dbug" => "\x1b[36m",
        "trace" => FAINT,
        _ => "",
    }
}

/// The same colour for the same name.
fn hue(name: &str) -> &'static str {
    const HUES: [&str; 6] = ["\x1b[32m", "\x1b[34m", "\x1b[35m", "\x1b[92m", "\x1b[94m", "\x1b[95m"];
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    HUES[sum % HUES.len()]
}

/// The text without what steers a terminal: its codes, and other control characters but tabs and line ends.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                Some(']') => while chars.next().is_some_and(|c| c != '\x07' && c != '\x1b') {},
                _ => {}
            },
            '\t' | '\n' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: Form, colors: bool, labels: Labels) -> Shown {
        Shown { form, colors, terminal: colors, zone: TimeZone::UTC, labels }
    }

    fn entry() -> Entry {
        let labels = json!({"container": "api", "node": "n", "detected_level": "error"});
        let line = "a \x1b[31mred\x1b[0m \x07b\tc".to_owned();
        Entry { time: 1_700_000_000_123_456_789, labels: labels.as_object().unwrap().clone(), line }
    }

    fn text(shown: &Shown) -> String {
        let mut out = Vec::new();
        shown.entry(&entry(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn forms() {
        let line = entry().line;
        assert_eq!(text(&shown(Form::Raw, false, Labels::Name)), format!("{line}\n"));
        assert_eq!(
            text(&shown(Form::Default, false, Labels::Name)),
            format!("2023-11-14T22:13:20.123Z api {line}\n")
        );
        assert_eq!(
            text(&shown(Form::Default, false, Labels::None)),
            format!("2023-11-14T22:13:20.123Z {line}\n")
        );
        let only = Labels::Only(vec!["node".to_owned()]);
        assert_eq!(
            text(&shown(Form::Default, false, only)),
            format!("2023-11-14T22:13:20.123Z {{node=\"n\"}} {line}\n")
        );
        let object: Json = serde_json::from_str(&text(&shown(Form::Jsonl, false, Labels::Name))).unwrap();
        assert_eq!(object["timestamp"], "2023-11-14T22:13:20.123456789Z");
        assert_eq!((&object["line"], &object["labels"]["node"]), (&json!(line), &json!("n")));
    }

    #[test]
    fn a_line_is_coloured_by_its_level_and_cannot_steer_the_terminal() {
        let text = text(&shown(Form::Default, true, Labels::Name));
        assert!(text.ends_with("\x1b[31ma red b\tc\x1b[0m\n"), "{text:?}");
    }

    #[test]
    fn what_steers_a_terminal_is_taken_out() {
        for (from, to) in
            [("\x1b]0;title\x07x", "x"), ("\x1b", ""), ("\x1b[", ""), ("한\u{9b}글", "한글"), ("a\rb", "ab")]
        {
            assert_eq!(harmless(from), to, "{from:?}");
        }
    }
}
