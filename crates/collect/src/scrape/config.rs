//! `global` and `scrape_configs` of a `prometheus.yml`, every field as Prometheus has it.
//!
//! A section is read, checked on its own, and later completed from the global one with [`ScrapeConfig::resolve`].

mod global;
mod names;
mod protocol;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use global::GlobalConfig;
use model::config::{Duration, Size};
use model::relabel::RelabelConfig;
pub use names::{NameEscaping, NameValidation};
use outbound::HttpConfig;
use outbound::config::in_directory;
use outbound::discovery::Configs;
pub use protocol::ScrapeProtocol;

model::section! {
    /// One job.
    pub struct ScrapeConfig ("config.ScrapeConfig") {
        /// Job name, the `job` label by default.
        job_name: String = String::new() => always,
        /// Whether labels of the scraped data win over those of the target.
        honor_labels: bool = false,
        /// Whether timestamps of the scraped data are kept.
        honor_timestamps: bool = true => always,
        /// Whether series with timestamps of their own get stale markers.
        track_timestamps_staleness: bool = false => always,
        /// Query parameters.
        params: BTreeMap<String, Vec<String>> = BTreeMap::new(),
        /// How often; 0: as the global section says.
        scrape_interval: Duration = Duration::default(),
        /// How long a scrape may take; 0: as the global section says.
        scrape_timeout: Duration = Duration::default(),
        /// Formats that are asked for, the most wanted first.
        scrape_protocols: Option<Vec<ScrapeProtocol>> = None,
        /// Format to assume where the target names none.
        fallback_scrape_protocol: Option<ScrapeProtocol> = None,
        /// Whether native histograms are wanted.
        scrape_native_histograms: Option<bool> = None,
        /// Whether classic histograms are kept beside native ones.
        always_scrape_classic_histograms: Option<bool> = None,
        /// Whether classic histograms are converted to native ones with custom buckets.
        convert_classic_histograms_to_nhcb: Option<bool> = None,
        /// File for failures of scrapes.
        scrape_failure_log_file: Option<PathBuf> = None,
        /// Path on the target.
        metrics_path: String = "/metrics".to_owned(),
        /// `http` or `https`.
        scheme: String = "http".to_owned(),
        /// Whether a compressed answer is asked for.
        enable_compression: bool = true => always,
        /// Bytes that an answer may have once decompressed; 0: no limit of the job's own.
        body_size_limit: Size = Size::default(),
        /// Samples that a scrape may give after relabelling; 0: no limit.
        sample_limit: u64 = 0,
        /// Targets that the job may have; 0: no limit.
        target_limit: u64 = 0,
        /// Labels that a sample may have; 0: no limit.
        label_limit: u64 = 0,
        /// Bytes that a label name may have; 0: no limit.
        label_name_length_limit: u64 = 0,
        /// Bytes that a label value may have; 0: no limit.
        label_value_length_limit: u64 = 0,
        /// Buckets that a native histogram may have: more are merged; 0: no limit.
        native_histogram_bucket_limit: u64 = 0,
        /// Smallest growth factor from one bucket of a native histogram to the next: closer ones are merged.
        native_histogram_min_bucket_factor: f64 = 0.0,
        /// How many dropped targets are remembered; 0: a few thousand.
        keep_dropped_targets: u64 = 0,
        /// Which names may be stored.
        metric_name_validation_scheme: Option<NameValidation> = None,
        /// How the target is asked to spell names.
        metric_name_escaping_scheme: Option<NameEscaping> = None,
        /// Whether limits and sizes of the scrape are stored as series too.
        extra_scrape_metrics: Option<bool> = None,
        /// How to talk to a target.
        http: HttpConfig = HttpConfig::default() => inline,
        /// Rules for targets.
        relabel_configs: Vec<RelabelConfig> = Vec::new() => list("empty or null target relabeling rule in scrape config"),
        /// Rules for samples.
        metric_relabel_configs: Vec<RelabelConfig> = Vec::new() => list("empty or null metric relabeling rule in scrape config"),
        /// Where targets are found.
        discovery: Configs = Configs::default() => inline,
    }
    check Self::check
}

