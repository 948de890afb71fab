//! What is done with log lines, `logs` in the configuration.

use std::path::PathBuf;

use model::config::{Duration, Size};
use model::{Error, Result};
use serde::Deserialize;

/// What happens to a line before it is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// What is replaced.
    pub masking: Masking,
    /// What is looked for in a line.
    pub detection: Detection,
    /// What a stream may send.
    pub limits: Limits,
}

/// How a secret is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By what it was: `[masked:jwt]`.
    #[default]
    Full,
    /// By stars and its last four characters, where it has twelve or more: `****f00d`.
    Partial,
    /// By what it was and a keyed hash, so that equal secrets can be told: `[masked:jwt:9c1185a5c5e9fc54]`.
    Hash,
}

/// What is replaced before anything reaches the disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Masking {
    /// How.
    pub mode: Mode,
    /// The file that holds the key of hashes, 16 bytes or more.
    pub key_file: Option<PathBuf>,
    /// Keys of services, tokens, private keys, and values of names such as `password`.
    pub credentials: bool,
    /// Korean resident registration numbers (주민등록번호).
    pub resident_registration_numbers: bool,
    /// E-mail addresses.
    pub emails: bool,
    /// Card numbers.
    pub card_numbers: bool,
    /// International bank account numbers.
    pub ibans: bool,
    /// Phone numbers with a country code, or with separators and a leading zero.
    pub phone_numbers: bool,
    /// IP addresses.
    pub ip_addresses: bool,
    /// What else.
    pub patterns: Vec<CustomPattern>,
}

impl Default for Masking {
    fn default() -> Self {
        Self {
            mode: Mode::Full,
            key_file: None,
            credentials: true,
            resident_registration_numbers: true,
            emails: false,
            card_numbers: false,
            ibans: false,
            phone_numbers: false,
            ip_addresses: false,
            patterns: Vec::new(),
        }
    }
}

impl Masking {
    /// A masking that replaces nothing.
    pub fn off() -> Self {
        Self { credentials: false, resident_registration_numbers: false, ..Self::default() }
    }
}

/// A pattern of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// What stands in the replacement: lower-case letters, digits and dashes.
    pub name: String,
    /// The expression. Where it has a group, only what the first one matches is replaced.
    pub regex: String,
}

impl CustomPattern {
    /// Whether its name can stand in a replacement.
    pub(super) fn check(&self) -> Result<()> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.name.is_empty() || self.name.len() > 40 || !self.name.bytes().all(plain) {
            let message =
                format!("{:?} cannot name a masking pattern: use a-z, 0-9 and -, at most 40", self.name);
            return Err(Error::invalid(message));
        }
        Ok(())
    }
}

/// What is looked for in a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// Whether anything is.
    pub enabled: bool,
}

impl Default for Detection {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// What a stream may send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes a second, on the average; 0: as many as it likes.
    pub rate: Size,
    /// Bytes at once beyond that.
    pub burst: Size,
    /// Bytes a line may have.
    pub line_length: Size,
    /// Labels a stream may have.
    pub labels: usize,
    /// Bytes a label's name may have.
    pub label_name_length: usize,
    /// Bytes a label's value may have.
    pub label_value_length: usize,
    /// How far ahead of the clock a line may be; 0: as far as it likes.
    pub future: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rate: Size(0),
            burst: Size(16 << 20),
            line_length: Size(1 << 20),
            labels: 64,
            label_name_length: 1 << 10,
            label_value_length: 4 << 10,
            future: Duration::from_secs(3600),
        }
    }
}
