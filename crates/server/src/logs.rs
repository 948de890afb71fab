//! Logs on their way in: listeners of shippers' protocols, and what the HTTP receivers of logs share.
//!
//! Each protocol is a file: bytes are read, `wire` makes records of them, [`Door`] hands these to the writer, and only
//! when it has returned is anything acknowledged. While it cannot take more, nothing more is read: the sender waits. Only
//! datagrams cannot wait; what is dropped of them is counted.
//!
//! ```text
//! HTTP: loki, elastic, otlp, json --receive--+
//! TCP, TLS: lines, fluent, beats --Link------+--> wire --> Records --> Door --> model::RecordWriter
//! UDP: syslog, gelf --queue------------------+
//! ```

mod beats;
pub mod config;
mod control;
mod door;
mod fluent;
mod http;
pub(crate) mod json;
mod kernel;
mod lines;
mod link;
mod metrics;
mod news;
mod open;
mod run;
mod udp;

pub use control::{Control, Prepared};
pub(crate) use door::{Batch, Door};
pub(crate) use http::router;
pub(crate) use metrics::Metrics;
pub use news::Announced;
pub use open::Receivers;
pub(crate) use open::{Receiver, Socket, Tls};
pub(crate) use run::{Running, start};
