//! WeChat Work: messages by an app.

mod config;

pub use config::WechatConfig;
