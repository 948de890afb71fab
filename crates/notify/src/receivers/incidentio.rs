//! incident.io: alerts to an HTTP alert source.

mod config;
#[cfg(test)]
mod tests;

use outbound::client::header::AUTHORIZATION;
use serde_json::{Value, json};

pub use config::IncidentioConfig;

use super::receiver;
use crate::http::Call;
use crate::{Delivered, Failure, Notification, secrets};

/// The largest body, bytes.
const MOST_BYTES: usize = 512 << 10;

receiver!(
    /// Posts to an alert source.
    Incidentio, IncidentioConfig, "incidentio", timeout
);

impl Incidentio {
    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let url = secrets::read(&outbound::Secret::new(config.url.expose()), &config.url_file, "url")?;
        let mut call = Call::json(&url, &self.message(notification, config.max_alerts)?)?;
        if call.body().len() > MOST_BYTES {
            // One incident comes of a group: its first alert is enough.
            call = Call::json(&url, &self.message(notification, 1)?)?;
        }
        let token =
            secrets::read(&config.alert_source_token, &config.alert_source_token_file, "alert_source_token")?;
        if !token.is_empty() {
            call = call.header(AUTHORIZATION, &format!("Bearer {token}"))?.secret(&token);
        }
        Ok(self.http.deliver(call).await?.delivered())
    }

    fn message(&self, notification: &Notification, most: u64) -> Result<Value, Failure> {
        let data = self.templates.words(notification, most).data;
        let left_out = notification.alerts.len() - data.alerts.len();
        let mut message = serde_json::to_value(data)
            .map_err(|e| Failure::never(format!("cannot be written as JSON: {e}")))?;
        message["version"] = "1".into();
        message["groupKey"] = json!(notification.group_key);
        message["truncatedAlerts"] = left_out.into();
        Ok(message)
    }
}
