//! E-mail over SMTP.

mod config;

pub use config::EmailConfig;
