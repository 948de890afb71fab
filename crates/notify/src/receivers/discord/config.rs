//! Its section of the configuration.

use outbound::{HttpConfig, Secret};

use crate::config::{Global, Inherit, address, at_most_one, one_of};

model::section! {
    /// A channel of Discord.
    pub struct DiscordConfig ("discord.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// The webhook of the channel.
        webhook_url: Secret = Secret::default(),
        /// File with it.
        webhook_url_file: String = String::new(),
        /// Text above the message.
        content: String = String::new(),
        /// Title.
        title: String = "{{ template \"discord.default.title\" . }}".to_owned(),
        /// Message.
        message: String = "{{ template \"discord.default.message\" . }}".to_owned(),
        /// Name to post under.
        username: String = String::new(),
        /// Picture to post under.
        avatar_url: String = String::new(),
    }
    check Self::check
}

impl DiscordConfig {
    fn check(&mut self) -> Result<(), String> {
        let (url, file) = (!self.webhook_url.is_empty(), !self.webhook_url_file.is_empty());
        address(self.webhook_url.expose())?;
        one_of(url, file, "webhook_url or webhook_url_file")?;
        at_most_one(url, file, "webhook_url & webhook_url_file")
    }
}

impl Inherit for DiscordConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
