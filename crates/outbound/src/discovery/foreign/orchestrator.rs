//! Schedulers and registries of services.

use model::config::Duration;

use super::{foreign, needed};
use crate::config::HttpConfig;
use crate::secret::{Secret, WebUrl};

/// Whether a text has the scheme and the host of an URL.
fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !scheme.is_empty() && !host.is_empty()
    })
}

foreign! {
    /// `eureka_sd_configs`.
    pub struct EurekaConfig ("eureka.plain") {
        server: String = String::new(),
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(30),
    }
    check |config| {
        needed(&config.server, "eureka_sd: empty or null eureka server")?;
        if is_url(&config.server) { Ok(()) } else { Err("eureka_sd: invalid eureka server URL".to_owned()) }
    }
}

foreign! {
    /// `kuma_sd_configs`.
    pub struct KumaConfig ("xds.plainKumaConf") {
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(15),
        fetch_timeout: Duration = Duration::from_secs(120),
        server: String = String::new(),
        client_id: String = String::new(),
    }
    check |config| {
        needed(&config.server, "kuma SD server must not be empty: ")?;
        if is_url(&config.server) {
            return Ok(());
        }
        Err(format!("kuma SD server must not be empty and have a scheme: {}", config.server))
    }
}

foreign! {
    /// `marathon_sd_configs`.
    pub struct MarathonConfig ("marathon.plain") {
        servers: Vec<String> = Vec::new(),
        refresh_interval: Duration = Duration::from_secs(30),
        auth_token: Secret = Secret::default(),
        auth_token_file: String = String::new(),
        http: HttpConfig = HttpConfig::default() => inline,
    }
    check |config| {
        if config.servers.is_empty() {
            return Err("marathon_sd: must contain at least one Marathon server".to_owned());
        }
        let (token, file) = (!config.auth_token.is_empty(), !config.auth_token_file.is_empty());
        let message = if token && file {
            "marathon_sd: at most one of auth_token & auth_token_file must be configured"
        } else if !token && !file {
            return Ok(());
        } else if config.http.basic_auth.is_some() {
            "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured"
        } else if config.http.authorization.is_some() {
            "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured"
        } else {
            return Ok(());
        };
        Err(message.to_owned())
    }
}

foreign! {
    /// `nomad_sd_configs`.
    pub struct NomadConfig ("nomad.plain") {
        allow_stale: bool = true => always,
        http: HttpConfig = HttpConfig::default() => inline,
        namespace: String = "default".to_owned() => always,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        region: String = "global".to_owned() => always,
        server: String = "http://localhost:4646".to_owned() => always,
        tag_separator: String = ",".to_owned(),
    }
    check |config| needed(config.server.trim(), "nomad SD configuration requires a server address")
}

foreign! {
    /// `puppetdb_sd_configs`.
    pub struct PuppetDbConfig ("puppetdb.plain") {
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60),
        url: WebUrl = WebUrl::default() => always,
        query: String = String::new() => always,
        include_parameters: bool = false => always,
        port: u16 = 80 => always,
    }
    check |config| {
        crate::discovery::http::check_url(&config.url)?;
        needed(&config.query, "query missing")
    }
}

foreign! {
    /// `serverset_sd_configs`.
    pub struct ServersetConfig ("zookeeper.plain") {
        servers: Vec<String> = Vec::new() => always,
        paths: Vec<String> = Vec::new() => always,
        timeout: Duration = Duration::from_secs(10),
    }
    check |config| zookeeper("serverset", &config.servers, &config.paths)
}

foreign! {
    /// `nerve_sd_configs`.
    pub struct NerveConfig ("zookeeper.plain") {
        servers: Vec<String> = Vec::new() => always,
        paths: Vec<String> = Vec::new() => always,
        timeout: Duration = Duration::from_secs(10),
    }
    check |config| zookeeper("nerve", &config.servers, &config.paths)
}

fn zookeeper(kind: &str, servers: &[String], paths: &[String]) -> Result<(), String> {
    if servers.is_empty() {
        return Err(format!("{kind} SD config must contain at least one Zookeeper server"));
    }
    if paths.is_empty() {
        return Err(format!("{kind} SD config must contain at least one path"));
    }
    match paths.iter().find(|path| !path.starts_with('/')) {
        Some(path) => Err(format!("{kind} SD config paths must begin with '/': {path}")),
        None => Ok(()),
    }
}

foreign! {
    /// `uyuni_sd_configs`.
    pub struct UyuniConfig ("uyuni.plain") {
        server: String = String::new() => always,
        username: String = String::new() => always,
        password: Secret = Secret::default() => always,
        http: HttpConfig = HttpConfig::default() => inline,
        entitlement: String = "monitoring_entitled".to_owned(),
        separator: String = ",".to_owned(),
        refresh_interval: Duration = Duration::from_secs(60),
    }
    check |config| {
        needed(&config.server, "Uyuni SD configuration requires server host")?;
        needed(&config.username, "Uyuni SD configuration requires a username")?;
        needed(config.password.expose(), "Uyuni SD configuration requires a password")
    }
}
