//! Telegram: messages by a bot.

mod config;
#[cfg(test)]
mod tests;

use serde_json::json;

pub use config::TelegramConfig;

use super::receiver;
use crate::http::Call;
use crate::shorten::to_chars;
use crate::{Delivered, Failure, Notification, Retry, secrets};

/// The longest message, characters.
const MESSAGE: usize = 4096;
/// What is said where HTML would have to be cut: half of it might not be HTML.
const TOO_LONG: &str = "A notification is longer than Telegram takes. Shorten the template of its message.";

receiver!(
    /// Sends to a chat.
    Telegram, TelegramConfig, "telegram"
);

impl Telegram {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let words = self.templates.words(notification, 0);
        let message = match config.parse_mode.as_str() {
            "HTML" => {
                let html = words.html(&config.message)?;
                if html.chars().count() > MESSAGE { TOO_LONG.to_owned() } else { html }
            }
            _ => to_chars(&words.text(&config.message)?, MESSAGE),
        };
        let token = secrets::read(&config.bot_token, &config.bot_token_file, "bot_token")?;
        let mut body = json!({
            "chat_id": self.chat()?,
            "text": message,
            "link_preview_options": {"is_disabled": true},
            "disable_notification": config.disable_notifications,
        });
        if !config.parse_mode.is_empty() {
            body["parse_mode"] = config.parse_mode.as_str().into();
        }
        if config.message_thread_id != 0 {
            body["message_thread_id"] = config.message_thread_id.into();
        }
        let base = config.api_url.expose().trim_end_matches('/');
        let call = Call::json(&format!("{base}/bot{token}/sendMessage"), &body)?.secret(&token);
        let answer = self.http.send(call).await?;
        let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let wait = told["parameters"]["retry_after"].as_u64();
        let answer = answer.success().map_err(|failure| match (wait, failure.retry) {
            // It says how long to wait in the body.
            (Some(seconds), Retry::Later) => {
                Failure { retry: Retry::After(std::time::Duration::from_secs(seconds.min(3600))), ..failure }
            }
            _ => failure,
        })?;
        Ok(answer.delivered())
    }

    fn chat(&self) -> Result<i64, Failure> {
        let file = &self.config.chat_id_file;
        if file.is_empty() {
            return Ok(self.config.chat_id);
        }
        let text = secrets::read(&outbound::Secret::default(), file, "chat_id")?;
        text.parse()
            .map_err(|_| Failure::later(format!("chat_id: {file} does not hold the number of a chat")))
    }
}
