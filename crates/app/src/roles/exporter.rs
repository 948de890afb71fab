//! What both exporters share: flags, listening, and the end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use model::{Error, Result};
use server::{Exposed, Limits, Server, Web, WebConfig};
use tokio::signal::unix::{SignalKind, signal};

use crate::{listen, log};

/// Flags of an exporter, named as node_exporter names them.
#[derive(Debug, Clone, Args)]
pub(super) struct ExporterFlags {
    /// Address to listen on; may be given more than once.
    #[arg(long = "web.listen-address", value_name = "HOST:PORT")]
    pub(super) listen: Vec<String>,
    /// File that configures TLS, users and headers.
    #[arg(long = "web.config.file", value_name = "FILE", default_value = "")]
    pub(super) config_file: String,
    /// Requests at one time, 0: no limit.
    #[arg(long = "web.max-requests", value_name = "N", default_value_t = 40)]
    pub(super) max_requests: usize,
    /// What is logged: error, warn, info, debug, trace.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info",
          value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub(super) log_level: String,
    /// How it is logged.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", value_parser = ["logfmt", "json"])]
    pub(super) log_format: String,
}

/// Serves what `prepare` makes until a signal ends it.
pub(super) fn main(
    flags: &ExporterFlags,
    default_address: String,
    path: String,
    prepare: impl FnOnce() -> Result<Arc<dyn Exposed>>,
) -> ExitCode {
    log::start_as(&flags.log_level, &flags.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(serve(flags, default_address, path, prepare)),
        Err(e) => Err(Error::internal("the runtime cannot be started").with_detail(e)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(detail = error.detail, "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    flags: &ExporterFlags,
    default_address: String,
    path: String,
    prepare: impl FnOnce() -> Result<Arc<dyn Exposed>>,
) -> Result<()> {
    // Only the first in a process sets it; the provider is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let open = |kind| signal(kind).map_err(|e| Error::internal("signals cannot be received").with_detail(e));
    let (mut terminate, mut interrupt) = (open(SignalKind::terminate())?, open(SignalKind::interrupt())?);
    let config = match flags.config_file.as_str() {
        "" => None,
        file => Some(Arc::new(WebConfig::open(&PathBuf::from(file))?)),
    };
    let addresses = if flags.listen.is_empty() { vec![default_address] } else { flags.listen.clone() };
    let listeners = listen::open(&addresses)?;
    let requests = if flags.max_requests == 0 { 10_000 } else { flags.max_requests };
    let limits = Limits { connections: requests.max(40), queries: requests, ..Limits::default() };
    let scheme = if config.as_ref().is_some_and(|c| c.is_tls()) { "https" } else { "http" };
    let web = Web { config, ..Web::default() };
    let server = Server::export(prepare()?, &path, limits, web, listeners)?;
    announce(&server, scheme, &path);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "people and scripts look for the address")]
fn announce(server: &Server, scheme: &str, path: &str) {
    for address in server.addresses() {
        println!("Bonghwa is ready: {}{path}", listen::shown(*address).replacen("http", scheme, 1));
    }
}
