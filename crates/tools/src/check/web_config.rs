//! `check web-config`.

use std::path::PathBuf;

use clap::Args;

use crate::{Context, Exit, Outcome};

/// Which files.
#[derive(Debug, Args)]
pub struct WebConfig {
    /// The files to check.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl WebConfig {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let mut exit = Exit::Success;
        for file in &self.files {
            match (context.host.check_web_config)(file) {
                Ok(()) => writeln!(context.err, "{} SUCCESS", file.display())?,
                Err(error) => {
                    writeln!(context.err, "{} FAILED: {error}", file.display())?;
                    exit = Exit::Failure;
                }
            }
        }
        Ok(exit)
    }
}
