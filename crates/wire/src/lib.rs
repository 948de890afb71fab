//! Other people's bytes to our nouns and back.
//!
//! What it is: pure functions over byte slices, with bounded memory, that borrow from their input wherever they can.
//! [`prom_text`] and [`openmetrics`] read what a scrape target exposes, [`remote_write`] reads (and, for senders,
//! writes) Prometheus' remote write 1.0 and 2.0, [`remote_read`] does both sides of its remote read; [`chunk`] reads and
//! writes the chunks of Prometheus' blocks and streams, and [`prometheus_block`] reads its data directories.
//!
//! What it is not: it opens no sockets and no files, keeps nothing between two calls, and stores nothing. Untrusted
//! input never panics: it ends in an error that says where.
//!
//! ```text
//! body of a scrape --prom_text / openmetrics--> Entry (sample, type, help, unit) --> collect::scrape
//! body of a remote write --remote_write--> Series (labels, samples) -------------> server
//! what senders of logs write --loki, ...---> logs::Rows (a batch of records) -----> server
//! ```
//!
//! Start reading at [`exposition`]: the types that both text formats share.

#![forbid(unsafe_code)]

pub mod castagnoli;
pub mod chunk;
pub mod collected;
pub mod cri;
pub mod elastic;
pub mod exposition;
pub mod federate;
pub mod fluent;
pub mod gelf;
pub mod histogram;
pub mod history;
pub mod influx;
pub mod journal;
pub mod json_file;
pub mod json_lines;
pub mod local_file;
pub mod logs;
pub mod loki;
pub mod lumberjack;
pub mod openmetrics;
pub mod otlp;
pub mod prom_proto;
pub mod prom_text;
pub mod prometheus_block;
pub mod pushgateway;
pub mod remote_read;
pub mod remote_write;
pub mod syslog;
pub mod timestamp;
pub mod tree;
