//! The engine's HTTP API, read-only.
//!
//! Requests go over one unix socket (or plain TCP where `DOCKER_HOST` says so), one connection each, and all of them
//! pass [`gate`]: whatever is not on its list is refused before a byte leaves. Answers are parsed into structs that
//! have no field for environments and arguments ([`api`]), so these never outlive the receive buffer.

pub mod api;
pub mod client;
pub mod events;
pub mod gate;
pub mod logs;
pub mod probe;

pub use client::{Client, DockerError, Endpoint};
