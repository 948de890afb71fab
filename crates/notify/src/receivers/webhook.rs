//! A web server that takes the notification as JSON.

mod config;

pub use config::WebhookConfig;
