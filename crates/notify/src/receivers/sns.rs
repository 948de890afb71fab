//! Amazon's SNS: messages to topics, devices and telephones.

mod config;

pub use config::SnsConfig;
