//! Jira: one issue for a group.

mod config;

pub use config::JiraConfig;
