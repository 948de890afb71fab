//! `test`: unit tests of rules.

mod compare;
mod junit;
mod rules;
mod store;
mod written;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{Context, Outcome};

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Writes the results to a file, as JUnit XML.
    #[arg(long = "junit", value_name = "FILE", global = true)]
    pub junit: Option<PathBuf>,
    /// What to test.
    #[command(subcommand)]
    pub what: What,
}

/// What can be tested.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Runs unit tests of rules, in promtool's format.
    Rules(rules::Rules),
}

impl Test {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        match self.what {
            What::Rules(rules) => rules.run(self.junit.as_deref(), context),
        }
    }
}
