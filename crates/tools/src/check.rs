//! `check`: files, input, a server. One file a subcommand.

mod config;
pub(crate) mod rules;
mod server;

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
            What::Rules(rules) => rules.run(context),
            What::Healthy(server) => server.run("/-/healthy", context),
            What::Ready(server) => server.run("/-/ready", context),
        }
    }
}
