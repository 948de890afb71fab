//! Puts the program together.
//!
//! What it is: flags and configuration, the data directory, the order in which stores, collectors and the server start,
//! and the reverse in which they stop ([`start`], [`Running`]); reload; the memory limit.
//!
//! What it is not: it collects, stores, evaluates and serves nothing itself, and no other crate depends on it.
//!
//! ```text
//! flags --> configuration --> data directory, lock --> stores --> intake --> collectors --> server
//!                                                                  (and back, on SIGTERM or SIGINT)
//! ```
//!
//! Start reading at [`start`].

#![forbid(unsafe_code)]

mod alerting;
mod auto_reload;
mod background;
mod budgets;
mod collectors;
mod command_line;
pub mod config;
mod data_dir;
mod flags;
mod foreign;
mod host_flags;
mod listen;
mod log;
mod memory;
mod metrics;
mod process;
mod pushes;
mod query_log;
mod relays;
mod reload;
mod resolved;
mod retention;
mod roles;
mod running;
mod settings;
mod shedding;
mod signals;
mod snapshots;
mod stores;
mod web;

pub use command_line::main;
pub use config::Written;
pub use flags::Flags;
pub use host_flags::HostFlags;
pub use running::{Running, start};
pub use signals::run;
