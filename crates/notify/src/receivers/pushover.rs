//! Pushover: messages to telephones.

mod config;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use config::PushoverConfig;

use super::{Kit, integration};
use crate::http::{Call, Http};
use crate::shorten::to_chars;
use crate::{Delivered, Failure, Notification, Templates, secrets};

const API: &str = "https://api.pushover.net/1/messages.json";
/// Pushover's limits, in characters.
const TITLE: usize = 250;
const MESSAGE: usize = 1024;
const URL: usize = 512;

/// Sends to telephones.
pub(crate) struct Pushover {
    pub(super) config: PushoverConfig,
    http: Http,
    templates: Templates,
    api: String,
}

integration!(Pushover, "pushover");

impl Pushover {
    pub(crate) fn new(config: &PushoverConfig, kit: &Kit<'_>) -> Result<Self, String> {
        let http = kit.http(config.http_config.as_ref(), Duration::ZERO)?;
        Ok(Self { config: config.clone(), http, templates: kit.templates.clone(), api: API.to_owned() })
    }

    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let words = self.templates.words(notification, 0);
        let text = |template: &str| words.text(template);
        let token = text(&secrets::read(&config.token, &config.token_file, "token")?)?;
        let user = text(&secrets::read(&config.user_key, &config.user_key_file, "user_key")?)?;
        let message = if config.html { words.html(&config.message)? } else { text(&config.message)? };
        // An empty message would be refused.
        let message = match message.trim() {
            "" => "(no details)".to_owned(),
            message => to_chars(message, MESSAGE),
        };
        let seconds = |time: model::config::Duration| (time.as_ms() / 1000).to_string();
        let mut fields = vec![
            ("token", token.clone()),
            ("user", user.clone()),
            ("title", to_chars(&text(&config.title)?, TITLE)),
            ("message", message),
            ("url", to_chars(&text(&config.url)?, URL)),
            ("url_title", text(&config.url_title)?),
            ("priority", text(&config.priority)?),
            ("retry", seconds(config.retry)),
            ("expire", seconds(config.expire)),
            ("device", text(&config.device)?),
            ("sound", text(&config.sound)?),
        ];
        if config.ttl.as_ms() >= 1000 {
            fields.push(("ttl", seconds(config.ttl)));
        }
        if config.html {
            fields.push(("html", "1".to_owned()));
        }
        if config.monospace {
            fields.push(("monospace", "1".to_owned()));
        }
        fields.retain(|(_, value)| !value.is_empty());
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let call = Call::form(&self.api, &fields).secret(&token).secret(&user);
        Ok(self.http.deliver(call).await?.delivered())
    }
}
