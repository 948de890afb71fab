//! `query range`.

use std::time::Duration;

use clap::Args;

use super::{Settings, api, print};
use crate::{Context, Exit, Failed, Outcome, args};

/// What to evaluate, and from when to when.
#[derive(Debug, Args)]
pub struct Range {
    /// The server's URL.
    #[arg(value_name = "SERVER")]
    server: String,
    /// The query.
    #[arg(value_name = "EXPR")]
    expr: String,
    /// Start (RFC 3339 or seconds since the Unix epoch); five minutes before the end where it is not given.
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    start: Option<i64>,
    /// End, likewise; now where it is not given.
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    end: Option<i64>,
    /// Distance between steps; a 250th of the range where it is not given, at least a second.
    #[arg(long, value_name = "DURATION", value_parser = args::duration)]
    step: Option<Duration>,
    /// A further header, `name=value`; may be given more than once.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = args::pair)]
    headers: Vec<(String, String)>,
}

impl Range {
    pub(super) fn run(self, settings: &Settings, context: &mut Context<'_>) -> Outcome {
        let end = self.end.unwrap_or_else(|| api::now(context));
        let start = self.start.unwrap_or(end - 300_000);
        if start >= end {
            return Err(Failed::new("start time is not before end time"));
        }
        let step = match self.step.filter(|step| !step.is_zero()) {
            Some(step) => step.as_secs_f64(),
            None => (((end - start) as f64 / 1000.0) / 250.0).floor().max(1.0),
        };
        let api = api::Api::new(&self.server, settings, &self.headers)?;
        let parameters = [
            ("query", self.expr),
            ("start", api::seconds(start)),
            ("end", api::seconds(end)),
            ("step", step.to_string()),
        ];
        let given = api.post("query_range", &parameters)?;
        print::value(&given.data, settings.format, context.out)?;
        Ok(Exit::Success)
    }
}
