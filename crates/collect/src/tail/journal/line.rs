//! What an entry says: its stream, its message, and which of its fields are kept.

use std::borrow::Cow;

use model::records::{FieldRef, Origin};
use model::{Labels, Records};
use wire::journal::Entry;

use super::super::config::Config;
use super::super::own;
use super::super::sources::{Known, Sources};

/// The names of priorities, as syslog has them.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
/// Fields of the journal's own that are kept or used. What a process was started with (`_CMDLINE`, audit fields) is not
/// among them.
const TRUSTED: [&str; 13] = [
    "_PID",
    "_UID",
    "_COMM",
    "_EXE",
    "_HOSTNAME",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "_TRANSPORT",
    "_STREAM_ID",
    "_BOOT_ID",
    "_SOURCE_REALTIME_TIMESTAMP",
    "_AUDIT_TYPE_NAME",
    "_KERNEL_DEVICE",
];
/// Names of fields that applications send, parts of which tell that they hold arguments or an environment.
const ARGUMENTS: [&str; 6] = ["CMDLINE", "ENVIRON", "COMMAND", "ARGV", "ARGS", "COREDUMP"];
/// Fields that become something else, or say nothing in a store.
const USED: [&str; 16] = [
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_TIMESTAMP",
    "SYSLOG_RAW",
    "CONTAINER_ID",
    "CONTAINER_ID_FULL",
    "CONTAINER_NAME",
    "CONTAINER_TAG",
    "CONTAINER_PARTIAL_MESSAGE",
    "CONTAINER_PARTIAL_ID",
    "CONTAINER_PARTIAL_ORDINAL",
    "CONTAINER_PARTIAL_LAST",
    "CONTAINER_LOG_EPOCH",
    "CONTAINER_LOG_ORDINAL",
    "IMAGE_NAME",
];
/// Names that a field of an entry gets.
const NAMES: [(&str, &str); 9] = [
    ("_PID", "pid"),
    ("_UID", "uid"),
    ("_COMM", "comm"),
    ("_EXE", "exe"),
    ("_SYSTEMD_UNIT", "unit"),
    ("_SYSTEMD_USER_UNIT", "user_unit"),
    ("_TRANSPORT", "transport"),
    ("_BOOT_ID", "boot_id"),
    ("SYSLOG_FACILITY", "facility"),
];
/// The most fields of a line.
const FIELDS: usize = 64;
/// The longest value of a field that is kept.
const VALUE: usize = 8 << 10;
/// How much older than its arrival the time may be that a line's sender gave it: what is beyond is a wrong clock.
const OLDEST_US: u64 = 86_400_000_000;

/// Whether a field is read at all.
pub(super) fn is_wanted(name: &str) -> bool {
    if name.starts_with('_') {
        return TRUSTED.contains(&name);
    }
    !ARGUMENTS.iter().any(|part| name.contains(part))
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) labels: Labels,
    pub(super) time_ns: i64,
    pub(super) text: String,
    pub(super) fields: Vec<(String, Field)>,
    /// Which output it came from, where that is one whose lines may belong together.
    pub(super) output: Option<String>,
    /// Whether the line goes on in the next entry.
    pub(super) partial: bool,
    /// Whether this program wrote it.
    pub(super) own: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    Text(String),
    Int(i64),
}

impl Line {
    /// `None` where the entry is not to be stored.
    pub(super) fn of(entry: &Entry, config: &Config, sources: &dyn Sources, node: &str) -> Option<Self> {
        // The kernel's audit trail says with which arguments programs were started.
        if entry.get("_AUDIT_TYPE_NAME").is_some_and(|kind| matches!(&*kind, "EXECVE" | "PROCTITLE")) {
            return None;
        }
        let text = entry.get("MESSAGE")?.trim_end_matches('\n').to_owned();
        let container = entry.get("CONTAINER_ID_FULL");
        let labels = match &container {
            Some(_) if !config.containers => return None,
            Some(id) => of_container(entry, id, sources, node)?,
            None => of_unit(entry, config, sources, node)?,
        };
        let mut fields = Vec::new();
        let severity =
            entry.get("PRIORITY").and_then(|p| p.parse::<usize>().ok()).and_then(|p| SEVERITIES.get(p));
        if container.is_some() {
            // Docker writes its priorities by the output, which says nothing of the line.
            let stream = if severity == Some(&"err") { "stderr" } else { "stdout" };
            fields.push(("stream".to_owned(), Field::Text(stream.to_owned())));
        } else if let Some(severity) = severity {
            fields.push(("severity".to_owned(), Field::Text((*severity).to_owned())));
        }
        if container.is_none() {
            add_fields(entry, &mut fields);
        }
        let output = match &container {
            Some(id) => Some(format!("{id}{}", severity.copied().unwrap_or_default())),
            None => entry.get("_STREAM_ID").map(Cow::into_owned),
        };
        let partial = entry.get("CONTAINER_PARTIAL_MESSAGE").is_some_and(|partial| partial == "true");
        let own = match &container {
            Some(id) => own::container_id() == Some(&**id),
            None => entry.get("_PID").is_some_and(|pid| pid.parse() == Ok(std::process::id())),
        };
        Some(Self { labels, time_ns: time_of(entry), text, fields, output, partial, own })
    }

