//! Slack: one attachment posted to a webhook or by an app.

mod config;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

pub use config::{SlackAction, SlackConfig, SlackConfirm, SlackField};

use super::{Kit, integration};
use crate::body::filled;
use crate::http::{Answer, Call, Http};
use crate::shorten::to_chars;
use crate::template::Words;
use crate::{Delivered, Failure, Notification, Retry, Templates, secrets};

/// The longest title, characters.
const TITLE: usize = 1024;
/// How many messages are remembered that may be changed.
const MOST_MESSAGES: usize = 10_000;

/// Posts to a channel.
pub(crate) struct Slack {
    pub(super) config: SlackConfig,
    http: Http,
    templates: Templates,
    /// Time and channel of the message of a group, where messages are changed.
    messages: Mutex<BTreeMap<String, (String, String)>>,
}

integration!(Slack, "slack");

impl Slack {
    pub(crate) fn new(config: &SlackConfig, kit: &Kit<'_>) -> Result<Self, String> {
        let timeout: Duration = config.timeout.to_std();
        let http = kit.http(config.http_config.as_ref(), timeout)?;
        Ok(Self {
            config: config.clone(),
            http,
            templates: kit.templates.clone(),
            messages: Mutex::default(),
        })
    }

    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let words = self.templates.words(notification, 0);
        let mut url = secrets::read(&self.config.api_url, &self.config.api_url_file, "api_url")?;
        let mut body = self.body(&words)?;
        let before = match self.config.update_message {
            true => self.messages().get(&notification.group_key).cloned(),
            false => None,
        };
        if let Some((time, channel)) = before {
            url = url.replace("chat.postMessage", "chat.update");
            body["ts"] = time.into();
            body["channel"] = channel.into();
        }
        let channel = body["channel"].as_str().unwrap_or_default().to_owned();
        let named = |failure: Failure| Failure {
            message: format!("channel {channel:?}: {}", failure.message),
            ..failure
        };
        let answer = self.http.deliver(Call::json(&url, &body)?).await.map_err(named)?;
        let told = taken(&answer).map_err(named)?;
        if self.config.update_message
            && let (Some(time), Some(channel)) = (told["ts"].as_str(), told["channel"].as_str())
        {
            let mut messages = self.messages();
            if messages.len() >= MOST_MESSAGES {
                messages.pop_first();
            }
            messages.insert(notification.group_key.clone(), (time.to_owned(), channel.to_owned()));
        }
        Ok(answer.delivered())
    }

    fn messages(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (String, String)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn body(&self, words: &Words) -> Result<Value, Failure> {
        let config = &self.config;
        let text = |template: &str| words.text(template);
        let fields = config.fields.iter().map(|field| {
            let short = field.short.unwrap_or(config.short_fields);
            Ok(json!({"title": text(&field.title)?, "value": text(&field.value)?, "short": short}))
        });
        let markup = match config.mrkdwn_in.is_empty() {
            true => ["fallback", "pretext", "text"].map(str::to_owned).to_vec(),
            false => config.mrkdwn_in.clone(),
        };
        let attachment = filled(json!({
            "title": to_chars(&text(&config.title)?, TITLE),
            "title_link": text(&config.title_link)?,
            "pretext": text(&config.pretext)?,
            "text": text(&config.text)?,
            "fallback": text(&config.fallback)?,
            "callback_id": text(&config.callback_id)?,
            "image_url": text(&config.image_url)?,
            "thumb_url": text(&config.thumb_url)?,
            "footer": text(&config.footer)?,
            "color": text(&config.color)?,
            "mrkdwn_in": markup,
            "fields": fields.collect::<Result<Vec<_>, String>>()?,
            "actions": config.actions.iter().map(|action| button(action, words)).collect::<Result<Vec<_>, _>>()?,
        }));
        let mut body = filled(json!({
            "channel": text(&config.channel)?,
            "username": text(&config.username)?,
            "icon_emoji": text(&config.icon_emoji)?,
            "icon_url": text(&config.icon_url)?,
            "text": text(&config.message_text)?,
            "attachments": [attachment],
        }));
        if config.link_names {
            body["link_names"] = true.into();
        }
        Ok(body)
    }
}

fn button(action: &SlackAction, words: &Words) -> Result<Value, String> {
    let text = |template: &str| words.text(template);
    let confirm = action.confirm.as_ref().map(|confirm| {
        Ok::<_, String>(filled(json!({
            "title": text(&confirm.title)?,
            "text": text(&confirm.text)?,
            "ok_text": text(&confirm.ok_text)?,
            "dismiss_text": text(&confirm.dismiss_text)?,
        })))
    });
    Ok(filled(json!({
        "type": text(&action.kind)?,
        "text": text(&action.text)?,
        "url": text(&action.url)?,
        "style": text(&action.style)?,
        "name": text(&action.name)?,
        "value": text(&action.value)?,
        "confirm": confirm.transpose()?,
    })))
}

/// Slack says no with a status of success as well: in JSON where the API is asked, in words by a webhook.
fn taken(answer: &Answer) -> Result<Value, Failure> {
    if !answer.kind.starts_with("application/json") {
        return match answer.body.as_str() {
            "ok" => Ok(Value::Null),
            _ => Err(Failure::refused(format!("received an error response from Slack: {}", answer.told()))),
        };
    }
    let told: Value = serde_json::from_str(&answer.body)
        .map_err(|_| Failure::later(format!("cannot read what Slack answered: {}", answer.told())))?;
    match (told["ok"].as_bool(), told["error"].as_str().unwrap_or_default()) {
        (Some(true), _) => Ok(told),
        (_, error @ "ratelimited") => Err(Failure {
            retry: Retry::Later,
            reason: "rateLimited",
            ..Failure::refused(format!("error response from Slack: {error}"))
        }),
        (_, error) => Err(Failure::refused(format!("error response from Slack: {error}"))),
    }
}
