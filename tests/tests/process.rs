//! The whole binary without any container engine: defaults, access, lifecycle, bad input, and what a crash leaves.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test file is no library; a panic is its report")]

#[path = "process/access.rs"]
mod access;
#[path = "process/bad_input.rs"]
mod bad_input;
#[path = "process/crash.rs"]
mod crash;
#[path = "process/defaults.rs"]
mod defaults;
#[path = "process/lifecycle.rs"]
mod lifecycle;
#[path = "process/replay.rs"]
mod replay;
#[path = "process/time.rs"]
mod time;
