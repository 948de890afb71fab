//! One YAML file. A `prometheus.yml` is a valid one; our own sections never reuse a Prometheus key.
//!
//! [`Written`] is exactly what the file says; `resolved.rs` resolves it with the flags.

mod load;
mod shown;

use collect::scrape::{GlobalConfig, ScrapeConfig};
use serde::{Deserialize, Deserializer};

pub use load::{Loaded, load};
pub use shown::without_secrets;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    /// What holds for every job that does not say otherwise.
    #[serde(deserialize_with = "nullable")]
    pub global: GlobalConfig,
    /// What is scraped.
    #[serde(deserialize_with = "nullable")]
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Files with more `scrape_configs`; `*` in the last part of a path is understood.
    #[serde(deserialize_with = "nullable")]
    pub scrape_config_files: Vec<String>,
    /// Rule files: read over until rules are evaluated; the status page says so.
    pub rule_files: Unused,
    /// Alertmanagers: likewise.
    pub alerting: Unused,
    /// Where samples are sent: likewise.
    pub remote_write: Unused,
    /// Where samples are read: likewise.
    pub remote_read: Unused,
    /// Prometheus' storage settings: likewise; flags say how long data is kept.
    pub storage: Unused,
    /// Prometheus' own traces: likewise.
    pub tracing: Unused,
    /// Prometheus' OTLP receiver: likewise.
    pub otlp: Unused,
    /// Settings of Prometheus' Go runtime: likewise.
    pub runtime: Unused,
    /// The built-in collectors. With a file that lacks this section they feed the pages and store nothing.
    pub collect: Option<Collect>,
    /// Limits at the door of the stores.
    #[serde(deserialize_with = "nullable")]
    pub intake: intake::Config,
}

/// The built-in collectors.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collect {
    /// How often series of the host and of containers are stored; 10 s where it is not given.
    pub interval: Option<model::config::Duration>,
    /// The host.
    #[serde(deserialize_with = "nullable")]
    pub host: collect::host::Config,
    /// Containers.
    #[serde(deserialize_with = "nullable")]
    pub containers: collect::containers::Config,
}

/// A section of Prometheus' file that has no effect here yet: known, but not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unused {
    /// Whether it is written and not empty.
    pub given: bool,
}

impl<'de> Deserialize<'de> for Unused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let empty = match &value {
            serde_json::Value::Null => true,
            serde_json::Value::Array(list) => list.is_empty(),
            serde_json::Value::Object(map) => map.is_empty(),
            _ => false,
        };
        Ok(Self { given: !empty })
    }
}

impl Written {
    /// Sections that are written and have no effect, with what that costs.
    pub fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let sections = [
            ("rule_files", self.rule_files, "no rule is evaluated, no alert is raised"),
            ("alerting", self.alerting, "no alert is sent"),
            ("remote_write", self.remote_write, "no sample is sent on"),
            ("remote_read", self.remote_read, "queries read only what is stored here"),
            ("storage", self.storage, "flags and defaults say how data is kept"),
            ("tracing", self.tracing, "no trace of this program is sent"),
            ("otlp", self.otlp, "nothing is received by OTLP"),
        ];
        sections.into_iter().filter(|(_, s, _)| s.given).map(|(name, _, costs)| (name, costs)).collect()
    }
}

/// A value that may also be written as nothing at all.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
