//! `tsdb create-blocks-from`.

mod rules;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use model::Imported;
use tsdb::import::Spool;

use super::import::Sink;
use super::list::{Row, print};
use super::remote::Token;
use crate::{Context, Exit, Failed, Outcome, args};

/// Samples are collected up to this many bytes before blocks are written.
pub(crate) const MEMORY: usize = 256 << 20;

#[derive(Debug, Args)]
pub(crate) struct CreateBlocksFrom {
    #[command(flatten)]
    made: Made,
    #[command(subcommand)]
    from: From,
}

/// What is made, and what is said of it.
#[derive(Debug, Args)]
struct Made {
    /// Print human readable values.
    #[arg(short = 'r', long = "human-readable", global = true)]
    human: bool,
    /// Do not print created blocks.
    #[arg(short = 'q', long, global = true)]
    quiet: bool,
    /// The longest time that a block covers, at least 2h; without it, blocks are as long as what they hold asks for.
    #[arg(long = "max-block-duration", value_name = "DURATION", value_parser = args::duration, global = true)]
    longest: Option<Duration>,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Reads samples, each with a timestamp, from an OpenMetrics file. The blocks are this program's own: Prometheus cannot
    /// read them.
    Openmetrics(OpenMetrics),
    /// Evaluates recording rules over the history of a server. Alerting rules are passed over.
    Rules(rules::Rules),
}

#[derive(Debug, Args)]
struct OpenMetrics {
    /// Label to attach to metrics, NAME=VALUE. Can be specified multiple times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    #[command(flatten)]
    token: Token,
    /// OpenMetrics file to read samples from.
    #[arg(value_name = "input file")]
    input: PathBuf,
    /// The data directory, which no server has open meanwhile, or the URL of a running server.
    #[arg(value_name = "output directory", default_value = "data/")]
    output: String,
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
        match self.from {
            From::Openmetrics(from) => from.run(&self.made, context),
            From::Rules(rules) => rules.run(&self.made, context),
        }
    }
}

impl OpenMetrics {
    fn run(self, made: &Made, context: &mut Context<'_>) -> Outcome {
        let mut input = File::open(&self.input)
            .map_err(|e| Failed::new(format_args!("{}: {e}", self.input.display())))?;
        made.fill_sink(&self.output, &self.token, context, &mut |spool, _| {
            // A file with an error in it leaves nothing of what was not written yet.
            wire::openmetrics::pieces::read(&mut input, &self.labels, &mut |labels, t, v, _| {
                let place = spool.series(labels);
                spool.float(place, 0, t, v)
            })
            .map_err(|e| Failed::new(format_args!("{}: {}", self.input.display(), Failed::from(e))))
        })
    }
}

/// Puts samples into a spool, and may say something.
type Fill<'f> = dyn FnMut(&mut Spool<'_>, &mut Context<'_>) -> Result<(), Failed> + 'f;

impl Made {
    /// Opens the directory or server, gives a spool to `fill`, and says what was made.
    fn fill_sink(
        &self,
        output: &str,
        token: &Token,
        context: &mut Context<'_>,
        fill: &mut Fill<'_>,
    ) -> Outcome {
        let mut sink = Sink::open(output, token)?;
        let names = |sink: &Sink| match sink {
            Sink::Store(ours) => ours.store.block_list(),
            Sink::Server(_) => Vec::new(),
        };
        let before: Vec<String> = names(&sink).into_iter().map(|b| b.name).collect();
        let mut spool = Spool::over(MEMORY, |range, next| sink.block(range, next));
        if let Some(longest) = self.longest {
            spool = spool.with_longest(i64::try_from(longest.as_millis()).unwrap_or(i64::MAX));
        }
        fill(&mut spool, context)?;
        let report = spool.finish()?;
        if !self.quiet {
            match &sink {
                Sink::Store(ours) => {
                    let new = names(&sink).into_iter().filter(|b| !before.contains(&b.name));
                    let rows = new.map(|block| Row::of(&ours.store, block)).collect::<Result<Vec<_>, _>>()?;
                    print(context, &rows, true, self.human)?;
                }
                Sink::Server(_) => say(context, report)?,
            }
        }
        match sink.refused() {
            Some(refused) => Err(Failed::new(refused)),
            None => Ok(Exit::Success),
        }
    }
}

fn say(context: &mut Context<'_>, report: Imported) -> std::io::Result<()> {
    let Imported { samples, blocks, known, expired, .. } = report;
    writeln!(context.out, "{samples} samples stored in {blocks} blocks, {known} were there already")?;
    if expired > 0 {
        writeln!(
            context.err,
            "{expired} samples are older than the retention of the server and were left out"
        )?;
    }
    Ok(())
}
