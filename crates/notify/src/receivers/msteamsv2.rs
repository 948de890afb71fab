//! Microsoft Teams over a workflow: one adaptive card.

mod config;

pub use config::MsteamsV2Config;
