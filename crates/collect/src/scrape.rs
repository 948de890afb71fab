//! Scrapes targets as Prometheus does.

pub mod config;
pub mod relabel;

pub use config::{Duration, GlobalConfig, HttpClientConfig, ScrapeConfig};
pub use relabel::RelabelConfig;
