//! The discovery sections of a job.

use std::collections::BTreeMap;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::scrape::config::{Duration, HttpClientConfig, nullable};

/// Targets with labels in common: `static_configs`, and what files hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct Group {
    /// Addresses, `host:port`.
    #[serde(deserialize_with = "nullable")]
    pub targets: Vec<String>,
    /// Labels for each of them.
    #[serde(deserialize_with = "nullable")]
    pub labels: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let group = Self::deserialize(deserializer)?; // the derived one: `remote = "Self"`
        if group.labels.contains_key("") {
            return Err(D::Error::custom("\"\" is not a valid label name"));
        }
        Ok(group)
    }
}

impl Group {
    /// One label set a target; labels of the group do not replace the address.
    pub(crate) fn label_sets(&self) -> impl Iterator<Item = model::Labels> {
        self.targets.iter().map(|target| {
            let mut labels = model::LabelsBuilder::new();
            for (name, value) in &self.labels {
                labels.set(name, value);
            }
            labels.set(super::ADDRESS, target).build()
        })
    }
}

/// One entry of `file_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct FileConfig {
    /// Names of JSON or YAML files; the last part may hold one `*`.
    pub files: Vec<String>,
    /// How often they are read even if nothing seems to have changed.
    pub refresh_interval: Duration,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self { files: Vec::new(), refresh_interval: Duration::from_secs(300) }
    }
}

impl<'de> Deserialize<'de> for FileConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let config = Self::deserialize(deserializer)?; // the derived one: `remote = "Self"`
        if config.files.is_empty() {
            return Err(D::Error::custom(
                "file service discovery config must contain at least one path name",
            ));
        }
        match config.files.iter().find(|name| !is_file_pattern(name)) {
            Some(bad) => {
                Err(D::Error::custom(format_args!("path name {bad:?} is not valid for file discovery")))
            }
            None => Ok(config),
        }
    }
}

/// A JSON or YAML file, `*` at most once and only in the last part.
fn is_file_pattern(name: &str) -> bool {
    let known = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"];
    known.iter().any(|ending| name.ends_with(ending))
        && match name.split_once('*') {
            None => true,
            Some((_, after)) => !after.contains(['*', '/']),
        }
}

/// A filter that the engine applies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// What is filtered by, e.g. `label`.
    pub name: String,
    /// Wanted values.
    pub values: Vec<String>,
}

/// One entry of `docker_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct DockerConfig {
    /// `unix:///path` or `http://host:port`.
    pub host: String,
    /// Port of containers that expose none.
    pub port: u16,
    /// Which containers.
    pub filters: Vec<Filter>,
    /// Address of containers in the host's network.
    pub host_networking_host: String,
    /// How often the engine is asked.
    pub refresh_interval: Duration,
    /// Whether a container in several networks gives targets in the first only.
    pub match_first_network: bool,
    /// User name and password.
    pub basic_auth: Option<crate::scrape::config::BasicAuth>,
    /// The `Authorization` header.
    pub authorization: Option<crate::scrape::config::Authorization>,
    /// OAuth 2.0.
    pub oauth2: Option<crate::scrape::config::OAuth2>,
    /// Bearer token.
    pub bearer_token: crate::scrape::config::Secret,
    /// File with the bearer token.
    pub bearer_token_file: Option<std::path::PathBuf>,
    /// TLS.
    #[serde(deserialize_with = "nullable")]
    pub tls_config: crate::scrape::config::TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be used.
    pub enable_http2: bool,
    /// Proxy.
    pub proxy_url: Option<String>,
    /// Hosts that are reached without it.
    pub no_proxy: String,
    /// Whether the environment names the proxy.
    pub proxy_from_environment: bool,
    /// Headers for the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<crate::scrape::config::Secret>>,
    /// Extra headers.
    pub http_headers: BTreeMap<String, crate::scrape::config::Header>,
}

impl Default for DockerConfig {
    fn default() -> Self {
        let http = HttpClientConfig::default();
        Self {
            host: String::new(),
            port: 80,
            filters: Vec::new(),
            host_networking_host: "localhost".to_owned(),
            refresh_interval: Duration::from_secs(60),
            match_first_network: true,
            basic_auth: None,
            authorization: None,
            oauth2: None,
            bearer_token: http.bearer_token,
            bearer_token_file: None,
            tls_config: http.tls_config,
            follow_redirects: true,
            enable_http2: true,
            proxy_url: None,
            no_proxy: String::new(),
            proxy_from_environment: false,
            proxy_connect_header: BTreeMap::new(),
            http_headers: BTreeMap::new(),
        }
    }
}

impl DockerConfig {
    /// The fields that say how to talk to the engine where `host` is an URL.
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
}

impl<'de> Deserialize<'de> for DockerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let config = Self::deserialize(deserializer)?; // the derived one: `remote = "Self"`
        if config.host.is_empty() {
            return Err(D::Error::custom("host missing"));
        }
        config.http_client().check().map_err(D::Error::custom)?;
        Ok(config)
    }
}

/// A discovery section that is read over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsupported {
    /// Whether the job has it.
    pub given: bool,
}

impl<'de> Deserialize<'de> for Unsupported {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self { given: true })
    }
}
