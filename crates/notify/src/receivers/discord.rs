//! Discord: one embed posted to a webhook.

mod config;
#[cfg(test)]
mod tests;

use serde_json::json;

pub use config::DiscordConfig;

use super::receiver;
use crate::http::Call;
use crate::shorten::to_chars;
use crate::{Delivered, Failure, Notification, secrets};

/// Discord's limits, in characters.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const CONTENT: usize = 2000;

receiver!(
    /// Posts to a channel.
    Discord, DiscordConfig, "discord"
);

impl Discord {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, 0);
        let url = secrets::read(&self.config.webhook_url, &self.config.webhook_url_file, "webhook_url")?;
        let color = if words.is_firing() { 0xb3_26_1e } else { 0x2e_6b_34 };
        let mut body = json!({
            "content": to_chars(&words.text(&self.config.content)?, CONTENT),
            "embeds": [{
                "title": to_chars(&words.text(&self.config.title)?, TITLE),
                "description": to_chars(&words.text(&self.config.message)?, DESCRIPTION),
                "color": color,
            }],
        });
        for (name, value) in [("username", &self.config.username), ("avatar_url", &self.config.avatar_url)] {
            if !value.is_empty() {
                body[name] = value.as_str().into();
            }
        }
        Ok(self.http.deliver(Call::json(&url, &body)?).await?.delivered())
    }
}
