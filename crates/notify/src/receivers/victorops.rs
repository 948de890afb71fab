//! VictorOps (Splunk On-Call): events over the REST endpoint.

mod config;

pub use config::VictoropsConfig;
