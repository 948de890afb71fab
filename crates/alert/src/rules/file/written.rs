//! A rule file exactly as it is written.

use std::collections::BTreeMap;

use model::nearest::edits;
use model::rule::RuleLanguage;
use query::promql::parse_duration;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

/// Line and column, both from 1.
pub(super) type Place = (u64, u64);

/// The place of a value.
pub(super) fn place<T>(spanned: &Spanned<T>) -> Place {
    (spanned.referenced.line(), spanned.referenced.column())
}

/// A duration in ms, written as `1m30s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Duration(pub(super) i64);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "0" {
            return Ok(Self(0));
        }
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Names with texts; a text that is not given is empty.
pub(super) type Texts = BTreeMap<String, Option<String>>;

fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The shapes of a file, once strict about fields and once not.
macro_rules! shapes {
    ($file:ident, $group:ident, $rule:ident, $($strict:tt)*) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default $($strict)*)]
        struct $file {
            #[serde(deserialize_with = "nullable")]
            groups: Vec<Spanned<$group>>,
        }

        #[derive(Debug, Default, Deserialize)]
        #[serde(default $($strict)*)]
        struct $group {
            name: Option<String>,
            interval: Option<Duration>,
            query_offset: Option<Duration>,
            limit: Option<i64>,
            #[serde(deserialize_with = "nullable")]
            rules: Vec<Spanned<$rule>>,
            #[serde(deserialize_with = "nullable")]
            labels: Texts,
        }

        #[derive(Debug, Default, Deserialize)]
        #[serde(default $($strict)*)]
        struct $rule {
            record: Option<Spanned<String>>,
            alert: Option<Spanned<String>>,
            expr: Option<Spanned<String>>,
            #[serde(rename = "for")]
            hold: Option<Duration>,
            keep_firing_for: Option<Duration>,
            #[serde(deserialize_with = "nullable")]
            labels: Texts,
            #[serde(deserialize_with = "nullable")]
            annotations: Texts,
        }

        impl From<$file> for Vec<Group> {
            fn from(file: $file) -> Self {
                file.groups.into_iter().map(|group| {
                    let at = place(&group);
                    let group = group.value;
                    Group {
                        place: at,
                        name: group.name.unwrap_or_default(),
                        interval: group.interval,
                        query_offset: group.query_offset,
                        limit: group.limit.unwrap_or(0),
                        labels: group.labels,
                        rules: group.rules.into_iter().map(|rule| {
                            let at = place(&rule);
                            let rule = rule.value;
                            Rule {
                                place: at,
                                record: rule.record,
                                alert: rule.alert,
                                expr: rule.expr,
                                hold: rule.hold.unwrap_or_default(),
                                keep_firing_for: rule.keep_firing_for.unwrap_or_default(),
                                labels: rule.labels,
                                annotations: rule.annotations,
                            }
                        }).collect(),
                    }
                }).collect()
            }
        }
    };
}

shapes!(StrictFile, StrictGroup, StrictRule, , deny_unknown_fields);
shapes!(LooseFile, LooseGroup, LooseRule,);

/// A file as tools of Loki write it: they name the namespace, which here as in Loki's own folders is the file's name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LokiFile {
    #[serde(rename = "namespace")]
    _namespace: Option<String>,
    #[serde(deserialize_with = "nullable")]
    groups: Vec<Spanned<StrictGroup>>,
}

impl From<LokiFile> for Vec<Group> {
    fn from(file: LokiFile) -> Self {
        StrictFile { groups: file.groups }.into()
    }
}

/// A group as it is written.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) interval: Option<Duration>,
    pub(super) query_offset: Option<Duration>,
    pub(super) limit: i64,
    pub(super) labels: Texts,
    pub(super) rules: Vec<Rule>,
}

/// A rule as it is written.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) place: Place,
    pub(super) record: Option<Spanned<String>>,
    pub(super) alert: Option<Spanned<String>>,
    pub(super) expr: Option<Spanned<String>>,
    pub(super) hold: Duration,
    pub(super) keep_firing_for: Duration,
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
}

/// Reads the first document of `text`; an error begins with its place.
pub(super) fn read(text: &str, ignore_unknown: bool, language: RuleLanguage) -> Result<Vec<Group>, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line == "---")
    {
        return Ok(Vec::new());
    }
    let text = first_document(text);
    let read = if ignore_unknown {
        serde_saphyr::from_str::<LooseFile>(text).map(Into::into)
    } else if language == RuleLanguage::Logql {
        serde_saphyr::from_str::<LokiFile>(text).map(Into::into)
    } else {
        serde_saphyr::from_str::<StrictFile>(text).map(Into::into)
    };
    read.map_err(|e| described(&e))
}

/// Prometheus reads one document and warns about more.
fn first_document(text: &str) -> &str {
    let mut begun = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == "---" || bare.starts_with("--- ") {
            if begun {
                tracing::warn!("a rule file has more than one document; only the first is read");
                return &text[..at];
            }
            begun = true;
        } else if !bare.is_empty() && !bare.trim_start().starts_with('#') {
            begun = true;
        }
        at += line.len();
    }
    text
}

/// Place and reason, without a picture of the file.
fn described(error: &serde_saphyr::Error) -> String {
    let place = error.location().map_or_else(String::new, |l| format!("{}:{}: ", l.line(), l.column()));
    let error = error.without_snippet();
    if let serde_saphyr::Error::SerdeUnknownField { field, expected, .. } = error {
        return format!("{place}{}", unknown_field(field, expected));
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let reason = match line.split_once(": ") {
        Some((at, reason)) if at.starts_with("line ") => reason,
        _ => line,
    };
    format!("{place}{reason}")
}

fn unknown_field(field: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|name| (edits(field, name), *name)).min();
    match nearest {
        Some((distance, name)) if distance <= field.chars().count().div_ceil(2) => {
            format!("field {field} not found: did you mean {name:?}?")
        }
        _ => format!("field {field} not found; known are {}", known.join(", ")),
    }
}
