//! Opsgenie: alerts made, changed and closed.

mod config;

pub use config::OpsgenieConfig;
