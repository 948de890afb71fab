//! Discord: one embed posted to a webhook.

mod config;

pub use config::DiscordConfig;
