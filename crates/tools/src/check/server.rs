//! `check healthy` and `check ready`.

use std::time::Duration;

use clap::Args;

use crate::http::Connection;
use crate::{Context, Exit, Failed, Outcome, http};

/// How long the server may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Which server.
#[derive(Debug, Args)]
pub struct Server {
    /// The server's URL.
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090")]
    url: String,
    #[command(flatten)]
    connection: Connection,
}

impl Server {
    pub(crate) fn run(self, path: &str, context: &mut Context<'_>) -> Outcome {
        let server = http::Server::connect(&self.url, &self.connection)?;
        let answer = server.get(path, LIMIT)?;
        if answer.status != 200 {
            return Err(Failed(format!("check failed: URL={}, status={}", server.url(), answer.status)));
        }
        writeln!(context.err, "  SUCCESS:  {}", String::from_utf8_lossy(&answer.body))?;
        Ok(Exit::Success)
    }
}
