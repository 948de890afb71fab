//! Its section of the configuration.

use model::config::Duration;
use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, one_of};

model::section! {
    /// An alert source of incident.io.
    pub struct IncidentioConfig ("incidentio.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        url: WebUrl = WebUrl::default(),
        /// File with the address.
        url_file: String = String::new(),
        /// Token of the alert source.
        alert_source_token: Secret = Secret::default(),
        /// File with it.
        alert_source_token_file: String = String::new(),
        /// How many alerts are sent at most; 0: all.
        max_alerts: u64 = 0 => always,
        /// How long an attempt may take; 0: as long as the group's interval.
        timeout: Duration = Duration::default() => always,
    }
    check Self::check
}

impl IncidentioConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.url.expose())?;
        let (url, file) = (!self.url.is_empty(), !self.url_file.is_empty());
        one_of(url, file, "url or url_file")?;
        at_most_one(url, file, "url & url_file")?;
        let (token, token_file) =
            (!self.alert_source_token.is_empty(), !self.alert_source_token_file.is_empty());
        at_most_one(token, token_file, "alert_source_token & alert_source_token_file")?;
        match self.http_config.as_ref().map(|http| http.authorization.is_some()) {
            Some(true) if token || token_file => Err("cannot specify alert_source_token or \
                alert_source_token_file when using http_config.authorization"
                .to_owned()),
            Some(false) if !token && !token_file => Err("at least one of alert_source_token, \
                alert_source_token_file or http_config.authorization must be configured"
                .to_owned()),
            _ => Ok(()),
        }
    }
}

impl Inherit for IncidentioConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
