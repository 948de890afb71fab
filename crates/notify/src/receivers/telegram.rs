//! Telegram: messages by a bot.

mod config;

pub use config::TelegramConfig;
