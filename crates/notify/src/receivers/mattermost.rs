//! Mattermost: attachments posted to a webhook.

mod config;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use config::{
    MattermostAttachment, MattermostConfig, MattermostField, MattermostPriority, MattermostProps,
};

use super::receiver;
use crate::body::filled;
use crate::http::Call;
use crate::shorten::to_chars;
use crate::template::Words;
use crate::{Delivered, Failure, Notification, secrets};

/// The longest text, characters.
const TEXT: usize = 16_383;

receiver!(
    /// Posts to a channel.
    Mattermost, MattermostConfig, "mattermost"
);

impl Mattermost {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, 0);
        let url = secrets::read(&self.config.webhook_url, &self.config.webhook_url_file, "webhook_url")?;
        let body = self.body(&words)?;
        Ok(self.http.deliver(Call::json(&url, &body)?).await?.delivered())
    }

    fn body(&self, words: &Words) -> Result<Value, Failure> {
        let config = &self.config;
        let text = |template: &str| words.text(template);
        // The text stands in the attachment that is made of these fields, or above those that are written down.
        let (above, attachments) = match config.attachments.as_slice() {
            [] => (String::new(), vec![attachment(&self.own(), words)?]),
            written => {
                let all = written.iter().map(|one| attachment(one, words)).collect::<Result<Vec<_>, _>>()?;
                (to_chars(&text(&config.text)?, TEXT), all)
            }
        };
        let priority = match &config.priority {
            Some(priority) if !priority.priority.is_empty() => Some(urgency(priority, words)?),
            _ => None,
        };
        let card = match &config.props {
            Some(props) if !props.card.is_empty() => Some(json!({"card": text(&props.card)?})),
            _ => None,
        };
        Ok(filled(json!({
            "text": above,
            "channel": text(&config.channel)?,
            "username": text(&config.username)?,
            "icon_url": text(&config.icon_url)?,
            "icon_emoji": text(&config.icon_emoji)?,
            "type": text(&config.kind)?,
            "attachments": attachments,
            "props": card,
            "priority": priority,
        })))
    }

    /// The attachment that is made of the section's own fields.
    fn own(&self) -> MattermostAttachment {
        let config = self.config.clone();
        MattermostAttachment {
            fallback: config.fallback,
            color: config.color,
            pretext: config.pretext,
            text: config.text,
            author_name: config.author_name,
            author_link: config.author_link,
            author_icon: config.author_icon,
            title: config.title,
            title_link: config.title_link,
            fields: config.fields,
            thumb_url: config.thumb_url,
            footer: config.footer,
            footer_icon: config.footer_icon,
            image_url: config.image_url,
        }
    }
}

fn attachment(one: &MattermostAttachment, words: &Words) -> Result<Value, String> {
    let text = |template: &str| words.text(template);
    let fields = one.fields.iter().map(|field| {
        let (title, value) = (text(&field.title)?, text(&field.value)?);
        Ok(filled(json!({"title": title, "value": value, "short": field.short})))
    });
    Ok(filled(json!({
        "fallback": text(&one.fallback)?,
        "color": text(&one.color)?,
        "pretext": text(&one.pretext)?,
        "text": to_chars(&text(&one.text)?, TEXT),
        "author_name": text(&one.author_name)?,
        "author_link": text(&one.author_link)?,
        "author_icon": text(&one.author_icon)?,
        "title": text(&one.title)?,
        "title_link": text(&one.title_link)?,
        "fields": fields.collect::<Result<Vec<_>, String>>()?,
        "thumb_url": text(&one.thumb_url)?,
        "footer": text(&one.footer)?,
        "footer_icon": text(&one.footer_icon)?,
        "image_url": text(&one.image_url)?,
    })))
}

/// Mattermost refuses what does not go together: readers confirm what is important, and are told again of what is
/// urgent.
fn urgency(priority: &MattermostPriority, words: &Words) -> Result<Value, String> {
    let wanted = words.text(&priority.priority)?.to_lowercase();
    let level = match wanted.as_str() {
        known @ ("urgent" | "important") => known,
        _ => "standard",
    };
    Ok(json!({
        "priority": level,
        "requested_ack": priority.requested_ack && level != "standard",
        "persistent_notifications": priority.persistent_notifications && level == "urgent",
    }))
}
