//! One YAML file. A `prometheus.yml` is a valid one; our own sections never reuse a Prometheus key.
//!
//! [`Written`] is exactly what the file says; `resolved.rs` resolves it with the flags.

mod history;
mod load;
pub(crate) mod logs;
pub(crate) mod named;
mod process;
mod shown;
mod storage;
mod tracing;

use alert::config::AlertingConfig;
use collect::scrape::{GlobalConfig, ScrapeConfig};
use model::config::Duration;
use relay::config::{RemoteReadConfig, RemoteWriteConfig};
use serde::{Deserialize, Deserializer};
use server::otlp::config::OtlpConfig;

pub use history::{DownsamplingConfig, HistoryConfig, SeriesRetention};
pub(crate) use load::files;
pub use load::{Loaded, load};
pub use process::RuntimeConfig;
pub use storage::{ChunkEncoding, ExemplarsConfig, RetentionConfig, StorageConfig, TsdbConfig};
pub use tracing::TracingConfig;

model::section! {
    /// The file as it is written.
    pub struct Written ("config.plain") {
        /// What holds for every job that does not say otherwise.
        global: GlobalConfig = GlobalConfig::standard() => always,
        /// Settings of Prometheus' Go runtime; read and shown, without effect.
        runtime: RuntimeConfig = RuntimeConfig::default(),
        /// Whom alerts are sent to.
        alerting: AlertingConfig = AlertingConfig::default(),
        /// An Alertmanager of our own: with it alerts stay in this process.
        alertmanager: Option<AlertmanagerSection> = None => hidden,
        /// Rule files; the last part of a path may hold `*`.
        rule_files: Vec<String> = Vec::new(),
        /// Files with more `scrape_configs`; likewise.
        scrape_config_files: Vec<String> = Vec::new(),
        /// What is scraped.
        scrape_configs: Vec<ScrapeConfig> = Vec::new() => list("empty or null scrape config section"),
        /// How samples are kept.
        storage: StorageConfig = StorageConfig::default(),
        /// Prometheus' own traces; read and shown, without effect.
        tracing: Option<TracingConfig> = None,
        /// Where samples are sent.
        remote_write: Vec<RemoteWriteConfig> = Vec::new() => list("empty or null remote write config section"),
        /// Where samples are read.
        remote_read: Vec<RemoteReadConfig> = Vec::new() => list("empty or null remote read config section"),
        /// How OpenTelemetry's metrics become series.
        otlp: OtlpConfig = OtlpConfig::default(),
        /// The built-in collectors. With a file that lacks this section they feed the pages and store nothing.
        collect: Option<Collect> = None => hidden,
        /// Which series are kept shorter or longer, and summaries.
        history: HistoryConfig = HistoryConfig::default() => hidden,
        /// Limits at the door of the stores.
        intake: intake::Config = intake::Config::default() => hidden,
        /// How many series there may be, and what is done with more.
        cardinality: intake::cardinality::Config = intake::cardinality::Config::default() => hidden,
        /// What happens to logs.
        logs: Logs = Logs::default() => hidden,
        /// How much may wait to be sent.
        relay: relay::config::Relay = relay::config::Relay::default() => hidden,
    }
    check Self::check
}

/// An Alertmanager of our own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerSection {
    /// An unmodified `alertmanager.yml`.
    pub config_file: String,
}

/// The built-in collectors.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collect {
    /// How often series of the host and of containers are stored; 10 s where it is not given.
    pub interval: Option<Duration>,
    /// The host.
    #[serde(deserialize_with = "nullable")]
    pub host: collect::host::Config,
    /// Containers.
    #[serde(deserialize_with = "nullable")]
    pub containers: collect::containers::Config,
    /// Logs on disk.
    #[serde(deserialize_with = "nullable")]
    pub logs: collect::tail::Config,
}

/// Logs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// Protocols that are listened for.
    #[serde(deserialize_with = "nullable")]
    pub receive: server::logs::config::Config,
    /// What is replaced before anything reaches the disk.
    pub masking: intake::lines::config::Masking,
    /// What is looked for in a line.
    pub detection: intake::lines::config::Detection,
    /// What a stream may send.
    pub limits: intake::lines::config::Limits,
    /// How long and how much is kept.
    #[serde(deserialize_with = "nullable")]
    pub retention: logs::LogRetention,
    /// Rule files whose expressions are LogQL; the last part of a path may hold `*`.
    #[serde(deserialize_with = "nullable")]
    pub rules: Vec<String>,
}

impl Logs {
    /// What the pipeline of log lines is told.
    pub(crate) fn lines(&self) -> intake::lines::Config {
        let Self { masking, detection, limits, .. } = self.clone();
        intake::lines::Config { masking, detection, limits }
    }
}

impl Written {
    /// What only all sections together can say.
    fn check(&mut self) -> Result<(), String> {
        for path in &self.rule_files {
            if !load::is_pattern(path) {
                return Err(format!("invalid rule file path {path:?}"));
            }
        }
        for path in &self.logs.rules {
            if !load::is_pattern(path) {
                return Err(format!("logs.rules: invalid rule file path {path:?}"));
            }
        }
        for path in &self.scrape_config_files {
            if !load::is_pattern(path) {
                return Err(format!("invalid scrape config file path {path:?}"));
            }
        }
        // What is shown is what holds.
        for job in &mut self.scrape_configs {
            job.resolve(&self.global)?;
        }
        collect::scrape::config::check_names(&self.scrape_configs)?;
        self.history.check()?;
        self.logs.receive.check()?;
        self.logs.retention.check()?;
        let legacy = self.global.legacy_names();
        self.alerting.check_names(legacy)?;
        self.otlp.check_names(legacy)?;
        relay::config::check_names("remote write", self.remote_write.iter().map(|w| w.name.as_str()))?;
        self.remote_write
            .iter()
            .flat_map(|write| &write.write_relabel_configs)
            .try_for_each(|rule| rule.check(legacy))?;
        relay::config::check_names("remote read", self.remote_read.iter().map(|r| r.name.as_str()))
    }

    /// Sections that are written and have no effect, with what that costs.
    pub fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let mut sections = Vec::new();
        if self.tracing.is_some() {
            sections.push(("tracing", "no trace of this program is sent"));
        }
        sections
    }
}

/// A value that may also be written as nothing at all.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
