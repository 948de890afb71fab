//! PagerDuty: events, of the first and the second API.

mod config;

pub use config::PagerdutyConfig;
