//! A remote write sender for the tests.

use std::time::{SystemTime, UNIX_EPOCH};

use wire::remote_write::{Encoder, Point};

pub const RECEIVE: &str = "--web.enable-remote-write-receiver";

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// One sample at `t` for each of `series` series named `name`, with label `n`, all of value `v`.
pub fn request(name: &str, series: usize, t: i64, v: f64) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for n in 0..series {
        encoder.series([("__name__", name), ("n", &n.to_string())], [Point { t, v }]);
    }
    encoder.finish().unwrap()
}

/// Posts a body; the status, or nothing where the connection broke.
pub fn post(client: &reqwest::blocking::Client, url: &str, body: Vec<u8>) -> Option<u16> {
    let request = client.post(format!("{url}/api/v1/write")).header("content-encoding", "snappy");
    let request = request.header("content-type", "application/x-protobuf").body(body);
    request.send().ok().map(|answer| answer.status().as_u16())
}
