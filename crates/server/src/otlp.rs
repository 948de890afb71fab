//! What OpenTelemetry's protocol brings.

pub mod config;
