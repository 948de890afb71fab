//! `query`: asks a server. One file a kind of query.

mod analyze;
mod api;
mod instant;
mod labels;
mod print;
mod range;
mod series;

use clap::{Args, Subcommand, ValueEnum};

pub(crate) use api::form;

/// The result of a query, as `query` prints it.
pub(crate) fn print_value(
    data: &serde_json::Value,
    as_json: bool,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    print::value(data, if as_json { Format::Json } else { Format::Promql }, out)
}

use crate::http::Connection;
use crate::{Context, Outcome, args};

/// Arguments of `query`.
#[derive(Debug, Args)]
pub struct Query {
    #[command(flatten)]
    connection: Connection,
    /// Form of the output.
    #[arg(short = 'o', long = "format", value_name = "FORMAT", default_value = "promql", global = true)]
    format: Format,
    /// What to ask.
    #[command(subcommand)]
    pub what: What,
}

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Promql,
    Json,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Evaluates a query at one time.
    Instant(instant::Instant),
    /// Evaluates a query over a range of time.
    Range(range::Range),
    /// Lists series.
    Series(series::Series),
    /// Lists the values of a label.
    Labels(labels::Labels),
    /// Says how histograms are used.
    Analyze(analyze::Analyze),
}

impl Query {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let settings = Settings { connection: self.connection, format: self.format };
        match self.what {
            What::Instant(query) => query.run(&settings, context),
            What::Range(query) => query.run(&settings, context),
            What::Series(query) => query.run(&settings, context),
            What::Labels(query) => query.run(&settings, context),
            What::Analyze(query) => query.run(&settings, context),
        }
    }
}

/// What all kinds of queries have.
struct Settings {
    connection: Connection,
    format: Format,
}

/// A span of time; all of it where nothing is said.
#[derive(Debug, Args)]
struct Between {
    /// Start (RFC 3339 or seconds since the Unix epoch).
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    start: Option<i64>,
    /// End, likewise.
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    end: Option<i64>,
}

impl Between {
    /// The parameters of a request; `now` in ms.
    fn parameters(&self, now: i64) -> [(&'static str, String); 2] {
        /// What promtool takes for all of the time.
        const FAR: i64 = 9_999 * 3_600_000;
        let (start, end) = (self.start.unwrap_or(now - FAR), self.end.unwrap_or(now + FAR));
        [("start", api::seconds(start)), ("end", api::seconds(end))]
    }
}
