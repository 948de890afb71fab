//! What `alertmanager.yml` says: who is told of which alerts, when, and which alerts keep others quiet.
//!
//! [`Config`] is the file as it was written, with every default; [`Route`], [`InhibitRule`] and [`TimeIntervals`] are
//! what follows from it, ready to be asked.

mod config;
mod inhibit;
mod interval;
mod load;
mod reading;
mod route;
#[cfg(test)]
mod tests;

pub use config::{Config, NamedIntervals};
pub use inhibit::{InhibitRule, InhibitSection};
pub use interval::{TimeInterval, TimeIntervals};
pub use load::{load, parse};
pub use query::matchers::Notation;
pub use route::{GroupBy, Route, RouteOptions, RouteSection};
