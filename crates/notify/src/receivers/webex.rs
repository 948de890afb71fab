//! Webex: messages to a room.

mod config;

pub use config::WebexConfig;
