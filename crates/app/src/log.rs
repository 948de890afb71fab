//! Our own log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::flags::Flags;

/// Starts logging. A second start in one process (in tests) changes nothing.
pub(crate) fn start(flags: &Flags) {
    let filter = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let (filter, bad) = match filter.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(&flags.log_level), Some(error)),
        None => (EnvFilter::new(&flags.log_level), None),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let _ = if flags.log_format == "json" { builder.json().try_init() } else { builder.try_init() };
    if let Some(error) = bad {
        tracing::warn!(%error, "RUST_LOG is not understood; --log.level is used");
    }
}
