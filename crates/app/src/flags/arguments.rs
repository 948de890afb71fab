//! What Prometheus' command line understands and ours would not: `--no-` before a switch, and `@FILE` for a file of
//! arguments, one a line.

use std::ffi::OsString;
use std::io::Read;

use clap::Command;

/// A file of arguments is short.
const MAX_BYTES: u64 = 1 << 20;

/// The arguments with files put in and `--no-X` written as `--X=false`.
pub(crate) fn prepared(command: &Command, args: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let mut out = Vec::with_capacity(args.len());
    for (n, arg) in args.into_iter().enumerate() {
        match arg.to_str() {
            Some(text) if n > 0 && text.len() > 1 && text.starts_with('@') => {
                out.extend(lines(&text[1..])?.into_iter().map(|line| negated(command, line.into())));
            }
            _ => out.push(negated(command, arg)),
        }
    }
    Ok(out)
}

fn lines(path: &str) -> Result<Vec<String>, String> {
    let fail = |e: std::io::Error| format!("the file of arguments {path} cannot be read: {e}");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(fail)?;
    if read as u64 > MAX_BYTES {
        return Err(format!("the file of arguments {path} is larger than {MAX_BYTES} bytes"));
    }
    Ok(text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

fn negated(command: &Command, arg: OsString) -> OsString {
    let name = arg.to_str().and_then(|text| text.strip_prefix("--no-"));
    match name {
        Some(name) if is_switch(command, name) => format!("--{name}=false").into(),
        _ => arg,
    }
}

/// Whether `--name` is a switch that takes `=false`.
fn is_switch(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some(name) && arg.is_require_equals_set())
}
