//! `global` and `scrape_configs` of a `prometheus.yml`, every field as Prometheus has it.
//!
//! A section is read, checked on its own, and later completed from the global one with [`ScrapeConfig::resolve`].

mod duration;
mod global;
mod http;
mod protocol;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub use duration::{Duration, Size};
pub use global::GlobalConfig;
pub use http::{Authorization, BasicAuth, Header, HttpClientConfig, OAuth2, Secret, TlsConfig};
pub use protocol::ScrapeProtocol;

use super::relabel::RelabelConfig;
use crate::discovery::config::{DockerConfig, FileConfig, Group, Unsupported};

/// A value that may also be written as nothing at all.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list without empty entries; `what` names the entry in the error.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    what: &str,
) -> Result<Vec<T>, D::Error> {
    let entries = Option::<Vec<Option<T>>>::deserialize(deserializer)?.unwrap_or_default();
    let entries: Option<Vec<T>> = entries.into_iter().collect();
    entries.ok_or_else(|| D::Error::custom(format_args!("empty or null {what}")))
}

fn target_rules<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<RelabelConfig>, D::Error> {
    list(d, "target relabeling rule in scrape config")
}

fn metric_rules<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<RelabelConfig>, D::Error> {
    list(d, "metric relabeling rule in scrape config")
}

fn groups<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Group>, D::Error> {
    list(d, "section in static_configs")
}

fn files<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<FileConfig>, D::Error> {
    list(d, "section in file_sd_configs")
}

fn dockers<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<DockerConfig>, D::Error> {
    list(d, "section in docker_sd_configs")
}

/// Which names a job may store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameValidation {
    /// Any UTF-8.
    Utf8,
    /// Only the classic syntax.
    Legacy,
}

impl<'de> Deserialize<'de> for NameValidation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "utf8" => Ok(Self::Utf8),
            "legacy" => Ok(Self::Legacy),
            other => Err(D::Error::custom(format_args!(
                "unrecognized ValidationScheme: {other:?} (utf8 or legacy)"
            ))),
        }
    }
}

/// How a target is asked to spell names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameEscaping {
    /// As they are.
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// Other characters become underscores.
    Underscores,
    /// Dots become `_dot_`.
    Dots,
    /// Other characters become their code point.
    Values,
}

