//! The formats that a scrape may ask for.

use serde::{Deserialize, Serialize};

/// A format by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScrapeProtocol(pub String);

/// Name and media type; `None` for the one that is understood in the configuration but never asked for (protobuf).
const KNOWN: [(&str, Option<&str>); 5] = [
    ("OpenMetricsText0.0.1", Some("application/openmetrics-text;version=0.0.1")),
    ("OpenMetricsText1.0.0", Some("application/openmetrics-text;version=1.0.0")),
    ("PrometheusProto", None),
    ("PrometheusText0.0.4", Some("text/plain;version=0.0.4")),
    ("PrometheusText1.0.0", Some("text/plain;version=1.0.0")),
];

impl ScrapeProtocol {
    /// What is asked for by default.
    pub fn defaults() -> Vec<Self> {
        ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"]
            .map(|name| Self(name.to_owned()))
            .to_vec()
    }

    /// The media type to ask for.
    pub fn media_type(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(name, _)| *name == self.0).and_then(|(_, media)| *media)
    }

    /// Whether it is one of the two OpenMetrics formats.
    pub fn is_openmetrics(&self) -> bool {
        self.0.starts_with("OpenMetrics")
    }

    /// Whether names may be any UTF-8 in it.
    pub fn is_version_1(&self) -> bool {
        self.0.ends_with("1.0.0")
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if KNOWN.iter().any(|(name, _)| *name == self.0) {
            return Ok(());
        }
        let known: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        Err(format!("unknown scrape protocol {}, supported: [{}]", self.0, known.join(" ")))
    }
}

/// Refuses unknown and repeated formats, and an empty list.
pub(super) fn check(protocols: &[ScrapeProtocol]) -> Result<(), String> {
    if protocols.is_empty() {
        return Err("scrape_protocols cannot be empty".to_owned());
    }
    for (index, protocol) in protocols.iter().enumerate() {
        if protocols.iter().take(index).any(|before| before == protocol) {
            let names: Vec<&str> = protocols.iter().map(|p| p.0.as_str()).collect();
            return Err(format!("duplicated protocol in scrape_protocols, got [{}]", names.join(" ")));
        }
        protocol.check()?;
    }
    Ok(())
}
