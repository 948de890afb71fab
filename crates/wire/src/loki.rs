//! Loki's push: streams with entries, as JSON or as protobuf.
//!
//! Both forms end in [`Rows`]. What makes one stream or entry wrong (no labels, a bad timestamp) makes the request wrong
//! as a whole; nothing of it is then to be stored.

mod json;
mod protobuf;
mod selector;

use model::records::FieldRef;
use model::{Error, Labels, LabelsBuilder, Result};

use crate::logs::Rows;
pub use json::read_json;
pub use protobuf::read_protobuf;

/// Labels of which Loki makes `service_name`, where a stream has none: the first that is there.
const SERVICE_NAMES: [&str; 11] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "component",
    "workload",
    "job",
];

/// The label that Loki adds to streams.
const SERVICE_NAME: &str = "service_name";

/// A stream's labels, with `service_name` as Loki adds it.
fn stream_labels(rows: &Rows<'_>, pairs: impl Iterator<Item = (String, String)>) -> Result<Labels> {
    let mut builder = LabelsBuilder::new();
    for (name, value) in pairs {
        builder.set(name, rows.label(&value));
    }
    if builder.iter().next().is_none() {
        return Err(Error::invalid("error at least one label pair is required per stream"));
    }
    if builder.get(SERVICE_NAME).is_empty() {
        let found = SERVICE_NAMES.iter().map(|name| builder.get(name)).find(|value| !value.is_empty());
        let name = found.unwrap_or("unknown_service").to_owned();
        builder.set(SERVICE_NAME, name);
    }
    Ok(builder.build())
}

/// Adds an entry.
fn entry<'a>(
    rows: &mut Rows<'_>,
    stream: &Labels,
    time_ns: i64,
    line: &str,
    metadata: impl Iterator<Item = (&'a str, &'a str)>,
) {
    rows.begin(stream, Some(time_ns), line);
    for (name, value) in metadata {
        rows.field(name, FieldRef::Text(value));
    }
}

#[cfg(test)]
mod tests;
