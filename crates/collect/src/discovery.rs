//! Finds targets: in the configuration, in files, at a Docker engine.

pub mod config;
