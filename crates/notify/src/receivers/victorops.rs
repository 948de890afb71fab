//! VictorOps (Splunk On-Call): events over the REST endpoint.

mod config;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use config::VictoropsConfig;

use super::receiver;
use crate::http::Call;
use crate::shorten::{digest, to_chars};
use crate::{Delivered, Failure, Notification, secrets};

/// The longest message, characters.
const MESSAGE: usize = 20_480;

receiver!(
    /// Sends events.
    Victorops, VictoropsConfig, "victorops"
);

impl Victorops {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let words = self.templates.words(notification, 0);
        let text = |template: &str| words.text(template);
        let key = secrets::read(&config.api_key, &config.api_key_file, "api_key")?;
        let wanted = text(&config.message_type)?;
        let kind = match wanted.as_str() {
            _ if !words.is_firing() => "RECOVERY",
            known @ ("INFO" | "WARNING" | "CRITICAL") => known,
            _ => "CRITICAL",
        };
        let mut event = BTreeMap::from([
            ("message_type", kind.to_owned()),
            ("entity_id", digest(&notification.group_key)),
            ("entity_display_name", text(&config.entity_display_name)?),
            ("state_message", to_chars(&text(&config.state_message)?, MESSAGE)),
            ("monitoring_tool", text(&config.monitoring_tool)?),
        ]);
        for (name, value) in &config.custom_fields {
            event.insert(name, text(value)?);
        }
        let url = format!("{}{key}/{}", config.api_url.expose(), text(&config.routing_key)?);
        let call = Call::json(&url, &event)?.secret(&key);
        Ok(self.http.deliver(call).await?.delivered())
    }
}
