//! `remote_write` and `remote_read` of a `prometheus.yml`, every field as Prometheus has it.

mod queue;
mod read;
mod write;

pub use queue::{MetadataConfig, QueueConfig};
pub use read::RemoteReadConfig;
pub use write::{ProtobufMessage, RemoteWriteConfig};

use std::collections::BTreeMap;

use model::config::Size;
use serde::Deserialize;

/// Our own section `relay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// How many bytes of the log are kept for each receiver of `remote_write` beyond what the store itself needs, so
    /// that nothing is lost while a receiver is away. All receivers together never take more than half of what the store may take on disk.
    pub log_cap: Size,
}

impl Default for Relay {
    fn default() -> Self {
        Self { log_cap: Size(2 << 30) }
    }
}

/// Headers that senders and readers decide on themselves.
const RESERVED: [&str; 12] = [
    "content-encoding",
    "content-length",
    "content-type",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
];

/// Refuses headers that are not the user's to set.
fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), String> {
    for name in headers.keys() {
        let lower = name.to_ascii_lowercase();
        if lower == "authorization" {
            return Err(
                "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, \
                        azuread or google_iam parameter"
                    .to_owned(),
            );
        }
        if is_reserved(name) {
            return Err(format!("{name} is a reserved header. It must not be changed"));
        }
    }
    Ok(())
}

/// Whether senders and readers decide on this header themselves.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().chain(&SIGNED).any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// Headers that signing requests would set.
const SIGNED: [&str; 3] = ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];

/// Refuses two sections of one name.
pub fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = std::collections::HashSet::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            return Err(format!("found multiple {what} configs with job name {name:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
