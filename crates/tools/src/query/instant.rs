//! `query instant`.

use clap::Args;

use super::{Settings, api, print};
use crate::{Context, Exit, Outcome, args};

/// What to evaluate, and when.
#[derive(Debug, Args)]
pub struct Instant {
    /// The server's URL.
    #[arg(value_name = "SERVER")]
    server: String,
    /// The query.
    #[arg(value_name = "EXPR")]
    expr: String,
    /// Time of evaluation (RFC 3339 or seconds since the Unix epoch); now where it is not given.
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    time: Option<i64>,
    /// A further header, `name=value`; may be given more than once.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = args::pair)]
    headers: Vec<(String, String)>,
}

impl Instant {
    pub(super) fn run(self, settings: &Settings, context: &mut Context<'_>) -> Outcome {
        let api = api::Api::new(&self.server, settings, &self.headers)?;
        let time = self.time.unwrap_or_else(|| api::now(context));
        let given = api.post("query", &[("query", self.expr), ("time", api::seconds(time))])?;
        print::value(&given.data, settings.format, context.out)?;
        Ok(Exit::Success)
    }
}
