//! Webex: messages to a room.

mod config;
#[cfg(test)]
mod tests;

use serde_json::json;

pub use config::WebexConfig;

use super::receiver;
use crate::http::Call;
use crate::shorten::to_bytes;
use crate::{Delivered, Failure, Notification};

/// The longest message, bytes.
const MESSAGE: usize = 7439;

receiver!(
    /// Sends to a room.
    Webex, WebexConfig, "webex"
);

impl Webex {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, 0);
        let body = json!({
            "markdown": to_bytes(&words.text(&self.config.message)?, MESSAGE),
            "roomId": words.text(&self.config.room_id)?,
        });
        Ok(self.http.deliver(Call::json(self.config.api_url.expose(), &body)?).await?.delivered())
    }
}