    /// Adds it to a batch.
    pub(super) fn put(&self, out: &mut Records) {
        let stream = out.stream(&self.labels);
        out.push(stream, self.time_ns, &self.text);
        for (name, value) in &self.fields {
            let value = match value {
                Field::Text(text) => FieldRef::Text(text),
                Field::Int(int) => FieldRef::Int(*int),
            };
            out.field(name, Origin::Sent, value);
        }
    }
}

fn add_fields(entry: &Entry, fields: &mut Vec<(String, Field)>) {
    let identifier = entry.get("SYSLOG_IDENTIFIER");
    fields.extend(identifier.map(|text| ("identifier".to_owned(), Field::Text(text.into_owned()))));
    for (name, value) in entry.fields() {
        let used = USED.contains(&name) || matches!(name, "_HOSTNAME" | "_STREAM_ID" | "_AUDIT_TYPE_NAME");
        if used || name == "_SOURCE_REALTIME_TIMESTAMP" || fields.len() >= FIELDS || value.len() > VALUE {
            continue;
        }
        let given = NAMES.iter().find(|(of, _)| *of == name).map_or(name, |(_, given)| given);
        let text = String::from_utf8_lossy(value);
        let value = match text.parse::<i64>() {
            Ok(number) if matches!(given, "pid" | "uid") => Field::Int(number),
            _ => Field::Text(text.into_owned()),
        };
        fields.push((given.to_owned(), value));
    }
}

/// A container whose driver is `journald`: the engine knows its labels while it knows the container.
fn of_container(entry: &Entry, id: &str, sources: &dyn Sources, node: &str) -> Option<Labels> {
    match sources.container(id) {
        Known::Stored(labels) => Some(labels),
        Known::LeftOut => None,
        Known::Unknown => {
            let name = entry.get("CONTAINER_NAME").unwrap_or_default();
            Some(labels(&[("node", &host(entry, node)), ("container_id", id), ("container", &name)]))
        }
    }
}

fn of_unit(entry: &Entry, config: &Config, sources: &dyn Sources, node: &str) -> Option<Labels> {
    let identifier = entry.get("SYSLOG_IDENTIFIER");
    // Docker's syslog driver names a container by the beginning of its id.
    let id = identifier.as_deref().filter(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    if let Some(id) = id
        && config.containers
        && !config.received.contains(&"syslog")
    {
        match sources.container(id) {
            // Its log is read from the engine.
            Known::Stored(_) | Known::LeftOut => return None,
            Known::Unknown => {}
        }
    }
    let unit = ["_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT"]
        .iter()
        .filter_map(|name| entry.get(name))
        .find_map(service_of);
    let service = unit
        .or_else(|| identifier.map(Cow::into_owned))
        .or_else(|| entry.get("_COMM").map(Cow::into_owned))
        .unwrap_or_default();
    Some(labels(&[("input", "journal"), ("node", &host(entry, node)), ("service", &service)]))
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()).copied())
}

/// A service's name; scopes (sessions of users, `init.scope`) and units that are made for one run have none.
fn service_of(unit: Cow<'_, str>) -> Option<String> {
    let name = unit.strip_suffix(".service")?;
    (!name.starts_with("run-") && !name.starts_with("user@")).then(|| name.to_owned())
}

fn host(entry: &Entry, node: &str) -> String {
    entry.get("_HOSTNAME").map_or_else(|| node.to_owned(), Cow::into_owned)
}

/// When the line was written, if its sender said so and may be believed; else when it came.
fn time_of(entry: &Entry) -> i64 {
    let came = entry.realtime_us;
    let sent = entry.get("_SOURCE_REALTIME_TIMESTAMP").and_then(|us| us.parse::<u64>().ok());
    let sent = sent.filter(|us| *us <= came && came - us <= OLDEST_US);
    i64::try_from(sent.unwrap_or(came)).unwrap_or(i64::MAX).saturating_mul(1000)
}
