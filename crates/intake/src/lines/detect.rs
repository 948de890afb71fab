//! Detection: what a line says about itself becomes fields, as far as it can be told without being told how.
//!
//! The first bytes tell the family: JSON, syslog, klog, access logs, else a text whose head is looked at for a time, a level
//! and a component. `key=value` pairs are taken wherever they stand. Only names that are known count ([`names`]); the
//! rest of a line is a query's business. Nothing is allocated but for values with escapes in them.

mod access;
mod exception;
mod found;
mod json;
mod klog;
mod logfmt;
mod names;
mod syslog;
#[cfg(test)]
mod tests;
mod text;
mod values;

pub use found::{Field, Found, Value};
pub use values::Level;

/// The most bytes of a message that are looked at.
const LOOKED_AT: usize = 64 << 10;

/// Finds what `body` says about itself. `now_ns` gives times without a year theirs.
pub fn detect(body: &str, now_ns: i64, found: &mut Found) {
    found.clear();
    let looked_at = (0..=LOOKED_AT.min(body.len())).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
    let body = &body[..looked_at];
    let blank = body.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let bytes = &body.as_bytes()[blank..];
    let known = match bytes.first() {
        Some(b'{') => json::object(body, blank, found),
        Some(b'<') => syslog::numbered(body, blank, now_ns, found),
        Some(b'I' | b'W' | b'E' | b'F') if klog::line(body, blank, now_ns, found) => true,
        _ => false,
    };
    if !known {
        plain(body, blank, now_ns, found);
    }
    exception::look(body, found);
}

fn plain(body: &str, start: usize, now_ns: i64, found: &mut Found) {
    if access::line(body, start, found) {
        return;
    }
    let start = syslog::unnumbered(body, start, now_ns, found).unwrap_or(start);
    text::head(body, start, found);
    logfmt::pairs(body, start, found);
    access::request(body, start, found);
    text::tail(body, start, found);
}
