//! A remote write sender for the tests.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::time::{SystemTime, UNIX_EPOCH};

use wire::remote_write::{Encoder, Point};

/// Without it the receiver is off.
pub const RECEIVE: &str = "--web.enable-remote-write-receiver";

/// Milliseconds since the Unix epoch.
///
/// # Panics
/// Where the clock is before it.
pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// One sample at `t` for each of `series` series named `name`, with label `n`, all of value `v`.
///
/// # Panics
/// Where it is too large to be sent.
pub fn request(name: &str, series: usize, t: i64, v: f64) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for n in 0..series {
        encoder.series([("__name__", name), ("n", &n.to_string())], [Point { t, v }]);
    }
    encoder.finish().unwrap()
}

/// Posts a body; status and text of the answer, or nothing where the connection broke.
pub fn send(client: &reqwest::blocking::Client, url: &str, body: Vec<u8>) -> Option<(u16, String)> {
    let request = client.post(format!("{url}/api/v1/write")).header("content-encoding", "snappy");
    let request = request.header("content-type", "application/x-protobuf").body(body);
    let answer = request.send().ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.text().ok()?))
}

/// As [`send`], the status only.
pub fn post(client: &reqwest::blocking::Client, url: &str, body: Vec<u8>) -> Option<u16> {
    send(client, url, body).map(|answer| answer.0)
}
