//! Mattermost: attachments posted to a webhook.

mod config;

pub use config::MattermostConfig;
