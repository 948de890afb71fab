//! Its section of the configuration.

use model::config::Duration;
use outbound::{HttpConfig, Secret};

use crate::config::{Global, Inherit, address, at_most_one, one_of, templated};

model::section! {
    /// A web server that takes notifications as JSON.
    pub struct WebhookConfig ("webhook.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where it is; may be a template.
        url: Secret = Secret::default(),
        /// File with the address.
        url_file: String = String::new(),
        /// How many alerts are sent at most; 0: all.
        max_alerts: u64 = 0 => always,
        /// How long an attempt may take; 0: as long as the group's interval.
        timeout: Duration = Duration::default() => always,
        /// What is sent instead of the usual object; texts in it are templates.
        payload: Option<serde_json::Value> = None,
    }
    check Self::check
}

impl WebhookConfig {
    fn check(&mut self) -> Result<(), String> {
        let (url, file) = (!self.url.is_empty(), !self.url_file.is_empty());
        if !templated(self.url.expose()) {
            address(self.url.expose()).map_err(|e| format!("invalid URL: {e}"))?;
        }
        one_of(url, file, "url or url_file")?;
        at_most_one(url, file, "url & url_file")
    }
}

impl Inherit for WebhookConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
