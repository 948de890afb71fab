//! `query labels`.

use clap::Args;

use super::{Between, Settings, api, print};
use crate::{Context, Exit, Failed, Outcome};

/// Which label, of which series.
#[derive(Debug, Args)]
pub struct Labels {
    /// The server's URL.
    #[arg(value_name = "SERVER")]
    server: String,
    /// Name of the label.
    #[arg(value_name = "NAME")]
    name: String,
    /// Selector of series; may be given more than once.
    #[arg(long = "match", value_name = "SELECTOR")]
    matches: Vec<String>,
    #[command(flatten)]
    between: Between,
}

impl Labels {
    pub(super) fn run(self, settings: &Settings, context: &mut Context<'_>) -> Outcome {
        // Names are not escaped in paths; what would be read as another path is no name in this API.
        if self.name.is_empty() || self.name.contains(['/', '?', '#']) {
            return Err(Failed(format!("query error: bad_data: invalid label name: {:?}", self.name)));
        }
        let api = api::Api::new(&self.server, settings, &[])?;
        let matches = self.matches.into_iter().map(|selector| ("match[]", selector));
        let parameters: Vec<_> = matches.chain(self.between.parameters(api::now(context))).collect();
        let given = api.get(&format!("label/{}/values", self.name), &parameters)?;
        for warning in &given.warnings {
            writeln!(context.err, "query warning: {warning}")?;
        }
        print::label_values(&given.data, settings.format, context.out)?;
        Ok(Exit::Success)
    }
}
