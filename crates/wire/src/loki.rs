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

/// A stream's labels. `intake` adds `service_name`, for streams of every protocol.
fn stream_labels(rows: &Rows<'_>, pairs: impl Iterator<Item = (String, String)>) -> Result<Labels> {
    let mut builder = LabelsBuilder::new();
    for (name, value) in pairs {
        builder.set(name, rows.label(&value));
    }
    if builder.iter().next().is_none() {
        return Err(Error::invalid("error at least one label pair is required per stream"));
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
