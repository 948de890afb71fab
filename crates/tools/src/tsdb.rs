//! `tsdb`: looking at data directories, and bringing history into ours. Both kinds are read, ours and Prometheus'; which
//! one a directory is, is seen from what lies in it.

mod analyze;
mod create;
mod dump;
mod format;
mod head;
pub(crate) mod import;
mod list;
pub(crate) mod ours;
pub(crate) mod progress;
pub(crate) mod prometheus;
pub(crate) mod remote;
pub(crate) mod source;

use clap::{Args, Subcommand};

use crate::{Context, Outcome};

pub use format::go_time as time;
pub(crate) use format::short_bytes;
pub use prometheus::{Foreign, foreign};

/// `tsdb`.
#[derive(Debug, Args)]
pub struct Tsdb {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the blocks of a data directory, ours or Prometheus'.
    List(list::List),
    /// Says which labels make a block large.
    Analyze(analyze::Analyze),
    /// Prints samples.
    Dump(dump::Dump),
    /// Prints float samples as OpenMetrics text; native histograms and staleness markers have no form there.
    DumpOpenmetrics(dump::DumpOpenMetrics),
    /// Writes blocks, in this program's own form, into its data directory or a running server.
    CreateBlocksFrom(create::CreateBlocksFrom),
    /// Brings history into our data directory, or into a running server: an OpenMetrics file, or the data directory of
    /// a Prometheus (running or not; it is only read).
    ///
    /// What is there already is left out, so an import that was interrupted is simply started again. Times before the
    /// retention of the server are stored, and deleted when it next runs with that retention.
    Import(import::Import),
}

impl Tsdb {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        match self.command {
            Command::List(list) => list.run(context),
            Command::Analyze(analyze) => analyze.run(context),
            Command::Dump(dump) => dump.run(context),
            Command::DumpOpenmetrics(dump) => dump.run(context),
            Command::CreateBlocksFrom(create) => create.run(context),
            Command::Import(import) => import.run(context),
        }
    }
}
