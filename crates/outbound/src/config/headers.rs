//! Extra headers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::config::Empty;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::secret::Secret;

/// Headers that the client itself decides on (prometheus/common `config/headers.go`).
const RESERVED: [&str; 18] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

model::section! {
    /// Values of one header.
    pub struct Header ("config.Header") {
        /// Values.
        values: Vec<String> = Vec::new(),
        /// Secret values.
        secrets: Vec<Secret> = Vec::new(),
        /// Files that hold values; read for every request.
        files: Vec<PathBuf> = Vec::new(),
    }
}

/// Headers by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Headers(pub BTreeMap<String, Header>);

impl Headers {
    /// Takes relative file names as relative to `dir`.
    pub fn set_directory(&mut self, dir: &Path) {
        for file in self.0.values_mut().flat_map(|header| &mut header.files) {
            *file = dir.join(&*file);
        }
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let headers = BTreeMap::<String, Header>::deserialize(deserializer)?;
        for name in headers.keys() {
            if let Some(reserved) = RESERVED.iter().find(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(D::Error::custom(format_args!("setting header {reserved:?} is not allowed")));
            }
        }
        Ok(Self(headers))
    }
}

impl Empty for Headers {
    fn is_empty_value(&self) -> bool {
        self.0.is_empty()
    }
}
