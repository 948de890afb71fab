//! Which names are stored, and how targets are asked to spell them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which names a job may store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameValidation {
    /// Any UTF-8.
    Utf8,
    /// Only the classic syntax.
    Legacy,
}

impl NameValidation {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Legacy => "legacy",
        }
    }
}

impl<'de> Deserialize<'de> for NameValidation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "utf8" => Ok(Self::Utf8),
            "legacy" => Ok(Self::Legacy),
            other => Err(D::Error::custom(format_args!("unrecognized ValidationScheme: {other:?}"))),
        }
    }
}

impl Serialize for NameValidation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How a target is asked to spell names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameEscaping {
    /// As they are.
    AllowUtf8,
    /// Other characters become underscores.
    Underscores,
    /// Dots become `_dot_`.
    Dots,
    /// Other characters become their code point.
    Values,
}

impl NameEscaping {
    /// The word in the configuration and in the `Accept` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

impl<'de> Deserialize<'de> for NameEscaping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let all = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];
        all.into_iter().find(|escaping| escaping.as_str() == word).ok_or_else(|| {
            D::Error::custom(format_args!(
                "unknown scrape config name escaping method specified, must be one of 'allow-utf-8', \
                 'underscores', 'dots', or 'values', got {word:?}"
            ))
        })
    }
}

impl Serialize for NameEscaping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
