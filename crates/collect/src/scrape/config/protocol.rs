//! The formats that a scrape may ask for.

use serde::{Deserialize, Serialize};

/// A format by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScrapeProtocol(pub String);

/// Name and media type.
const KNOWN: [(&str, &str); 5] = [
    ("OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1"),
    ("OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0"),
    (
        "PrometheusProto",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
    ("PrometheusText0.0.4", "text/plain;version=0.0.4"),
    ("PrometheusText1.0.0", "text/plain;version=1.0.0"),
];

impl ScrapeProtocol {
    /// What is asked for by default; `native`: native histograms are wanted, which only protobuf has.
    pub fn defaults(native: bool) -> Vec<Self> {
        const TEXT: [&str; 4] =
            ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"];
        let first = native.then_some("PrometheusProto");
        first.into_iter().chain(TEXT).map(|name| Self(name.to_owned())).collect()
    }

    /// The media type to ask for.
    pub fn media_type(&self) -> Option<&'static str> {
        KNOWN.iter().find(|(name, _)| *name == self.0).map(|(_, media)| *media)
    }

    /// Whether it is the protobuf format.
    pub fn is_protobuf(&self) -> bool {
        self.0 == "PrometheusProto"
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
        if protocols.iter().take(index).any(|before| before.0.eq_ignore_ascii_case(&protocol.0)) {
            let names: Vec<&str> = protocols.iter().map(|p| p.0.as_str()).collect();
            return Err(format!("duplicated protocol in scrape_protocols, got [{}]", names.join(" ")));
        }
        protocol.check().map_err(|e| format!("scrape_protocols: {e}"))?;
    }
    Ok(())
}
