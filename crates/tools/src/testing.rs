//! Commands as tests run them.

use clap::Parser;

use crate::{CheckedConfig, Cli, Context, Exit, Host};

/// Runs a command line (without the program's name) over `input`: how it ended, what it said, and what it said is wrong.
pub(crate) fn run(args: &[&str], input: &str) -> (Exit, String, String) {
    let cli = Cli::try_parse_from(std::iter::once("bonghwa").chain(args.iter().copied())).unwrap();
    let host = Host { check_config: |_, _| Ok(CheckedConfig::default()), check_web_config: |_| Ok(()) };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut input = input.as_bytes();
    let mut context = Context {
        stdin: &mut input,
        out: &mut out,
        err: &mut err,
        host: &host,
        features: &cli.features,
        terminal: false,
    };
    let exit = crate::run(cli.command, &mut context);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}
