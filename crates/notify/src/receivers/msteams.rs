//! Microsoft Teams over an old connector: one card.

mod config;

pub use config::MsteamsConfig;
