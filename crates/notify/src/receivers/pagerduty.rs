//! PagerDuty: events, of the first and the second API.

mod config;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use config::{PagerdutyConfig, PagerdutyImage, PagerdutyLink};

use super::{Kit, integration};
use crate::body::filled;
use crate::http::{Answer, Call, Http};
use crate::shorten::{digest, to_chars};
use crate::template::Words;
use crate::{Delivered, Failure, Notification, Retry, Templates, secrets};

/// Where events of the first API go.
const FIRST: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
/// The longest summary, characters.
const SUMMARY: usize = 1024;
/// The largest event, bytes.
const MOST_BYTES: usize = 512_000;

/// Sends events to a service.
pub(crate) struct Pagerduty {
    pub(super) config: PagerdutyConfig,
    http: Http,
    templates: Templates,
    /// Where events of the first API go.
    first: String,
}

integration!(Pagerduty, "pagerduty");

impl Pagerduty {
    pub(crate) fn new(config: &PagerdutyConfig, kit: &Kit<'_>) -> Result<Self, String> {
        let http = kit.http(config.http_config.as_ref(), config.timeout.to_std())?;
        Ok(Self { config: config.clone(), http, templates: kit.templates.clone(), first: FIRST.to_owned() })
    }

    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let words = self.templates.words(notification, 0);
        let details = config.details.iter().map(|(name, value)| Ok((name.clone(), words.json(value)?)));
        let details: BTreeMap<String, Value> = details.collect::<Result<_, String>>()?;
        let action = if words.is_firing() { "trigger" } else { "resolve" };
        let key = digest(&notification.group_key);
        let first = !config.service_key.is_empty() || !config.service_key_file.is_empty();
        let answer = if first {
            let secret = secrets::read(&config.service_key, &config.service_key_file, "service_key")?;
            let secret = given(words.text(&secret)?, "service key")?;
            let event = |details: Value| self.first_event(&words, &secret, action, &key, details);
            self.post(&self.first, &secret, details, event).await?
        } else {
            let secret = secrets::read(&config.routing_key, &config.routing_key_file, "routing_key")?;
            let secret = given(words.text(&secret)?, "routing key")?;
            let event = |details: Value| self.event(&words, &secret, action, &key, details);
            self.post(config.url.expose(), &secret, details, event).await?
        };
        if first && answer.status.as_u16() == 403 {
            // The first API says so where too many events come.
            let message = format!("unexpected status code 403: {}", answer.told());
            return Err(Failure { message, retry: Retry::Later, reason: "rateLimited" });
        }
        Ok(answer.success()?.delivered())
    }

    /// Posts an event. Where it is too large, its details are left out.
    async fn post(
        &self,
        url: &str,
        secret: &str,
        details: BTreeMap<String, Value>,
        event: impl Fn(Value) -> Result<Value, Failure>,
    ) -> Result<Answer, Failure> {
        let mut call = Call::json(url, &event(json!(details))?)?;
        if call.body().len() > MOST_BYTES {
            let why = format!("The details were left out: the event was larger than {MOST_BYTES} bytes.");
            call = Call::json(url, &event(json!({ "error": why }))?)?;
        }
        self.http.send(call.secret(secret)).await
    }

    fn first_event(
        &self,
        words: &Words,
        secret: &str,
        action: &str,
        key: &str,
        details: Value,
    ) -> Result<Value, Failure> {
        let mut event = json!({
            "service_key": secret,
            "incident_key": key,
            "event_type": action,
            "description": to_chars(&words.text(&self.config.description)?, SUMMARY),
            "details": details,
        });
        if action == "trigger" {
            event["client"] = words.text(&self.config.client)?.into();
            event["client_url"] = words.text(&self.config.client_url)?.into();
        }
        Ok(filled(event))
    }

    fn event(
        &self,
        words: &Words,
        secret: &str,
        action: &str,
        key: &str,
        details: Value,
    ) -> Result<Value, Failure> {
        let config = &self.config;
        let text = |template: &str| words.text(template);
        let severity = if config.severity.is_empty() { "error" } else { &config.severity };
        let images = config.images.iter().map(|image| {
            Ok(json!({"src": text(&image.src)?, "alt": text(&image.alt)?, "href": text(&image.href)?}))
        });
        let links =
            config.links.iter().map(|link| Ok(json!({"href": text(&link.href)?, "text": text(&link.text)?})));
        Ok(filled(json!({
            "routing_key": secret,
            "dedup_key": key,
            "event_action": action,
            "client": text(&config.client)?,
            "client_url": text(&config.client_url)?,
            "images": with(images.collect::<Result<Vec<_>, String>>()?, "src"),
            "links": with(links.collect::<Result<Vec<_>, String>>()?, "href"),
            "payload": filled(json!({
                "summary": to_chars(&text(&config.description)?, SUMMARY),
                "source": text(&config.source)?,
                "severity": text(severity)?,
                "class": text(&config.class)?,
                "component": text(&config.component)?,
                "group": text(&config.group)?,
                "custom_details": details,
            })),
        })))
    }
}

/// Those whose field says something.
fn with(items: Vec<Value>, field: &str) -> Vec<Value> {
    items.into_iter().filter(|item| item[field] != "").collect()
}

fn given(key: String, what: &str) -> Result<String, Failure> {
    if key.is_empty() { Err(Failure::never(format!("{what} cannot be empty"))) } else { Ok(key) }
}
