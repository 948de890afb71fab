//! `consul_sd_configs`.

use std::collections::BTreeMap;

use model::config::Duration;

use crate::config::{BasicAuth, HttpConfig};
use crate::secret::Secret;

model::section! {
    /// Consul's catalogue.
    pub struct ConsulConfig ("consul.plain") {
        /// `host:port`.
        server: String = "localhost:8500".to_owned(),
        /// Path in front of the API's.
        path_prefix: String = String::new(),
        /// Token of the access control list.
        token: Secret = Secret::default(),
        /// Data centre; that of the agent by default.
        datacenter: String = String::new(),
        /// Namespace (Consul Enterprise).
        namespace: String = String::new(),
        /// Partition (Consul Enterprise).
        partition: String = String::new(),
        /// What stands between tags in `__meta_consul_tags`.
        tag_separator: String = ",".to_owned(),
        /// `http` or `https`.
        scheme: String = "http".to_owned(),
        /// Older spelling of `basic_auth.username`; copied there when it is read.
        username: String = String::new(),
        /// Older spelling of `basic_auth.password`; copied there when it is read.
        password: Secret = Secret::default(),
        /// Whether any server may answer, its data perhaps a little old.
        allow_stale: bool = true => always,
        /// The least time between two answers.
        refresh_interval: Duration = Duration::from_secs(30),
        /// Names of services; none: all.
        services: Vec<String> = Vec::new(),
        /// Tags that a service must have, all of them.
        tags: Vec<String> = Vec::new(),
        /// Metadata that a node must have.
        node_meta: BTreeMap<String, String> = BTreeMap::new(),
        /// Filter expression for the catalogue.
        filter: String = String::new(),
        /// Filter expression for health.
        health_filter: String = String::new(),
        /// How to talk to it.
        http: HttpConfig = HttpConfig::default() => inline,
    }
    check Self::check
}

impl ConsulConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.server.trim().is_empty() {
            return Err("consul SD configuration requires a server address".to_owned());
        }
        if !self.username.is_empty() || !self.password.is_empty() {
            if self.http.basic_auth.is_some() {
                let message = "at most one of consul SD configuration username and password and basic auth can be configured";
                return Err(message.to_owned());
            }
            let mut basic = BasicAuth::default();
            basic.username.clone_from(&self.username);
            basic.password.clone_from(&self.password);
            self.http.basic_auth = Some(basic);
        }
        if !self.token.is_empty() && (self.http.authorization.is_some() || self.http.oauth2.is_some()) {
            return Err(
                "at most one of consul SD token, authorization, or oauth2 can be configured".to_owned()
            );
        }
        Ok(())
    }
}
