//! Its section of the configuration.

use model::config::Duration;
use outbound::{HttpConfig, Secret};

use crate::config::{Global, Inherit, at_most_one, one_of};

model::section! {
    /// A telephone, over Pushover.
    pub struct PushoverConfig ("pushover.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Key of the person or group.
        user_key: Secret = Secret::default(),
        /// File with it.
        user_key_file: String = String::new(),
        /// Token of the app.
        token: Secret = Secret::default(),
        /// File with it.
        token_file: String = String::new(),
        /// Title.
        title: String = "{{ template \"pushover.default.title\" . }}".to_owned(),
        /// Message.
        message: String = "{{ template \"pushover.default.message\" . }}".to_owned(),
        /// A link.
        url: String = "{{ template \"pushover.default.url\" . }}".to_owned(),
        /// What it says.
        url_title: String = String::new(),
        /// Device.
        device: String = String::new(),
        /// Sound.
        sound: String = String::new(),
        /// From -2 to 2; a template.
        priority: String = "{{ if eq .Status \"firing\" }}2{{ else }}0{{ end }}".to_owned(),
        /// How often the telephone tells again, at priority 2.
        retry: Duration = Duration::from_secs(60),
        /// For how long it does.
        expire: Duration = Duration::from_secs(3600),
        /// When the message goes away by itself.
        ttl: Duration = Duration::default(),
        /// Whether the message is HTML.
        html: bool = false,
        /// Whether all letters are equally wide.
        monospace: bool = false,
    }
    check Self::check
}

impl PushoverConfig {
    fn check(&mut self) -> Result<(), String> {
        let (user, user_file) = (!self.user_key.is_empty(), !self.user_key_file.is_empty());
        let (token, token_file) = (!self.token.is_empty(), !self.token_file.is_empty());
        one_of(user, user_file, "user_key or user_key_file")?;
        at_most_one(user, user_file, "user_key & user_key_file")?;
        one_of(token, token_file, "token or token_file")?;
        at_most_one(token, token_file, "token & token_file")?;
        at_most_one(self.html, self.monospace, "monospace & html")
    }
}

impl Inherit for PushoverConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
