//! `otlp` of a `prometheus.yml`: how OpenTelemetry's metrics become series.

use model::config::Empty;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How names of metrics and labels are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TranslationStrategy {
    /// Other characters become underscores, units and types are added.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Other characters become underscores, nothing is added.
    UnderscoreEscapingWithoutSuffixes,
    /// Any UTF-8, units and types are added.
    NoUtf8EscapingWithSuffixes,
    /// As they are.
    NoTranslation,
}

impl TranslationStrategy {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnderscoreEscapingWithSuffixes => "UnderscoreEscapingWithSuffixes",
            Self::UnderscoreEscapingWithoutSuffixes => "UnderscoreEscapingWithoutSuffixes",
            Self::NoUtf8EscapingWithSuffixes => "NoUTF8EscapingWithSuffixes",
            Self::NoTranslation => "NoTranslation",
        }
    }

    /// Whether other characters become underscores.
    pub const fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    /// Whether units and types are added to names.
    pub const fn adds_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

impl<'de> Deserialize<'de> for TranslationStrategy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let all = [
            Self::UnderscoreEscapingWithSuffixes,
            Self::UnderscoreEscapingWithoutSuffixes,
            Self::NoUtf8EscapingWithSuffixes,
            Self::NoTranslation,
        ];
        let found = all.into_iter().find(|strategy| strategy.as_str() == word);
        found.ok_or_else(|| D::Error::custom(format_args!("unsupported OTLP translation strategy {word:?}")))
    }
}

impl Serialize for TranslationStrategy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Empty for TranslationStrategy {
    fn is_empty_value(&self) -> bool {
        false
    }
}

model::section! {
    /// The section.
    pub struct OtlpConfig ("config.plain") {
        /// Whether every attribute of a resource becomes a label.
        promote_all_resource_attributes: bool = false,
        /// Attributes of resources that become labels.
        promote_resource_attributes: Vec<String> = Vec::new(),
        /// Attributes that do not, where all others do.
        ignore_resource_attributes: Vec<String> = Vec::new(),
        /// How names are spelled.
        translation_strategy: TranslationStrategy = TranslationStrategy::UnderscoreEscapingWithSuffixes,
        /// Whether `service.name`, `service.namespace` and `service.instance.id` stay in `target_info`.
        keep_identifying_resource_attributes: bool = false,
        /// Whether histograms with explicit buckets become native ones with custom buckets.
        convert_histograms_to_nhcb: bool = false,
        /// Whether name, version, schema and attributes of the scope become labels.
        promote_scope_metadata: bool = false,
        /// Whether labels that begin with one underscore get `key` in front.
        label_name_underscore_sanitization: bool = true,
        /// Whether several underscores in a row stay several.
        label_name_preserve_multiple_underscores: bool = true,
    }
    check Self::check
}

impl OtlpConfig {
    /// The section as the translation takes it.
    pub fn options(&self) -> wire::otlp::Options {
        use wire::otlp::{Options, Promote, Strategy};
        let set = |names: &[String]| names.iter().cloned().collect();
        Options {
            strategy: match self.translation_strategy {
                TranslationStrategy::UnderscoreEscapingWithSuffixes => {
                    Strategy::UnderscoreEscapingWithSuffixes
                }
                TranslationStrategy::UnderscoreEscapingWithoutSuffixes => {
                    Strategy::UnderscoreEscapingWithoutSuffixes
                }
                TranslationStrategy::NoUtf8EscapingWithSuffixes => Strategy::NoUtf8EscapingWithSuffixes,
                TranslationStrategy::NoTranslation => Strategy::NoTranslation,
            },
            promote: if self.promote_all_resource_attributes {
                Promote::AllBut(set(&self.ignore_resource_attributes))
            } else {
                Promote::Listed(set(&self.promote_resource_attributes))
            },
            keep_identifying: self.keep_identifying_resource_attributes,
            custom_buckets: self.convert_histograms_to_nhcb,
            scope_metadata: self.promote_scope_metadata,
            underscore_sanitization: self.label_name_underscore_sanitization,
            preserve_underscores: self.label_name_preserve_multiple_underscores,
            ..Options::default()
        }
    }

    fn check(&mut self) -> Result<(), String> {
        if self.promote_all_resource_attributes {
            if !self.promote_resource_attributes.is_empty() {
                return Err(
                    "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured \
                     simultaneously"
                        .to_owned(),
                );
            }
            return trim(&mut self.ignore_resource_attributes, "ignored")
                .map_err(|e| format!("invalid 'ignore_resource_attributes': {e}"));
        }
        if !self.ignore_resource_attributes.is_empty() {
            return Err("'ignore_resource_attributes' cannot be configured unless \
                        'promote_all_resource_attributes' is true"
                .to_owned());
        }
        trim(&mut self.promote_resource_attributes, "promoted")
            .map_err(|e| format!("invalid 'promote_resource_attributes': {e}"))
    }

    /// Refuses a way of spelling whose names may not be stored; `legacy`: only those of the classic syntax may be.
    pub fn check_names(&self, legacy: bool) -> Result<(), String> {
        if legacy && !self.translation_strategy.escapes() {
            return Err(format!(
                "OTLP translation strategy {:?} is not allowed when UTF8 is disabled",
                self.translation_strategy.as_str()
            ));
        }
        Ok(())
    }
}

/// Removes white space around attributes and refuses empty and repeated ones.
fn trim(attributes: &mut [String], what: &str) -> Result<(), String> {
    for at in 0..attributes.len() {
        let name = attributes[at].trim().to_owned();
        if name.is_empty() {
            return Err(format!("empty {what} OTel resource attribute"));
        }
        if attributes[..at].contains(&name) {
            return Err(format!("duplicated {what} OTel resource attribute {name:?}"));
        }
        attributes[at] = name;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused_in_prometheus_words() {
        let read = |text: &str| serde_json::from_str::<OtlpConfig>(text).map_err(|e| e.to_string());
        for (text, message) in [
            (r#"{"promote_resource_attributes": [" "]}"#, "empty promoted OTel resource attribute"),
            (
                r#"{"promote_resource_attributes": ["a", " a"]}"#,
                "duplicated promoted OTel resource attribute \"a\"",
            ),
            (r#"{"ignore_resource_attributes": ["a"]}"#, "unless 'promote_all_resource_attributes' is true"),
            (
                r#"{"promote_all_resource_attributes": true, "promote_resource_attributes": ["a"]}"#,
                "simultaneously",
            ),
            (r#"{"translation_strategy": "Invalid"}"#, "unsupported OTLP translation strategy \"Invalid\""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
        let config =
            read(r#"{"promote_resource_attributes": [" a "], "translation_strategy": "NoTranslation"}"#)
                .unwrap();
        assert_eq!(config.promote_resource_attributes, ["a"]);
        assert!(config.check_names(true).is_err() && config.check_names(false).is_ok());
        assert!(OtlpConfig::default().check_names(true).is_ok());
    }
}
