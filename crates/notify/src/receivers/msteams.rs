//! Microsoft Teams over an old connector: one card.

mod config;
#[cfg(test)]
mod tests;

use serde_json::json;

pub use config::MsteamsConfig;

use super::receiver;
use crate::http::Call;
use crate::shorten::to_bytes;
use crate::{Delivered, Failure, Notification, secrets};

/// The longest text, bytes: connectors take messages of 28 KB.
const TEXT: usize = 24 << 10;
const TITLE: usize = 1 << 10;

receiver!(
    /// Posts to a channel.
    Msteams, MsteamsConfig, "msteams"
);

impl Msteams {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, 0);
        let url = secrets::read(&self.config.webhook_url, &self.config.webhook_url_file, "webhook_url")?;
        let body = json!({
            "@context": "http://schema.org/extensions",
            "@type": "MessageCard",
            "type": "MessageCard",
            "title": to_bytes(&words.text(&self.config.title)?, TITLE),
            "summary": to_bytes(&words.text(&self.config.summary)?, TITLE),
            "text": to_bytes(&words.text(&self.config.text)?, TEXT),
            "themeColor": if words.is_firing() { "B3261E" } else { "2E6B34" },
        });
        Ok(self.http.deliver(Call::json(&url, &body)?).await?.delivered())
    }
}