impl ScrapeConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.job_name.is_empty() {
            return Err("job_name is empty".to_owned());
        }
        if self.relabel_configs.is_empty() { self.discovery.check_addresses() } else { Ok(()) }
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        self.http.set_directory(dir);
        self.discovery.set_directory(dir);
        in_directory(dir, &mut self.scrape_failure_log_file);
    }

    /// Completes what is not set from the global section and checks what depends on it. Afterwards every `Option` that
    /// a scrape looks at is set.
    pub fn resolve(&mut self, global: &GlobalConfig) -> Result<(), String> {
        let job = self.job_name.clone();
        if self.scrape_interval.is_zero() {
            self.scrape_interval = global.scrape_interval;
        }
        if self.scrape_timeout > self.scrape_interval {
            return Err(format!(
                "scrape timeout greater than scrape interval for scrape config with job name {job:?}"
            ));
        }
        if self.scrape_timeout.is_zero() {
            self.scrape_timeout = global.scrape_timeout.min(self.scrape_interval);
        }
        self.resolve_limits(global);
        let native = self.scrape_native_histograms.or(global.scrape_native_histograms).unwrap_or(false);
        self.scrape_native_histograms = Some(native);
        let classic = self.always_scrape_classic_histograms;
        self.always_scrape_classic_histograms =
            Some(classic.unwrap_or(global.always_scrape_classic_histograms));
        let convert = self.convert_classic_histograms_to_nhcb;
        self.convert_classic_histograms_to_nhcb =
            Some(convert.unwrap_or(global.convert_classic_histograms_to_nhcb));
        let file = self.scrape_failure_log_file.take();
        self.scrape_failure_log_file = file.or_else(|| global.scrape_failure_log_file.clone());
        let extra = self.extra_scrape_metrics.or(global.extra_scrape_metrics);
        self.extra_scrape_metrics = Some(extra.unwrap_or(false));
        let protocols = self.scrape_protocols.take().or_else(|| global.scrape_protocols.clone());
        let protocols = protocols.unwrap_or_else(|| ScrapeProtocol::defaults(native));
        protocol::check(&protocols).map_err(|e| format!("{e} for scrape config with job name {job:?}"))?;
        self.scrape_protocols = Some(protocols);
        if let Some(fallback) = &self.fallback_scrape_protocol {
            fallback.check().map_err(|e| {
                format!("invalid fallback_scrape_protocol for scrape config with job name {job:?}: {e}")
            })?;
        }
        self.resolve_names(global)?;
        let legacy = self.legacy_names();
        let mut rules = self.relabel_configs.iter().chain(&self.metric_relabel_configs);
        rules.try_for_each(|rule| rule.check(legacy))
    }

    fn resolve_limits(&mut self, global: &GlobalConfig) {
        if self.body_size_limit.0 == 0 {
            self.body_size_limit = global.body_size_limit;
        }
        for (own, global) in [
            (&mut self.sample_limit, global.sample_limit),
            (&mut self.target_limit, global.target_limit),
            (&mut self.label_limit, global.label_limit),
            (&mut self.label_name_length_limit, global.label_name_length_limit),
            (&mut self.label_value_length_limit, global.label_value_length_limit),
            (&mut self.keep_dropped_targets, global.keep_dropped_targets),
        ] {
            if *own == 0 {
                *own = global;
            }
        }
    }

    fn resolve_names(&mut self, global: &GlobalConfig) -> Result<(), String> {
        let of = |validation| match validation {
            NameValidation::Legacy => NameEscaping::Underscores,
            NameValidation::Utf8 => NameEscaping::AllowUtf8,
        };
        let global_validation = global.metric_name_validation_scheme.unwrap_or(NameValidation::Utf8);
        let validation = self.metric_name_validation_scheme.unwrap_or(global_validation);
        let escaping =
            self.metric_name_escaping_scheme.unwrap_or_else(|| match self.metric_name_validation_scheme {
                Some(own) => of(own),
                None => global.metric_name_escaping_scheme.unwrap_or_else(|| of(global_validation)),
            });
        if escaping == NameEscaping::AllowUtf8 && validation == NameValidation::Legacy {
            return Err("utf8 metric names requested but validation scheme is not set to UTF8".to_owned());
        }
        self.metric_name_validation_scheme = Some(validation);
        self.metric_name_escaping_scheme = Some(escaping);
        Ok(())
    }

    /// What the job asks for and does not get, in sentences.
    pub fn unsupported(&self) -> Vec<String> {
        let discovery = self.discovery.unsupported().into_iter();
        discovery.map(|sd| format!("{sd} is not supported yet: it finds no targets")).collect()
    }

    /// Whether only names of the classic syntax are stored.
    pub fn legacy_names(&self) -> bool {
        self.metric_name_validation_scheme == Some(NameValidation::Legacy)
    }
}

/// Refuses two jobs of one name.
pub fn check_names(jobs: &[ScrapeConfig]) -> Result<(), String> {
    let mut seen = std::collections::HashSet::new();
    match jobs.iter().find(|job| !seen.insert(&job.job_name)) {
        Some(twice) => Err(format!("found multiple scrape configs with job name {:?}", twice.job_name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
