//! incident.io: alerts to an HTTP alert source.

mod config;

pub use config::IncidentioConfig;
