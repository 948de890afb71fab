//! Rocket.Chat: one attachment posted by a user.

mod config;
#[cfg(test)]
mod tests;

use outbound::client::header::HeaderName;
use serde_json::{Value, json};

pub use config::{RocketchatAction, RocketchatConfig, RocketchatField};

use super::receiver;
use crate::body::filled;
use crate::http::Call;
use crate::shorten::to_chars;
use crate::{Delivered, Failure, Notification, secrets};

/// The longest title, characters.
const TITLE: usize = 1024;

receiver!(
    /// Posts to a channel.
    Rocketchat, RocketchatConfig, "rocketchat"
);

impl Rocketchat {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let words = self.templates.words(notification, 0);
        let text = |template: &str| words.text(template);
        let token = secrets::read(&config.token, &config.token_file, "token")?;
        let id = secrets::read(&config.token_id, &config.token_id_file, "token_id")?;
        let fields = config.fields.iter().map(|field| {
            let short = field.short.unwrap_or(config.short_fields);
            Ok(json!({"title": text(&field.title)?, "value": text(&field.value)?, "short": short}))
        });
        let actions = config.actions.iter().map(|action| {
            let (said, url, msg) = (text(&action.text)?, text(&action.url)?, text(&action.msg)?);
            Ok(filled(json!({"type": "button", "text": said, "url": url, "msg": msg})))
        });
        let attachment = filled(json!({
            "title": to_chars(&text(&config.title)?, TITLE),
            "title_link": text(&config.title_link)?,
            "text": text(&config.text)?,
            "image_url": text(&config.image_url)?,
            "thumb_url": text(&config.thumb_url)?,
            "color": text(&config.color)?,
            "fields": fields.collect::<Result<Vec<_>, String>>()?,
            "actions": actions.collect::<Result<Vec<_>, String>>()?,
        }));
        let body = filled(json!({
            "channel": text(&config.channel)?,
            "emoji": text(&config.emoji)?,
            "avatar": text(&config.icon_url)?,
            "attachments": [attachment],
        }));
        let url = format!("{}/api/v1/chat.postMessage", config.api_url.expose().trim_end_matches('/'));
        let call = Call::json(&url, &body)?
            .header(HeaderName::from_static("x-auth-token"), &token)?
            .header(HeaderName::from_static("x-user-id"), &id)?
            .secret(&token)
            .secret(&id);
        let answer = self.http.deliver(call).await?;
        // It says no with a status of success as well.
        let told: Value = serde_json::from_str(&answer.body).map_err(|_| {
            Failure::later(format!("cannot read what Rocket.Chat answered: {}", answer.told()))
        })?;
        match told["success"].as_bool() {
            Some(true) => Ok(answer.delivered()),
            _ => Err(Failure::refused(format!("error response from Rocketchat: {}", answer.told()))),
        }
    }
}
