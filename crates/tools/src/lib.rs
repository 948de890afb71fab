//! The commands an operator runs beside the server: `check`, `test`, `query`, `logs`, `tsdb`, `push`, `debug`, `migrate`,
//! `backup`, `restore`.
//!
//! What it is: one file a command, arguments and exit codes as promtool has them where it has the command.
//!
//! What it is not: it does not listen, and starts no part of the server. What needs the server's own configuration is
//! handed in by `app` ([`Host`]).
//!
//! ```text
//! bonghwa check config f.yml --Cli::parse--> Command --run--> Outcome --> exit code
//!                                               |    Context: input, output, Host
//! ```
//!
//! Start reading at [`Command`]; a new command is a variant there and a file with `clap` arguments and `run`.

#![forbid(unsafe_code)]

mod args;
pub mod backup;
pub mod check;
mod context;
pub mod debug;
mod http;
pub mod logs;
pub mod migrate;
pub mod push;
pub mod query;
pub mod test;
#[cfg(test)]
pub(crate) mod testing;
pub mod tsdb;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use context::{CheckedConfig, CheckedJob, Context, Exit, Failed, Host, Outcome};

/// What `--help` of the server says about the commands.
pub const OVERVIEW: &str = "Commands: check, test, query, logs, push, debug, tsdb, migrate, backup, restore. `bonghwa COMMAND --help` says more; as `promtool` the program has these only.";

/// The command line of the tools.
#[derive(Debug, Parser)]
#[command(name = "bonghwa", version, about = "Commands beside the server.", disable_help_subcommand = true)]
pub struct Cli {
    /// Features of PromQL to switch on, separated by commas.
    #[arg(long = "enable-feature", value_name = "NAME", global = true, value_delimiter = ',')]
    pub features: Vec<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks files, input or a server.
    Check(check::Check),
    /// Unit tests.
    Test(test::Test),
    /// Asks a server.
    Query(query::Query),
    /// Asks a server for lines of logs, follows them, counts them.
    Logs(Box<logs::Logs>),
    /// Sends metrics to a server.
    Push(push::Push),
    /// Collects what helps to find out what is wrong with a server.
    Debug(debug::Debug),
    /// Looks at data directories, and brings history into ours.
    Tsdb(tsdb::Tsdb),
    /// Brings the history of a Prometheus over, then asks both sides everything that rules and dashboards ask.
    ///
    /// Prints where the answers differ. Ends with 0 where all agree, with 1 where they do not.
    Migrate(migrate::Migrate),
    /// Copies everything a data directory keeps, while the server runs or not; checks such copies.
    Backup(backup::Backup),
    /// Puts a backup in place.
    Restore(backup::Restore),
}

impl Command {
    fn run(self, context: &mut Context<'_>) -> Outcome {
        match self {
            Self::Check(check) => check.run(context),
            Self::Test(test) => test.run(context),
            Self::Query(query) => query.run(context),
            Self::Logs(logs) => logs.run(context),
            Self::Push(push) => push.run(context),
            Self::Debug(debug) => debug.run(context),
            Self::Tsdb(tsdb) => tsdb.run(context),
            Self::Migrate(migrate) => migrate.run(context),
            Self::Backup(backup) => backup.run(context),
            Self::Restore(restore) => restore.run(context),
        }
    }
}

/// Whether these arguments (the program's name first) call one of the commands instead of the server.
pub fn is_command(args: &[OsString]) -> bool {
    use clap::CommandFactory;
    let as_promtool = args
        .first()
        .is_some_and(|name| std::path::Path::new(name).file_name().is_some_and(|name| name == "promtool"));
    let first = args.get(1).and_then(|arg| arg.to_str());
    as_promtool || first.is_some_and(|first| Cli::command().get_subcommands().any(|c| c.get_name() == first))
}

/// Runs the command that `args` (the program's name first) call.
#[allow(clippy::print_stderr, reason = "the last words of a command")]
pub fn main(args: Vec<OsString>, host: &Host) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Where the terminal is gone there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let mut stdin = std::io::stdin().lock();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut err = std::io::stderr().lock();
    let mut context =
        Context { stdin: &mut stdin, out: &mut out, err: &mut err, host, features: &cli.features, terminal };
    run(cli.command, &mut context).into()
}

/// Runs `command`; a failure is said on `context.err`.
pub fn run(command: Command, context: &mut Context<'_>) -> Exit {
    let outcome = command.run(context).and_then(|exit| {
        context.out.flush()?;
        Ok(exit)
    });
    match outcome {
        Ok(exit) => exit,
        Err(failed) => {
            if failed.0.is_empty() {
                // Whoever read the output has seen enough.
                return Exit::Success;
            }
            // Neither stream may be there any more.
            let _ = context.out.flush();
            let _ = writeln!(context.err, "{failed}");
            Exit::Failure
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_are_told_from_the_servers_flags() {
        let args = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(is_command(&args("bonghwa check config x.yml")));
        assert!(is_command(&args("/usr/bin/promtool --help")));
        assert!(!is_command(&args("bonghwa --config.file=check")));
        assert!(!is_command(&args("bonghwa")));
    }
}
