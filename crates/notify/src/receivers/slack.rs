//! Slack: one attachment posted to a webhook or by an app.

mod config;

pub use config::SlackConfig;
