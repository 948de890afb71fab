//! Its section of the configuration.

use outbound::{HttpConfig, WebUrl};

use crate::config::{Global, Inherit, address, inherit};

model::section! {
    /// A room of Webex.
    pub struct WebexConfig ("config.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        api_url: WebUrl = WebUrl::default(),
        /// Message.
        message: String = "{{ template \"webex.default.message\" . }}".to_owned(),
        /// Id of the room.
        room_id: String = String::new() => always,
    }
    check Self::check
}

impl WebexConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        if self.room_id.is_empty() {
            return Err("missing room_id on webex_config".to_owned());
        }
        match self.http_config.as_ref().and_then(|http| http.authorization.as_ref()) {
            Some(_) => Ok(()),
            None => Err("missing webex_configs.http_config.authorization".to_owned()),
        }
    }
}

impl Inherit for WebexConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.webex_api_url);
        if self.api_url.is_empty() {
            return Err("no global Webex URL set".to_owned());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
