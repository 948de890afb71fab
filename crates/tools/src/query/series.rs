//! `query series`.

use clap::Args;

use super::{Between, Settings, api, print};
use crate::{Context, Exit, Outcome};

/// Which series.
#[derive(Debug, Args)]
pub struct Series {
    /// The server's URL.
    #[arg(value_name = "SERVER")]
    server: String,
    /// Selector of series; may be given more than once.
    #[arg(long = "match", value_name = "SELECTOR", required = true)]
    matches: Vec<String>,
    #[command(flatten)]
    between: Between,
}

impl Series {
    pub(super) fn run(self, settings: &Settings, context: &mut Context<'_>) -> Outcome {
        let api = api::Api::new(&self.server, settings, &[])?;
        let matches = self.matches.into_iter().map(|selector| ("match[]", selector));
        let parameters: Vec<_> = matches.chain(self.between.parameters(api::now(context))).collect();
        print::series(&api.post("series", &parameters)?.data, settings.format, context.out)?;
        Ok(Exit::Success)
    }
}
