//! Syslog: RFC 5424, RFC 3164, and what programs send that is neither.
//!
//! Nothing that arrives is an error: a text without a header is a message of its own.

mod bsd;
mod docker;
mod header;
mod structured;

use std::borrow::Cow;

use model::LabelsBuilder;

use crate::logs::{Rows, lossy};
use header::Header;

/// Names of facilities, by number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Names of severities, by number.
pub(crate) const SEVERITIES: [&str; 8] =
    ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Which output of a container Docker's drivers mean: they have no other place to say it.
pub(crate) const fn output(severity: usize) -> &'static str {
    if severity == 3 { "stderr" } else { "stdout" }
}

/// What a message without a priority has: `user.notice`.
const NO_PRIORITY: u8 = 13;

/// What the receiver knows beside the message.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The sender's address: the node of a message that names none.
    pub peer: &'a str,
    /// How far the zone of times that name none is ahead of UTC, in seconds.
    pub offset_s: i64,
}

/// Adds one message.
pub fn read(message: &[u8], beside: Beside<'_>, rows: &mut Rows<'_>) {
    // A sender that ends its messages with a zero byte does so in datagrams, too.
    let text = lossy(message.strip_suffix(b"\0").unwrap_or(message));
    let (priority, rest) = priority(&text);
    let header = match rest.strip_prefix("1 ") {
        Some(rest) if priority.is_some() => header::read(rest),
        _ => None,
    };
    let header = header.unwrap_or_else(|| bsd::read(rest, rows.now_ns(), beside.offset_s));
    add(&header, priority.unwrap_or(NO_PRIORITY), beside, rows);
}

/// `<PRI>` and what stands behind it.
fn priority(text: &str) -> (Option<u8>, &str) {
    let inside = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match inside.map(|(number, rest)| (number.parse::<u8>(), rest)) {
        // At most 23 * 8 + 7.
        Some((Ok(number), rest)) if number <= 191 => (Some(number), rest),
        _ => (None, text),
    }
}

fn add(header: &Header<'_>, priority: u8, beside: Beside<'_>, rows: &mut Rows<'_>) {
    let mut labels = LabelsBuilder::new();
    labels.set("input", "syslog");
    let node = if header.host.is_empty() { beside.peer } else { header.host };
    let of_container = docker::tag(header.app);
    let (id, container) = of_container.unwrap_or_default();
    let service = if of_container.is_some() { "" } else { header.app };
    for (name, value) in
        [("node", node), ("service", service), ("container_id", id), ("container", container)]
    {
        let value = rows.label(value);
        if !value.is_empty() {
            labels.set(name, value);
        }
    }
    rows.begin(&labels.build(), header.time_ns, header.message.trim_start_matches('\u{feff}'));
    let (facility, severity) = (usize::from(priority >> 3), usize::from(priority & 7));
    if of_container.is_some() {
        // The process is the engine, and the message's id is the tag once more.
        rows.text("stream", output(severity));
        return;
    }
    rows.text("severity", SEVERITIES[severity]);
    rows.text("facility", FACILITIES.get(facility).copied().unwrap_or_default());
    rows.text("procid", header.process);
    rows.text("msgid", header.id);
    structured::each(header.data, &mut |element, name, value: Cow<'_, str>| {
        rows.text(&format!("{element}.{name}"), &value);
    });
}

#[cfg(test)]
mod tests;
