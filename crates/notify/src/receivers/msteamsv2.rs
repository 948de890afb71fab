//! Microsoft Teams over a workflow: one adaptive card.

mod config;
#[cfg(test)]
mod tests;

use serde_json::json;

pub use config::MsteamsV2Config;

use super::receiver;
use crate::http::Call;
use crate::shorten::to_bytes;
use crate::{Delivered, Failure, Notification, secrets};

/// The longest text, bytes: workflows take messages of 28 KB.
const TEXT: usize = 24 << 10;
const TITLE: usize = 1 << 10;

receiver!(
    /// Posts to a channel.
    MsteamsV2, MsteamsV2Config, "msteamsv2"
);

impl MsteamsV2 {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, 0);
        let url = secrets::read(&self.config.webhook_url, &self.config.webhook_url_file, "webhook_url")?;
        let title = json!({
            "type": "TextBlock",
            "text": to_bytes(&words.text(&self.config.title)?, TITLE),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": true,
            "style": "heading",
            "color": if words.is_firing() { "Attention" } else { "Good" },
        });
        let text = to_bytes(&words.text(&self.config.text)?, TEXT);
        let body = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.2",
                    "body": [title, {"type": "TextBlock", "text": text, "wrap": true}],
                    "msteams": {"width": "full"},
                },
            }],
        });
        Ok(self.http.deliver(Call::json(&url, &body)?).await?.delivered())
    }
}
