//! Prometheus' HTTP API under `/api/v1`: the same paths, parameters, shapes and error bodies.

mod admin;
pub(crate) mod error;
mod exemplars;
pub(crate) mod extract;
mod features;
mod federate;
mod histogram;
mod label_lists;
mod metadata;
mod notifications;
pub mod number;
mod query;
mod read;
mod response;
mod routes;
pub(crate) mod rules;
mod selector;
mod self_metrics;
mod series;
mod status;
mod targets;
mod time;
mod tree;
mod write;

pub(crate) use extract::form;
pub(crate) use routes::routes;
pub(crate) use status::version;

/// The version of Prometheus whose API this is: clients choose what they ask for by it.
pub const API_VERSION: &str = "3.5.0";
