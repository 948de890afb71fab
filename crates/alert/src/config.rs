//! `alerting` of a `prometheus.yml`: whom alerts are sent to, and how they are relabelled before.

use std::path::Path;

use model::config::{Duration, Empty};
use model::relabel::RelabelConfig;
use outbound::HttpConfig;
use outbound::config::SigV4Config;
use outbound::discovery::Configs;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

model::section! {
    /// The section.
    pub struct AlertingConfig ("config.plain") {
        /// Rules for the labels of every alert that is sent.
        alert_relabel_configs: Vec<RelabelConfig> = Vec::new() => list("empty or null alert relabeling rule"),
        /// Whom alerts are sent to.
        alertmanagers: Vec<AlertmanagerConfig> = Vec::new() => list("empty or null Alertmanager config section"),
    }
}

/// The version of the API that Alertmanagers are spoken to in: v2 is the only one left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApiVersion;

impl<'de> Deserialize<'de> for ApiVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "v2" => Ok(Self),
            other => Err(D::Error::custom(format_args!(
                "expected Alertmanager api version to be one of [v2] but got {other}"
            ))),
        }
    }
}

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("v2")
    }
}

impl Empty for ApiVersion {
    fn is_empty_value(&self) -> bool {
        false
    }
}

model::section! {
    /// A set of Alertmanagers. Who finds them is not decided here: whoever starts the sender runs
    /// [`Self::discovery`] and hands in what it finds.
    pub struct AlertmanagerConfig ("config.AlertmanagerConfig") {
        /// How to talk to them.
        http: HttpConfig = HttpConfig::default() => inline,
        /// Signing for AWS: checked, not supported.
        sigv4: Option<SigV4Config> = None,
        /// `http` or `https`.
        scheme: String = "http".to_owned(),
        /// Path in front of the API's.
        path_prefix: String = String::new(),
        /// How long a request may take.
        timeout: Duration = Duration::from_secs(10),
        /// Version of the API.
        api_version: ApiVersion = ApiVersion => always,
        /// Rules for the Alertmanagers that are found, as for targets.
        relabel_configs: Vec<RelabelConfig> = Vec::new() => list("empty or null Alertmanager target relabeling rule"),
        /// Rules for the labels of alerts that are sent to these, after those of the section.
        alert_relabel_configs: Vec<RelabelConfig> = Vec::new() => list("empty or null Alertmanager alert relabeling rule"),
        /// Where they are found.
        discovery: Configs = Configs::default() => inline,
    }
    check Self::check
}

impl AlertmanagerConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.http.has_authorization() && self.sigv4.is_some() {
            return Err(
                "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured".to_owned()
            );
        }
        if self.relabel_configs.is_empty() { self.discovery.check_addresses() } else { Ok(()) }
    }
}

impl AlertingConfig {
    /// Refuses rules that write names which may not be stored; `legacy`: only those of the classic syntax may be.
    pub fn check_names(&self, legacy: bool) -> Result<(), String> {
        let of_one = |a: &AlertmanagerConfig| {
            a.alert_relabel_configs.iter().chain(&a.relabel_configs).try_for_each(|rule| rule.check(legacy))
        };
        self.alert_relabel_configs.iter().try_for_each(|rule| rule.check(legacy))?;
        self.alertmanagers.iter().try_for_each(of_one)
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        for alertmanager in &mut self.alertmanagers {
            alertmanager.http.set_directory(dir);
            alertmanager.discovery.set_directory(dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AlertingConfig, String> {
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn contradictions_are_refused_in_prometheus_words() {
        for (text, message) in [
            ("alert_relabel_configs: [null]", "empty or null alert relabeling rule"),
            (
                "alertmanagers: [{relabel_configs: [null]}]",
                "empty or null Alertmanager target relabeling rule",
            ),
            (
                "alertmanagers: [{alert_relabel_configs: [null]}]",
                "empty or null Alertmanager alert relabeling",
            ),
            ("alertmanagers: [{api_version: v1}]", "to be one of [v2] but got v1"),
            ("alertmanagers: [{basic_auth: {}, sigv4: {}}]", "oauth2, & sigv4 must be configured"),
            ("alertmanagers: [{static_configs: [{targets: ['http://a']}]}]", "is not a valid hostname"),
            ("alertmanagers: [{scheem: x}]", "did you mean \"scheme\"?"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn defaults_are_shown() {
        let config = read("alertmanagers: [{static_configs: [{targets: ['a:9093']}]}]").unwrap();
        let shown = serde_saphyr::to_string(&config).unwrap();
        for line in ["scheme: http", "timeout: 10s", "api_version: v2", "a:9093"] {
            assert!(shown.contains(line), "{line} in {shown}");
        }
        assert_eq!(config.alertmanagers[0].discovery.static_configs[0].targets, ["a:9093"]);
    }
}
