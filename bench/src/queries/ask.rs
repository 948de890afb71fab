//! Sends a query and times it.

use std::time::Instant;

use anyhow::{Result, bail};

use super::shapes::{STEPS, Shape};
use crate::http::Client;
use crate::peer::Peer;

/// The path of a query over the last `minutes` up to `end_s`.
pub(crate) fn path(query: &str, minutes: i64, end_s: i64, cached: bool) -> String {
    let query = encode(query);
    let nocache = if cached { "" } else { "&nocache=1" };
    if minutes == 0 {
        return format!("/api/v1/query?query={query}&time={end_s}{nocache}");
    }
    let start = end_s - minutes * 60;
    let step = (minutes * 60 / STEPS).max(1);
    format!("/api/v1/query_range?query={query}&start={start}&end={end_s}&step={step}{nocache}")
}

/// The path of a shape.
pub(crate) fn path_of(shape: &Shape, end_s: i64, cached: bool) -> String {
    path(shape.query, shape.minutes, end_s, cached)
}

/// One answer in milliseconds; how large it is.
pub(crate) fn once(client: &mut Client, path: &str) -> Result<(f64, Vec<u8>)> {
    let sent = Instant::now();
    let answer = client.get(path)?;
    let ms = sent.elapsed().as_secs_f64() * 1e3;
    if answer.status != 200 {
        bail!("answer {} to {path}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok((ms, answer.body))
}

/// The median of `repeats` answers after a first one that warms up, and the number of series in it.
pub(crate) fn warm(peer: &Peer, path: &str, repeats: usize) -> Result<(f64, usize)> {
    let mut client = Client::new(&peer.address);
    let (_, body) = once(&mut client, path)?;
    let parsed: serde_json::Value = serde_json::from_slice(&body)?;
    let series = parsed["data"]["result"].as_array().map_or(0, Vec::len);
    if series == 0 {
        bail!("{} gives no series for {path}", peer.kind.name());
    }
    let times = (0..repeats).map(|_| Ok(once(&mut client, path)?.0)).collect::<Result<Vec<_>>>()?;
    Ok((median(times), series))
}

pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A parameter's value.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
