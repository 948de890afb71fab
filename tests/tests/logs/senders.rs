//! Senders of logs, one for each way in. All send lines of text and tell what became of them.

#[path = "senders/fluent.rs"]
mod fluent;
#[path = "senders/http.rs"]
mod http;
pub use http::{gzip, loki_protobuf_body};
pub use lumberjack::{window, zlib};
#[path = "senders/lumberjack.rs"]
mod lumberjack;
#[path = "senders/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::Bonghwa;

/// How long a sender waits for an acknowledgement, unless it is told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What became of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// They are stored.
    Acknowledged,
    /// They are not, and the sender was told.
    Refused {
        /// HTTP status, or that which fits a gRPC status.
        status: u16,
        /// Whether it was told when to come again.
        retry_after: bool,
        /// What was said.
        text: String,
    },
    /// Nothing was said within the patience.
    Silence,
    /// The connection broke.
    Broken,
    /// The protocol has no acknowledgements.
    Sent,
}

/// Sends lines and waits for what becomes of them.
pub type Send = Box<dyn FnMut(&[String]) -> Answer + std::marker::Send>;

/// A way in.
#[derive(Clone, Copy)]
pub struct Way {
    pub name: &'static str,
    /// Whether the protocol has acknowledgements.
    pub acknowledges: bool,
    /// Makes a sender; connections are made at the first line.
    pub open: fn(&Target) -> Send,
}

/// All of them.
pub const WAYS: [Way; 20] = [
    Way { name: "loki-json", acknowledges: true, open: http::loki_json },
    Way { name: "loki-json-gzip", acknowledges: true, open: http::loki_json_gzip },
    Way { name: "loki-protobuf", acknowledges: true, open: http::loki_protobuf },
    Way { name: "elastic-bulk", acknowledges: true, open: http::elastic_bulk },
    Way { name: "elastic-doc", acknowledges: true, open: http::elastic_doc },
    Way { name: "otlp-protobuf", acknowledges: true, open: http::otlp_protobuf },
    Way { name: "otlp-json", acknowledges: true, open: http::otlp_json },
    Way { name: "otlp-grpc", acknowledges: true, open: http::otlp_grpc },
    Way { name: "json-http", acknowledges: true, open: http::json_lines },
    Way { name: "influx", acknowledges: true, open: http::influx },
    Way { name: "fluent-forward", acknowledges: true, open: fluent::forward },
    Way { name: "fluent-packed", acknowledges: true, open: fluent::packed },
    Way { name: "fluent-compressed", acknowledges: true, open: fluent::compressed },
    Way { name: "beats", acknowledges: true, open: lumberjack::plain },
    Way { name: "beats-compressed", acknowledges: true, open: lumberjack::compressed },
    Way { name: "syslog-tcp", acknowledges: false, open: streams::syslog_counted },
    Way { name: "syslog-udp", acknowledges: false, open: streams::syslog_udp },
    Way { name: "gelf-tcp", acknowledges: false, open: streams::gelf_tcp },
    Way { name: "gelf-udp", acknowledges: false, open: streams::gelf_udp },
    Way { name: "json-tcp", acknowledges: false, open: streams::json_tcp },
];

/// The way of this name.
pub fn way(name: &str) -> Way {
    *WAYS.iter().find(|way| way.name == name).unwrap()
}

/// Where a running binary listens.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: String,
    pub client: reqwest::blocking::Client,
    pub patience: Duration,
    ports: BTreeMap<String, Vec<SocketAddr>>,
}

const LISTENERS: [&str; 9] = [
    "syslog: [{listen: '127.0.0.1:0'}, {listen: '127.0.0.1:0', transport: udp}]",
    "gelf: [{listen: '127.0.0.1:0'}, {listen: '127.0.0.1:0', transport: udp}]",
    "json: [{listen: '127.0.0.1:0'}]",
    "fluent: [{listen: '127.0.0.1:0'}]",
    "beats: [{listen: '127.0.0.1:0'}]",
    "elasticsearch: [{listen: '127.0.0.1:0'}]",
    "otlp: [{listen: '127.0.0.1:0'}]",
    "line_bytes: 256KiB",
    "frame_bytes: 16MiB",
];
const COUNT: usize = 9;

/// A configuration file beside `data` that opens all listeners; `more` are lines of further sections, those of `logs`
/// indented by two.
pub fn config(data: &Path, logs: &str, more: &str) -> (PathBuf, String) {
    let mut text = String::from("logs:\n  receive:\n");
    for line in LISTENERS {
        let _ = writeln!(text, "    {line}");
    }
    text += logs;
    text += more;
    let path = data.with_extension("yml");
    std::fs::write(&path, text).unwrap();
    let flag = format!("--config.file={}", path.display());
    (path, flag)
}

impl Target {
    /// Reads in the binary's log where it listens since its last start.
    pub fn of(bonghwa: &Bonghwa) -> Self {
        let log = bonghwa.log();
        let found = log.lines().filter(|line| line.contains("logs are listened for"));
        let value = |line: &str, name: &str| {
            let rest = line.split_once(&format!(" {name}="))?.1;
            Some(rest.split_whitespace().next()?.trim_matches('"').to_owned())
        };
        let all: Vec<(String, SocketAddr)> = found
            .filter_map(|line| Some((value(line, "input")?, value(line, "address")?.parse().ok()?)))
            .collect();
        assert!(all.len() >= COUNT, "{log}");
        let mut ports: BTreeMap<String, Vec<SocketAddr>> = BTreeMap::new();
        for (input, address) in &all[all.len() - COUNT..] {
            ports.entry(input.clone()).or_default().push(*address);
        }
        let (url, client) = (bonghwa.url.clone(), bonghwa.client().clone());
        Self { url, client, patience: PATIENCE, ports }
    }

    /// The address of an input; of syslog and GELF the second is that of datagrams.
    pub fn address(&self, input: &str, at: usize) -> SocketAddr {
        self.ports[input][at]
    }
}
