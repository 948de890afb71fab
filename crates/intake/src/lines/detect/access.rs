//! Access logs of nginx, Apache and their like, and requests within other lines.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use wire::timestamp;

use super::found::{Field, Found};
use super::values::{Level, ip, is_id, is_method};

/// How far from the start the time of an access log is looked for.
const HEAD: usize = 200;

/// Common and combined log format, with a virtual host before it or not, and what ingress-nginx appends; `false` where
/// it is another format.
pub(super) fn line(body: &str, start: usize, found: &mut Found) -> bool {
    let bytes = body.as_bytes();
    let head = &bytes[start..bytes.len().min(start + HEAD)];
    let Some(open) = memchr::memchr(b'[', head).map(|at| start + at) else { return false };
    let Some((time, length)) = timestamp::access_prefix(&bytes[open + 1..]) else { return false };
    let mut words = body[start..open].split(' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let Some(client) = ip(first).or_else(|| ip(second)).or(Some(first).filter(|f| !f.is_empty())) else {
        return false;
    };
    found.time(Some(time));
    found.own(Field::ClientIp, client);
    let Some(after) = quoted_request(body, open + 1 + length, found) else { return true };
    status_and_more(body, after, found);
    true
}

/// A request in quotation marks, `"GET /path HTTP/1.1"`: where it ends.
fn quoted_request(body: &str, from: usize, found: &mut Found) -> Option<usize> {
    let bytes = body.as_bytes();
    let open = from + memchr::memchr(b'"', bytes.get(from..)?)? + 1;
    let close = open + memchr::memchr(b'"', &bytes[open..])?;
    take_request(body, open, close, found);
    Some(close + 1)
}

fn take_request(body: &str, start: usize, end: usize, found: &mut Found) {
    let Some(request) = body.get(start..end) else { return };
    let Some(method) = request.split(' ').next().filter(|method| is_method(method)) else { return };
    found.text(Field::Method, body, start..start + method.len());
    let path = start + method.len() + 1;
    let stop = body.get(path..end).and_then(|rest| rest.find([' ', '?']));
    let path_end = stop.map_or(end, |stop| path + stop);
    if path < path_end {
        found.text(Field::Path, body, path..path_end);
    }
}

/// ` 200 1234 "referrer" "agent" 512 0.005 ... id`.
fn status_and_more(body: &str, from: usize, found: &mut Found) {
    let Some(rest) = body.get(from..) else { return };
    let mut words = rest.split_ascii_whitespace();
    let Some(status) = words.next().and_then(status) else { return };
    found.int(Field::Status, status);
    found.level(Level::of_status(status));
    if let Some(size) = words.next().and_then(|word| word.parse().ok()).filter(|size: &i64| *size >= 0) {
        found.int(Field::Size, size);
    }
    let Some(agent_end) = rest.rfind('"') else { return };
    let extra = &rest[agent_end + 1..];
    super::logfmt::pairs(body, from + agent_end + 1, found);
    let seconds = |word: &str| word.contains('.').then(|| word.parse::<f64>().ok()).flatten();
    if let Some(seconds) = extra.split_ascii_whitespace().take(2).find_map(seconds) {
        found.float(Field::Duration, seconds);
    }
    if let Some(id) = extra.split_ascii_whitespace().next_back().filter(|id| id.len() == 32 && is_id(id, 32))
    {
        found.own(Field::RequestId, id);
    }
}

fn status(word: &str) -> Option<i64> {
    let number = word.parse().ok().filter(|number| (100..600).contains(number));
    number.filter(|_| word.len() == 3)
}

/// A request within a line of another format, with the status behind it.
pub(super) fn request(body: &str, start: usize, found: &mut Found) {
    let bytes = body.as_bytes();
    static VERSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" HTTP/"));
    if memchr::memchr(b'"', &bytes[start..]).is_none() {
        return;
    }
    let Some(version) = VERSION.find(&bytes[start..]).map(|at| start + at) else { return };
    let Some(open) = memchr::memrchr(b'"', &bytes[start..version]).map(|at| start + at + 1) else { return };
    let Some(close) = memchr::memchr(b'"', &bytes[version..]).map(|at| version + at) else { return };
    take_request(body, open, close, found);
    let mut before = body[start..open - 1].split_ascii_whitespace();
    if let Some(client) = before.find_map(|word| word.contains(':').then(|| ip(word)).flatten()) {
        found.own(Field::ClientIp, client);
    }
    let mut words = body[close + 1..].split_ascii_whitespace();
    if let Some(status) = words.next().and_then(status) {
        found.int(Field::Status, status);
        found.level(Level::of_status(status));
    }
}
