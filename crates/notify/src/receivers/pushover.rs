//! Pushover: messages to telephones.

mod config;

pub use config::PushoverConfig;
