//! Who may ask what.
//!
//! On a loopback listener everything is open, but only under a name that means this machine: a page of a foreign site
//! whose name was rebound to 127.0.0.1 still says its own name in `Host`. On any other listener Prometheus' read API is
//! open as Prometheus has it; everything that shows logs, writes or administers needs the token, except what one of
//! Prometheus' own flags has opened.

use std::net::IpAddr;

use base64::Engine as _;
use http::{HeaderMap, Method};
use subtle::ConstantTimeEq;

/// The cookie that carries the token of a browser.
pub const COOKIE: &str = "bonghwa_token";

/// What is allowed, resolved from flags.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The token; without one, what needs it is refused off loopback.
    pub token: Option<String>,
    /// The host name of `--web.external-url`, accepted in `Host` on loopback (a reverse proxy on this machine).
    pub external_host: Option<String>,
    /// `--web.enable-lifecycle`: reload and quit.
    pub lifecycle: bool,
    /// `--web.enable-remote-write-receiver`.
    pub remote_write: bool,
    /// `--web.remote-write-receiver.accepted-protobuf-messages`, by their full names; empty: all that are known.
    pub remote_write_messages: Vec<String>,
    /// `--web.enable-otlp-receiver`.
    pub otlp: bool,
    /// `--web.enable-admin-api`: deletion and snapshots.
    pub admin_api: bool,
}

/// What a path shows or does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing about the user: health, the interface's own files.
    Public,
    /// Prometheus' read API and our metrics.
    Read,
    /// Containers, logs, events.
    Data,
    /// Receives samples.
    Write,
    /// Reload, quit, deletion, snapshots, history.
    Admin,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `Host` names another machine.
    ForeignHost,
    /// A page of another site sent it.
    ForeignOrigin,
    /// The token is missing or wrong.
    Token,
}

/// Where a connection came in.
#[derive(Debug, Clone, Copy)]
pub struct Listener {
    /// Whether only this machine reaches the listener.
    pub loopback: bool,
    /// Its address.
    pub ip: IpAddr,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) std::net::IpAddr);

/// Whether the connection or the request has already proved who sends it (a password or a certificate of the web
/// configuration); then no token is needed.
#[derive(Debug, Clone, Copy)]
pub struct Known(pub bool);

/// Where samples are received.
const RECEIVERS: [&str; 16] = [
    "/api/v1/write",
    "/api/v1/otlp",
    "/v1/metrics",
    "/write",
    "/api/v2/write",
    "/influx",
    "/metrics/job",
    "/metrics/job@base64",
    "/loki/api/v1/push",
    "/api/prom/push",
    "/api/bonghwa/v1/logs/push",
    "/otlp/v1/logs",
    "/v1/logs",
    "/elasticsearch",
    "/opentelemetry.proto.collector.logs.v1.LogsService",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService",
];

/// What changes the server as a whole, or tells how it works inside.
const ADMINISTRATION: [&str; 9] = [
    "/-/reload",
    "/-/quit",
    "/api/v1/admin",
    "/loki/api/v1/delete",
    "/pushgateway/api/v1/admin",
    "/api/bonghwa/v1/import",
    "/api/bonghwa/v1/log",
    "/api/bonghwa/v1/snapshots",
    "/api/bonghwa/v1/cardinality/release",
];

/// The class of a path. What is not listed below `/api` counts as data, so that a new route is closed until it is
/// thought about.
pub fn class(path: &str) -> Class {
    let under =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ADMINISTRATION.iter().any(|prefix| under(prefix)) {
        Class::Admin
    } else if RECEIVERS.iter().any(|prefix| under(prefix)) {
        Class::Write
    } else if under("/api/v1") || under("/metrics") || under("/federate") || under("/pushgateway") {
        Class::Read
    } else if under("/api") || under("/loki") || under("/prometheus") {
        Class::Data
    } else {
        Class::Public
    }
}

impl Access {
    /// Whether a request may pass.
    pub fn check(
        &self,
        listener: Listener,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let host = host_of(headers);
        if listener.loopback && host.is_some_and(|h| !self.is_local(h, listener.ip)) {
            return Err(Refusal::ForeignHost);
        }
        let class = class(path);
        let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && class != Class::Read && foreign_origin(headers, host) {
            return Err(Refusal::ForeignOrigin);
        }
        let open = listener.loopback || matches!(class, Class::Public | Class::Read) || self.opened(path);
        if open || self.has_token(query, headers) { Ok(()) } else { Err(Refusal::Token) }
    }

    /// Whether a flag of Prometheus has opened this path to everybody, as it does there.
    fn opened(&self, path: &str) -> bool {
        let flags = [
            ("/-/reload", self.lifecycle),
            ("/-/quit", self.lifecycle),
            ("/api/v1/write", self.remote_write),
            ("/api/v1/otlp/v1/metrics", self.otlp),
            ("/v1/metrics", self.otlp),
            ("/api/v1/otlp/v1/logs", self.otlp),
            ("/otlp/v1/logs", self.otlp),
            ("/v1/logs", self.otlp),
            ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", self.otlp),
            ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", self.otlp),
            ("/api/v1/admin/tsdb/delete_series", self.admin_api),
            ("/api/v1/admin/tsdb/clean_tombstones", self.admin_api),
            ("/api/v1/admin/tsdb/snapshot", self.admin_api),
            ("/api/v1/admin/wipe", self.admin_api),
            ("/pushgateway/api/v1/admin/wipe", self.admin_api),
        ];
        flags.iter().any(|(opened, flag)| *flag && *opened == path)
    }

    fn is_local(&self, host: &str, listening: IpAddr) -> bool {
        let name = host_name(host);
        if name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost") {
            return true;
        }
        if let Ok(ip) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
            return ip.is_loopback() || ip == listening;
        }
        self.external_host.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether the request carries the token: `Authorization: Bearer`, the password of `Authorization: Basic`, the
    /// cookie, or the parameter `token`.
    pub fn has_token(&self, query: Option<&str>, headers: &HeaderMap) -> bool {
        authorization(headers).is_some_and(|t| self.is_token(&t))
            || cookie(headers).is_some_and(|t| self.is_token(t))
            || self.token_in_query(query).is_some()
    }

    /// The token where the query string carries the right one.
    pub fn token_in_query<'a>(&self, query: Option<&'a str>) -> Option<&'a str> {
        let given = query?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        self.is_token(given).then_some(given)
    }

    /// Compares in constant time.
    fn is_token(&self, given: &str) -> bool {
        self.token.as_deref().is_some_and(|token| bool::from(token.as_bytes().ct_eq(given.as_bytes())))
    }
}

/// `Host`, or the authority of HTTP/2 (which the listener copies there).
fn host_of(headers: &HeaderMap) -> Option<&str> {
    // A host that is not text is foreign, not missing.
    headers.get(http::header::HOST).map(|h| h.to_str().unwrap_or("?"))
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    if host.starts_with('[') {
        return host.split_inclusive(']').next().unwrap_or(host);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn foreign_origin(headers: &HeaderMap, host: Option<&str>) -> bool {
    let Some(origin) = headers.get(http::header::ORIGIN) else {
        return headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    };
    let origin = origin.to_str().unwrap_or("?");
    origin.split_once("://").map(|(_, authority)| authority) != host
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    // InfluxDB's clients call it Token.
    if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let bytes = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok()?;
        return String::from_utf8(bytes).ok()?.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .find_map(|line| line.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')))
}

#[cfg(test)]
mod tests;
