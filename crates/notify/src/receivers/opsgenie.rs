//! Opsgenie: alerts made, changed and closed.

mod config;
#[cfg(test)]
mod tests;

use outbound::Method;
use outbound::client::header::AUTHORIZATION;
use serde_json::{Value, json};

pub use config::{OpsgenieConfig, OpsgenieResponder};

use super::receiver;
use crate::body::filled;
use crate::http::Call;
use crate::shorten::{digest, to_chars};
use crate::template::Words;
use crate::{Delivered, Failure, Notification, secrets};

/// The longest message, characters.
const MESSAGE: usize = 130;

receiver!(
    /// Makes and closes alerts.
    Opsgenie, OpsgenieConfig, "opsgenie"
);

impl Opsgenie {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let words = self.templates.words(notification, 0);
        let alias = digest(&notification.group_key);
        let key = words.text(&secrets::read(&config.api_key, &config.api_key_file, "api_key")?)?;
        let base = config.api_url.expose();
        let of_alert = |what: &str| format!("{base}v2/alerts/{alias}/{what}?identifierType=alias");
        let mut calls = Vec::new();
        if words.is_firing() {
            let alert = self.alert(&words, &alias)?;
            calls.push((Method::POST, format!("{base}v2/alerts"), alert.clone()));
            if config.update_alerts {
                for what in ["message", "description"] {
                    calls.push((Method::PUT, of_alert(what), json!({ what: alert[what] })));
                }
            }
        } else {
            calls.push((Method::POST, of_alert("close"), json!({"source": words.text(&config.source)?})));
        }
        let mut delivered = Delivered { answer: String::new() };
        for (method, url, body) in calls {
            let call = Call::json_with(method, &url, &body)?;
            let call = call.header(AUTHORIZATION, &format!("GenieKey {key}"))?.secret(&key);
            delivered = self.http.deliver(call).await?.delivered();
        }
        Ok(delivered)
    }

    fn alert(&self, words: &Words, alias: &str) -> Result<Value, Failure> {
        let config = &self.config;
        let text = |template: &str| words.text(template);
        let mut details = words.data.common_labels.clone();
        for (name, value) in &config.details {
            details.insert(name.clone(), text(value)?);
        }
        let mut responders = Vec::new();
        for responder in &config.responders {
            let (name, kind) = (text(&responder.name)?, text(&responder.kind)?);
            let (id, username) = (text(&responder.id)?, text(&responder.username)?);
            if kind == "teams" {
                responders.extend(parts(&name).map(|team| json!({"name": team, "type": "team"})));
            } else if ![&id, &name, &username, &kind].into_iter().all(String::is_empty) {
                responders.push(filled(json!({"id": id, "name": name, "username": username, "type": kind})));
            }
        }
        let (tags, actions) = (text(&config.tags)?, text(&config.actions)?);
        let mut alert = filled(json!({
            "description": text(&config.description)?,
            "responders": responders,
            "tags": parts(&tags).collect::<Vec<_>>(),
            "note": text(&config.note)?,
            "priority": text(&config.priority)?,
            "entity": text(&config.entity)?,
            "actions": parts(&actions).collect::<Vec<_>>(),
        }));
        alert["alias"] = alias.into();
        alert["message"] = to_chars(&text(&config.message)?, MESSAGE).into();
        alert["details"] = json!(details);
        alert["source"] = text(&config.source)?.into();
        Ok(alert)
    }
}

/// What stands between commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
