//! Which part of the program a command line means: the server, or one of the commands beside it.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::config;
use crate::flags::Flags;
use crate::roles::Role;

/// Runs what `args` (the program's name first) ask for.
#[allow(clippy::print_stderr, reason = "before there is a log")]
pub fn main(args: Vec<OsString>) -> ExitCode {
    match Role::of(args.first().map(OsString::as_os_str), std::env::var_os("BONGHWA_ROLE").as_deref()) {
        Ok(Role::AllInOne) => {}
        Ok(role) if role == Role::Wget || !tools::is_command(&args) => return role.run(args),
        Ok(_) => {}
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    }
    if tools::is_command(&args) {
        // Only the first caller in a process sets it; the provider is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let host =
            tools::Host { check_config: config::named::check, check_web_config: server::web_config::check };
        return tools::main(args, &host);
    }
    match Flags::read(args) {
        Ok(flags) => crate::run(flags),
        Err(error) => error.exit(),
    }
}
