//! The `global` section.

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::labels::is_plain_label_name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Duration, NameEscaping, NameValidation, ScrapeProtocol, Size, nullable, protocol};

/// What holds for every job that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", default = "GlobalConfig::unset", deny_unknown_fields)]
pub struct GlobalConfig {
    /// How often targets are scraped.
    pub scrape_interval: Duration,
    /// How long a scrape may take.
    pub scrape_timeout: Duration,
    /// Formats that are asked for.
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// How often rules are evaluated.
    pub evaluation_interval: Duration,
    /// How far in the past rules are evaluated.
    pub rule_query_offset: Duration,
    /// File that queries are logged to.
    pub query_log_file: Option<PathBuf>,
    /// File that failures of scrapes are logged to.
    pub scrape_failure_log_file: Option<PathBuf>,
    /// Labels for whatever leaves this server.
    #[serde(deserialize_with = "nullable")]
    pub external_labels: BTreeMap<String, String>,
    /// Bytes that an answer may have; 0: no limit.
    pub body_size_limit: Size,
    /// Samples that a scrape may give; 0: no limit.
    pub sample_limit: u64,
    /// Targets that a job may have; 0: no limit.
    pub target_limit: u64,
    /// Labels that a sample may have; 0: no limit.
    pub label_limit: u64,
    /// Bytes that a label name may have; 0: no limit.
    pub label_name_length_limit: u64,
    /// Bytes that a label value may have; 0: no limit.
    pub label_value_length_limit: u64,
    /// How many dropped targets are remembered; 0: a few thousand.
    pub keep_dropped_targets: u64,
    /// Which names may be stored.
    pub metric_name_validation_scheme: Option<NameValidation>,
    /// How targets are asked to spell names.
    pub metric_name_escaping_scheme: Option<NameEscaping>,
    /// Whether native histograms are wanted.
    pub scrape_native_histograms: Option<bool>,
    /// Whether classic histograms are to be converted.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Whether classic histograms are kept beside native ones.
    pub always_scrape_classic_histograms: bool,
    /// Whether limits and sizes of a scrape are stored as series too.
    pub extra_scrape_metrics: Option<bool>,
}

const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);

impl GlobalConfig {
    /// All zero: what is not written stays recognisable until the section is completed.
    fn unset() -> Self {
        Self {
            scrape_interval: Duration::default(),
            scrape_timeout: Duration::default(),
            evaluation_interval: Duration::default(),
            ..Self::default()
        }
    }

    fn complete(mut self) -> Result<Self, String> {
        for name in self.external_labels.keys() {
            let legacy = self.metric_name_validation_scheme == Some(NameValidation::Legacy);
            if name.is_empty() || (legacy && !is_plain_label_name(name)) {
                return Err(format!("{name:?} is not a valid label name"));
            }
        }
        if self.scrape_interval.is_zero() {
            self.scrape_interval = INTERVAL;
        }
        if self.scrape_timeout > self.scrape_interval {
            return Err("global scrape timeout greater than scrape interval".to_owned());
        }
        if self.scrape_timeout.is_zero() {
            self.scrape_timeout = TIMEOUT.min(self.scrape_interval);
        }
        if self.evaluation_interval.is_zero() {
            self.evaluation_interval = INTERVAL;
        }
        if let Some(protocols) = &self.scrape_protocols {
            protocol::check(protocols).map_err(|e| format!("{e} for global config"))?;
        }
        Ok(self)
    }
}

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            scrape_interval: INTERVAL,
            scrape_timeout: TIMEOUT,
            scrape_protocols: None,
            evaluation_interval: INTERVAL,
            rule_query_offset: Duration::default(),
            query_log_file: None,
            scrape_failure_log_file: None,
            external_labels: BTreeMap::new(),
            body_size_limit: Size::default(),
            sample_limit: 0,
            target_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            keep_dropped_targets: 0,
            metric_name_validation_scheme: None,
            metric_name_escaping_scheme: None,
            scrape_native_histograms: None,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: None,
        }
    }
}

impl<'de> Deserialize<'de> for GlobalConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)?.complete().map_err(D::Error::custom) // the derived one: `remote = "Self"`
    }
}
