//! `check config`.

use std::path::PathBuf;

use clap::Args;

use crate::{Context, Exit, Outcome};

/// Which files.
#[derive(Debug, Args)]
pub struct Config {
    /// The configuration files to check.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

impl Config {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let mut exit = Exit::Success;
        for file in &self.files {
            writeln!(context.out, "Checking {}", file.display())?;
            match (context.host.check_config)(file) {
                Ok(_) => writeln!(
                    context.out,
                    " SUCCESS: {} is valid prometheus config file syntax",
                    file.display()
                )?,
                Err(error) => {
                    writeln!(context.err, "  FAILED: {error}")?;
                    exit = Exit::Failure;
                }
            }
            writeln!(context.out)?;
        }
        Ok(exit)
    }
}
