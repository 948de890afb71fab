//! `check`: files, input, a server. One file a subcommand.

mod config;
mod metrics;
pub(crate) mod rules;
mod server;
mod web_config;

use clap::{Args, Subcommand};

use crate::{Context, Outcome};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// What to check.
    #[command(subcommand)]
    pub what: What,
}

/// What can be checked.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Checks whether configuration files are valid.
    Config(config::Config),
    /// Looks at metrics in the text format on the input: names, types, units.
    Metrics(metrics::Metrics),
    /// Checks whether files of --web.config.file are valid.
    WebConfig(web_config::WebConfig),
    /// Checks whether a server is healthy.
    Healthy(server::Server),
    /// Checks whether a server is ready.
    Ready(server::Server),
    /// Checks whether rule files are valid.
    Rules(rules::Rules),
}

impl Check {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        match self.what {
            What::Config(config) => config.run(context),
            What::Metrics(metrics) => metrics.run(context),
            What::WebConfig(files) => files.run(context),
            What::Rules(rules) => rules.run(context),
            What::Healthy(server) => server.run("/-/healthy", context),
            What::Ready(server) => server.run("/-/ready", context),
        }
    }
}
