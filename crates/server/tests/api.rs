//! The server over a real socket, with in-memory stores behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test file is no library; a panic is its report"
)]

#[path = "api/fixture.rs"]
mod fixture;

#[path = "api/access.rs"]
mod access;
#[path = "api/alertmanager.rs"]
mod alertmanager;
#[path = "api/bad_input.rs"]
mod bad_input;
#[path = "api/limits.rs"]
mod limits;
#[path = "api/logs.rs"]
mod logs;
#[path = "api/loki.rs"]
mod loki;
#[path = "api/own.rs"]
mod own;
#[path = "api/prometheus.rs"]
mod prometheus;
#[path = "api/readers.rs"]
mod readers;
#[path = "api/receivers.rs"]
mod receivers;
#[path = "api/rules.rs"]
mod rules;
#[path = "api/surface.rs"]
mod surface;
#[path = "api/waiting.rs"]
mod waiting;
#[path = "api/write.rs"]
mod write;
