//! E-mail over SMTP.

mod auth;
mod config;
mod message;
mod smtp;
#[cfg(test)]
mod tests;

pub use config::{EmailConfig, ThreadingConfig};

use super::{Kit, integration};
use crate::{Delivered, Failure, Notification, Templates};
use smtp::Session;

/// Where mail begins with TLS.
const TLS_PORT: &str = "465";

/// Sends mail.
pub(crate) struct Email {
    config: EmailConfig,
    templates: Templates,
}

integration!(Email, "email");

impl Email {
    pub(crate) fn new(config: &EmailConfig, kit: &Kit<'_>) -> Result<Self, String> {
        Ok(Self { config: config.clone(), templates: kit.templates.clone() })
    }

    async fn send(&self, notification: &Notification) -> Result<Delivered, Failure> {
        let config = &self.config;
        let mail = message::compose(config, &self.templates, notification)?;
        // The section was checked: there is a colon.
        let (host, port) = config.smarthost.rsplit_once(':').unwrap_or((&config.smarthost, "25"));
        let host = host.trim_matches(['[', ']']);
        let begins_with_tls = config.force_implicit_tls.unwrap_or(port == TLS_PORT);
        let mut session = Session::open(config, host, begins_with_tls).await?;
        session.hello(&config.hello).await?;
        if config.require_tls.unwrap_or(true) && !begins_with_tls {
            session = session.start_tls(config, host).await?;
            session.hello(&config.hello).await?;
        }
        if !config.auth_username.is_empty() {
            session.log_in(config, host).await?;
        }
        let answer = session.deliver(&mail).await?;
        session.quit().await;
        Ok(Delivered { answer: answer.chars().take(200).collect() })
    }
}
