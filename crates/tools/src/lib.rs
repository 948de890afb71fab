//! The commands an operator runs beside the server: `check`, `test`, `query`, `tsdb`, `push`, `debug`, `migrate`.
//!
//! What it is: one file a command, arguments and exit codes as promtool has them where it has the command.
//!
//! What it is not: it does not listen, and starts no part of the server.

#![forbid(unsafe_code)]
