//! `tsdb create-blocks-from`.

use std::fs::File;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tsdb::import::Spool;

use super::list::{Row, print};
use super::openmetrics;
use super::ours::Ours;
use crate::{Context, Exit, Failed, Outcome};

/// Samples are collected up to this many bytes before blocks are written.
pub(crate) const MEMORY: usize = 256 << 20;

#[derive(Debug, Args)]
pub(crate) struct CreateBlocksFrom {
    /// Print human readable values.
    #[arg(short = 'r', long = "human-readable", global = true)]
    human: bool,
    /// Do not print created blocks.
    #[arg(short = 'q', long, global = true)]
    quiet: bool,
    /// Accepted; how long blocks are is chosen by what they hold.
    #[arg(long = "max-block-duration", value_name = "DURATION", hide = true, global = true)]
    max_block_duration: Option<String>,
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Reads samples, each with a timestamp, from an OpenMetrics file. The blocks are this program's own: Prometheus cannot
    /// read them. No server may run on the directory meanwhile.
    Openmetrics(OpenMetrics),
}

#[derive(Debug, Args)]
struct OpenMetrics {
    /// Label to attach to metrics, NAME=VALUE. Can be specified multiple times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// OpenMetrics file to read samples from.
    #[arg(value_name = "input file")]
    input: PathBuf,
    /// The data directory.
    #[arg(value_name = "output directory", default_value = "data/")]
    output: PathBuf,
}

/// `NAME=VALUE`.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not NAME=VALUE")),
    }
}

impl CreateBlocksFrom {
    pub(super) fn run(self, context: &mut Context<'_>) -> Outcome {
        let From::Openmetrics(from) = self.from;
        let mut input = File::open(&from.input)
            .map_err(|e| Failed::new(format_args!("{}: {e}", from.input.display())))?;
        let ours = Ours::open(&from.output)?;
        let before: Vec<String> = ours.store.block_list().into_iter().map(|b| b.name).collect();
        let mut spool = Spool::new(&ours.store, MEMORY);
        let read = openmetrics::read(&mut input, &from.labels, &mut |labels, t, v, _| {
            let place = spool.series(labels);
            spool.float(place, 0, t, v).map_err(Failed::from)
        });
        // A file with an error in it leaves nothing of what was not written yet.
        read.map_err(|e| Failed::new(format_args!("{}: {e}", from.input.display())))?;
        spool.finish()?;
        if !self.quiet {
            let new = ours.store.block_list().into_iter().filter(|b| !before.contains(&b.name));
            print(context, &new.map(Row::from).collect::<Vec<_>>(), true, self.human)?;
        }
        Ok(Exit::Success)
    }
}
