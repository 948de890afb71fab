//! Its section of the configuration.

use outbound::{HttpConfig, Secret};

use crate::config::{Global, Inherit, address, at_most_one, one_of};

model::section! {
    /// A channel of Microsoft Teams, over a workflow.
    pub struct MsteamsV2Config ("msteamsv2.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// The workflow that posts to the channel.
        webhook_url: Secret = Secret::default(),
        /// File with it.
        webhook_url_file: String = String::new(),
        /// Title.
        title: String = "{{ template \"msteamsv2.default.title\" . }}".to_owned(),
        /// Message.
        text: String = "{{ template \"msteamsv2.default.text\" . }}".to_owned(),
    }
    check Self::check
}

impl MsteamsV2Config {
    fn check(&mut self) -> Result<(), String> {
        let (url, file) = (!self.webhook_url.is_empty(), !self.webhook_url_file.is_empty());
        address(self.webhook_url.expose())?;
        one_of(url, file, "webhook_url or webhook_url_file")?;
        at_most_one(url, file, "webhook_url & webhook_url_file")
    }
}

impl Inherit for MsteamsV2Config {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        match &mut self.http_config {
            // Only the proxy is inherited by what says something itself.
            Some(http) if http.proxy.proxy_url.is_empty() => {
                http.proxy.proxy_url = global.http_config.proxy.proxy_url.clone();
            }
            Some(_) => {}
            None => self.http_config = Some(global.http_config.clone()),
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