impl NameEscaping {
    /// The word in the `Accept` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

macro_rules! scrape_config {
    (fields { $($(#[$meta:meta])* $field:ident: $kind:ty = $default:expr,)* }
     unsupported { $($sd:ident,)* }) => {
        /// One job.
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(remote = "Self", default, deny_unknown_fields)]
        pub struct ScrapeConfig {
            $($(#[$meta])* pub $field: $kind,)*
            $(#[doc = concat!("`", stringify!($sd), "`: read over, reported as unsupported.")] pub $sd: Unsupported,)*
        }

        impl Default for ScrapeConfig {
            fn default() -> Self {
                Self { $($field: $default,)* $($sd: Unsupported::default(),)* }
            }
        }

        impl ScrapeConfig {
            /// The kinds of discovery that the job asks for and that are not supported.
            pub fn unsupported_discovery(&self) -> Vec<&'static str> {
                let all = [$((stringify!($sd), self.$sd.given),)*];
                all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
            }
        }
    };
}

scrape_config! {
fields {
    /// Job name, the `job` label by default.
    #[serde(deserialize_with = "nullable")]
    job_name: String = String::new(),
    /// How often; 0: as the global section says.
    scrape_interval: Duration = Duration::default(),
    /// How long a scrape may take; 0: as the global section says.
    scrape_timeout: Duration = Duration::default(),
    /// Path on the target.
    metrics_path: String = "/metrics".to_owned(),
    /// `http` or `https`.
    scheme: String = "http".to_owned(),
    /// Query parameters.
    #[serde(deserialize_with = "nullable")]
    params: BTreeMap<String, Vec<String>> = BTreeMap::new(),
    /// Whether labels of the scraped data win over those of the target.
    honor_labels: bool = false,
    /// Whether timestamps of the scraped data are kept.
    honor_timestamps: bool = true,
    /// Whether series with timestamps of their own get stale markers.
    track_timestamps_staleness: bool = false,
    /// Formats that are asked for, the most wanted first.
    scrape_protocols: Option<Vec<ScrapeProtocol>> = None,
    /// Format to assume where the target names none.
    fallback_scrape_protocol: Option<ScrapeProtocol> = None,
    /// Whether native histograms are wanted; they are not stored yet.
    scrape_native_histograms: Option<bool> = None,
    /// Whether classic histograms are kept beside native ones.
    always_scrape_classic_histograms: Option<bool> = None,
    /// Whether classic histograms are to be converted; not supported yet.
    convert_classic_histograms_to_nhcb: Option<bool> = None,
    /// File for failures of scrapes; they are in the log and on the targets page.
    scrape_failure_log_file: Option<PathBuf> = None,
    /// Whether a compressed answer is asked for.
    enable_compression: bool = true,
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
    /// Buckets that a native histogram may have.
    native_histogram_bucket_limit: u64 = 0,
    /// Smallest growth factor of native histograms.
    native_histogram_min_bucket_factor: f64 = 0.0,
    /// How many dropped targets are remembered; 0: a few thousand.
    keep_dropped_targets: u64 = 0,
    /// Which names may be stored.
    metric_name_validation_scheme: Option<NameValidation> = None,
    /// How the target is asked to spell names.
    metric_name_escaping_scheme: Option<NameEscaping> = None,
    /// Whether limits and sizes of the scrape are stored as series too.
    extra_scrape_metrics: Option<bool> = None,
    /// User name and password.
    basic_auth: Option<BasicAuth> = None,
    /// The `Authorization` header.
    authorization: Option<Authorization> = None,
    /// OAuth 2.0; not supported yet.
    oauth2: Option<OAuth2> = None,
    /// Older spelling of `authorization.credentials`.
    bearer_token: Secret = Secret::default(),
    /// Older spelling of `authorization.credentials_file`.
    bearer_token_file: Option<PathBuf> = None,
    /// TLS.
    #[serde(deserialize_with = "nullable")]
    tls_config: TlsConfig = TlsConfig::default(),
    /// Whether redirects are followed.
    follow_redirects: bool = true,
    /// Whether HTTP/2 may be used.
    enable_http2: bool = true,
    /// Proxy.
    proxy_url: Option<String> = None,
    /// Hosts that are reached without it.
    no_proxy: String = String::new(),
    /// Whether the environment names the proxy.
    proxy_from_environment: bool = false,
    /// Headers for the proxy.
    proxy_connect_header: BTreeMap<String, Vec<Secret>> = BTreeMap::new(),
    /// Extra headers.
    http_headers: BTreeMap<String, Header> = BTreeMap::new(),
    /// Rules for targets.
    #[serde(deserialize_with = "target_rules")]
    relabel_configs: Vec<RelabelConfig> = Vec::new(),
    /// Rules for samples.
    #[serde(deserialize_with = "metric_rules")]
    metric_relabel_configs: Vec<RelabelConfig> = Vec::new(),
    /// Targets written down here.
    #[serde(deserialize_with = "groups")]
    static_configs: Vec<Group> = Vec::new(),
    /// Targets in files.
    #[serde(deserialize_with = "files")]
    file_sd_configs: Vec<FileConfig> = Vec::new(),
    /// Containers of a Docker engine.
    #[serde(deserialize_with = "dockers")]
    docker_sd_configs: Vec<DockerConfig> = Vec::new(),
}
unsupported {
    aws_sd_configs, azure_sd_configs, consul_sd_configs, digitalocean_sd_configs, dns_sd_configs,
    dockerswarm_sd_configs, ec2_sd_configs, ecs_sd_configs, elasticache_sd_configs, eureka_sd_configs,
    gce_sd_configs, hetzner_sd_configs, http_sd_configs, ionos_sd_configs, kubernetes_sd_configs, kuma_sd_configs,
    lightsail_sd_configs, linode_sd_configs, marathon_sd_configs, msk_sd_configs, nerve_sd_configs, nomad_sd_configs,
    oci_sd_configs, openstack_sd_configs, outscale_sd_configs, ovhcloud_sd_configs, puppetdb_sd_configs,
    rds_sd_configs, scaleway_sd_configs, serverset_sd_configs, stackit_sd_configs, triton_sd_configs, uyuni_sd_configs,
    vultr_sd_configs,
}
}

impl<'de> Deserialize<'de> for ScrapeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let job = Self::deserialize(deserializer)?; // the derived one: `remote = "Self"`
        job.check().map_err(D::Error::custom)?;
        Ok(job)
    }
}

impl ScrapeConfig {
    fn check(&self) -> Result<(), String> {
        if self.job_name.is_empty() {
            return Err("job_name is empty".to_owned());
        }
        self.http_client().check()?;
        if self.relabel_configs.is_empty() {
            for target in self.static_configs.iter().flat_map(|group| &group.targets) {
                check_address(target)?;
            }
        }
        Ok(())
    }

    /// What the job asks for and does not get, in sentences.
    pub fn unsupported(&self) -> Vec<String> {
        let discovery = self.unsupported_discovery().into_iter();
        let mut all: Vec<String> =
            discovery.map(|sd| format!("{sd} is not supported yet: it finds no targets")).collect();
        for (asked, message) in [
            (
                self.scrape_native_histograms == Some(true),
                "scrape_native_histograms has no effect yet: native histograms are not stored",
            ),
            (
                self.convert_classic_histograms_to_nhcb == Some(true),
                "convert_classic_histograms_to_nhcb has no effect yet: classic histograms are stored as they are",
            ),
            (
                self.scrape_failure_log_file.is_some(),
                "scrape_failure_log_file is not written: failures are on the targets page",
            ),
        ] {
            if asked {
                all.push(message.to_owned());
            }
        }
        all
    }

    /// The fields that say how to talk to a target.
    pub fn http_client(&self) -> HttpClientConfig {
        HttpClientConfig {
            basic_auth: self.basic_auth.clone(),
            authorization: self.authorization.clone(),
            oauth2: self.oauth2.clone(),
            bearer_token: self.bearer_token.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            tls_config: self.tls_config.clone(),
            follow_redirects: self.follow_redirects,
            enable_http2: self.enable_http2,
            proxy_url: self.proxy_url.clone(),
            no_proxy: self.no_proxy.clone(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.clone(),
            http_headers: self.http_headers.clone(),
        }
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        let mut http = self.http_client();
        http.set_directory(dir);
        self.basic_auth = http.basic_auth;
        self.authorization = http.authorization;
        self.bearer_token_file = http.bearer_token_file;
        self.tls_config = http.tls_config;
        self.http_headers = http.http_headers;
        for pattern in self.file_sd_configs.iter_mut().flat_map(|f| &mut f.files) {
            if !Path::new(pattern.as_str()).is_absolute() {
                *pattern = dir.join(&*pattern).to_string_lossy().into_owned();
            }
        }
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
        let native = self.scrape_native_histograms.or(global.scrape_native_histograms);
        self.scrape_native_histograms = Some(native.unwrap_or(false));
        let convert = self.convert_classic_histograms_to_nhcb;
        self.convert_classic_histograms_to_nhcb =
            Some(convert.unwrap_or(global.convert_classic_histograms_to_nhcb));
        let file = self.scrape_failure_log_file.take();
        self.scrape_failure_log_file = file.or_else(|| global.scrape_failure_log_file.clone());
        let extra = self.extra_scrape_metrics.or(global.extra_scrape_metrics);
        self.extra_scrape_metrics = Some(extra.unwrap_or(false));
        let protocols = self.scrape_protocols.take().or_else(|| global.scrape_protocols.clone());
        let protocols = protocols.unwrap_or_else(ScrapeProtocol::defaults);
        protocol::check(&protocols).map_err(|e| format!("{e} for scrape config with job name {job:?}"))?;
        self.scrape_protocols = Some(protocols);
        if let Some(fallback) = &self.fallback_scrape_protocol {
            fallback.check().map_err(|e| {
                format!("invalid fallback_scrape_protocol for scrape config with job name {job:?}: {e}")
            })?;
        }
        self.resolve_names(global)
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

    /// Whether only names of the classic syntax are stored.
    pub fn legacy_names(&self) -> bool {
        self.metric_name_validation_scheme == Some(NameValidation::Legacy)
    }
}

/// Refuses addresses that are URLs or paths.
pub(crate) fn check_address(address: &str) -> Result<(), String> {
    if address.contains('/') {
        return Err(format!("{address:?} is not a valid hostname"));
    }
    Ok(())
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
