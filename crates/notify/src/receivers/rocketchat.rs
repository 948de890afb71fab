//! Rocket.Chat: one attachment posted by a user.

mod config;

pub use config::RocketchatConfig;
