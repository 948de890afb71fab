//! Relabelling: rules that rewrite a label set or drop it, with the meaning they have in Prometheus.

use md5::{Digest, Md5};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Empty;
use crate::labels::{LabelsBuilder, is_plain_label_name};
use crate::pattern::Pattern;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// Writes the replacement to the target label where the regex matches.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops where the source does not equal the target label.
    KeepEqual,
    /// Drops where the source equals the target label.
    DropEqual,
    /// Writes a hash of the source, modulo, to the target label.
    HashMod,
    /// Copies labels whose name matches to the name that the replacement gives.
    LabelMap,
    /// Removes labels whose name matches.
    LabelDrop,
    /// Removes labels whose name does not match.
    LabelKeep,
    /// Writes the source in lower case to the target label.
    Lowercase,
    /// Writes the source in upper case to the target label.
    Uppercase,
}

const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
    ("hashmod", Action::HashMod),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
];

impl Action {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        ACTIONS.iter().find(|(_, action)| *action == self).map_or("replace", |(word, _)| word)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let lower = word.to_lowercase();
        let found = ACTIONS.iter().find(|(known, _)| *known == lower);
        found.map(|(_, action)| *action).ok_or_else(|| {
            let known: Vec<&str> = ACTIONS.iter().map(|(word, _)| *word).collect();
            D::Error::custom(format_args!("unknown relabel action {word:?}, one of {}", known.join(", ")))
        })
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Empty for Action {
    fn is_empty_value(&self) -> bool {
        false
    }
}

/// An expression that may be written as nothing at all, which matches the empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regex(pub Pattern);

impl<'de> Deserialize<'de> for Regex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Pattern::new(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Regex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl Empty for Regex {
    fn is_empty_value(&self) -> bool {
        false
    }
}

impl Default for Regex {
    #[expect(clippy::expect_used, reason = "the expression is a constant that a test compiles")]
    fn default() -> Self {
        Self(Pattern::new(DEFAULT_REGEX).expect("a valid constant"))
    }
}

const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_REPLACEMENT: &str = "$1";
const DEFAULT_SEPARATOR: &str = ";";

crate::section! {
    /// One rule.
    pub struct RelabelConfig ("relabel.plain") {
        /// Labels whose values, joined by the separator, are the source.
        source_labels: Vec<String> = Vec::new(),
        /// Separator, `;` by default.
        separator: String = DEFAULT_SEPARATOR.to_owned() => always,
        /// What the source (or the label name) is matched with, anchored.
        regex: Regex = Regex::default(),
        /// For `hashmod`.
        modulus: u64 = 0,
        /// Where the result goes.
        target_label: String = String::new(),
        /// What is written, with `$1` for groups.
        replacement: String = DEFAULT_REPLACEMENT.to_owned() => always,
        /// What to do.
        action: Action = Action::Replace,
    }
    check |rule| rule.check(false)
}

impl RelabelConfig {
    /// Refuses rules that cannot do what they say; `legacy`: that write names other than those of the classic syntax.
    pub fn check(&self, legacy: bool) -> Result<(), String> {
        use Action as A;
        let action = self.action.as_str();
        if self.action == A::HashMod && self.modulus == 0 {
            return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
        }
        let writes = matches!(
            self.action,
            A::Replace | A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual
        );
        if writes && self.target_label.is_empty() {
            return Err(format!("relabel configuration for {action} action requires 'target_label' value"));
        }
        let valid = |name: &str| !name.is_empty() && (!legacy || is_plain_label_name(name));
        let valid_template = |name: &str| !name.is_empty() && (!legacy || is_plain_template(name));
        let templated = self.action == A::Replace && self.target_label.contains('$');
        let target = if templated { valid_template(&self.target_label) } else { valid(&self.target_label) };
        if writes && !target {
            return Err(format!("{:?} is invalid 'target_label' for {action} action", self.target_label));
        }
        let default_replacement = self.replacement == DEFAULT_REPLACEMENT;
        let no_replacement = matches!(self.action, A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual);
        if no_replacement && !default_replacement {
            return Err(format!("'replacement' can not be set for {action} action"));
        }
        if self.action == A::LabelMap && !valid_template(&self.replacement) {
            return Err(format!("{:?} is invalid 'replacement' for {action} action", self.replacement));
        }
        let plain = default_replacement && self.modulus == 0 && self.separator == DEFAULT_SEPARATOR;
        let default_regex = self.regex.0.as_str() == DEFAULT_REGEX;
        if matches!(self.action, A::KeepEqual | A::DropEqual) && !(plain && default_regex) {
            return Err(format!(
                "{action} action requires only 'source_labels' and `target_label`, and no other fields"
            ));
        }
        let no_labels = self.source_labels.is_empty() && self.target_label.is_empty();
        if matches!(self.action, A::LabelDrop | A::LabelKeep) && !(plain && no_labels) {
            return Err(format!("{action} action requires only 'regex', and no other fields"));
        }
        Ok(())
    }

    /// Applies the rule; `false`: dropped. `legacy`: only names of the classic syntax are written.
    fn apply(&self, labels: &mut LabelsBuilder, legacy: bool) -> bool {
        let valid = |name: &str| !name.is_empty() && (!legacy || is_plain_label_name(name));
        let source = || {
            let values: Vec<&str> = self.source_labels.iter().map(|name| labels.get(name)).collect();
            values.join(&self.separator)
        };
        match self.action {
            Action::Drop => return !self.regex.0.is_match(&source()),
            Action::Keep => return self.regex.0.is_match(&source()),
            Action::DropEqual => return labels.get(&self.target_label) != source(),
            Action::KeepEqual => return labels.get(&self.target_label) == source(),
            Action::Replace => {
                let source = source();
                if let Some(target) = self.regex.0.expand(&source, &self.target_label)
                    && valid(&target)
                {
                    let value = self.regex.0.expand(&source, &self.replacement).unwrap_or_default();
                    labels.set(target, value);
                }
            }
            Action::HashMod => {
                let value = hash(&source()) % self.modulus.max(1);
                labels.set(self.target_label.as_str(), value.to_string());
            }
            Action::Lowercase => {
                let value = source().to_lowercase();
                labels.set(self.target_label.as_str(), value);
            }
            Action::Uppercase => {
                let value = source().to_uppercase();
                labels.set(self.target_label.as_str(), value);
            }
            Action::LabelMap => {
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter_map(|(n, v)| Some((self.regex.0.expand(n, &self.replacement)?, v.to_owned())))
                    .collect();
                for (name, value) in mapped {
                    labels.set(name, value);
                }
            }
            Action::LabelDrop => {
                labels.retain(|name| !self.regex.0.is_match(name));
            }
            Action::LabelKeep => {
                labels.retain(|name| self.regex.0.is_match(name));
            }
        }
        true
    }
}

/// Whether a text is a name of the classic syntax once `$1` and `${name}` in it are replaced by parts of one.
fn is_plain_template(text: &str) -> bool {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        plain.push('x');
        rest = match after.strip_prefix('{') {
            Some(braced) => match braced.split_once('}') {
                Some((name, tail)) if !name.is_empty() => tail,
                _ => return false,
            },
            None => {
                let name = after.len()
                    - after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
                if name == 0 {
                    return false;
                }
                &after[name..]
            }
        };
    }
    plain.push_str(rest);
    is_plain_label_name(&plain)
}

/// The last eight bytes of the MD5 sum, big-endian.
fn hash(text: &str) -> u64 {
    let sum: [u8; 16] = Md5::digest(text.as_bytes()).into();
    sum.iter().skip(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// Applies rules in order; `false`: one of them dropped the label set.
pub fn apply(rules: &[RelabelConfig], labels: &mut LabelsBuilder, legacy: bool) -> bool {
    rules.iter().all(|rule| rule.apply(labels, legacy))
}
