//! Passing on what was stored, and asking others for what they have stored: remote write and remote read.
//!
//! What it is: a sender per `remote_write` section, fed from the log of the store through [`model::MetricFeed`], and
//! readers for `remote_read` sections that stand beside the store behind [`model::MetricReader`].
//!
//! What it is not: it writes to no store, and holds nothing that the log does not hold.

#![forbid(unsafe_code)]

pub mod config;
