//! A web server that takes the notification as JSON.

mod config;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use config::WebhookConfig;

use super::receiver;
use crate::data::Data;
use crate::http::Call;
use crate::{Delivered, Failure, Notification, secrets};

receiver!(
    /// Posts to a web server.
    Webhook, WebhookConfig, "webhook", timeout
);

/// What is sent; version 4 of the format.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(flatten)]
    data: &'a Data,
    version: &'static str,
    #[serde(rename = "groupKey")]
    group_key: &'a str,
    #[serde(rename = "truncatedAlerts")]
    truncated: u64,
}

impl Webhook {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, self.config.max_alerts);
        let url = secrets::read(&self.config.url, &self.config.url_file, "url")?;
        let url =
            words.text(&url).map_err(|e| Failure::never(format!("failed to template webhook URL: {e}")))?;
        if url.is_empty() {
            return Err(Failure::never("webhook URL is empty after templating"));
        }
        let call = match &self.config.payload {
            Some(payload) => {
                let payload = words
                    .json(payload)
                    .map_err(|e| Failure::never(format!("failed to render custom payload: {e}")))?;
                Call::json(&url, &payload)?
            }
            None => {
                let left_out = notification.alerts.len() - words.data.alerts.len();
                let message = Message {
                    data: &words.data,
                    version: "4",
                    group_key: &notification.group_key,
                    truncated: left_out as u64,
                };
                Call::json(&url, &message)?
            }
        };
        Ok(self.http.deliver(call).await?.delivered())
    }
}
