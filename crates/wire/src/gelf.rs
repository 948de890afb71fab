//! Graylog's GELF: JSON objects, compressed and cut into chunks where they come by UDP.

mod chunks;

use std::borrow::Cow;
use std::io::Read as _;

use model::{Error, LabelsBuilder, Result};

pub use chunks::{Chunks, Whole};

use crate::logs::{Rows, time_of_tree};
use crate::syslog::{SEVERITIES, output};
use crate::tree::Tree;

/// Undoes the compression of a message (gzip, zlib or none), up to `most` bytes.
///
/// # Errors
/// Kind `TooLarge` beyond `most`; kind `Invalid` where it cannot be undone.
pub fn unpack(message: &[u8], most: usize) -> Result<Cow<'_, [u8]>> {
    match message {
        [0x1f, 0x8b, ..] => inflate(flate2::read::MultiGzDecoder::new(message), most),
        [0x78, second, ..] if (0x7800 + u32::from(*second)).is_multiple_of(31) => {
            inflate(flate2::read::ZlibDecoder::new(message), most)
        }
        _ if message.len() > most => Err(too_large(most)),
        _ => Ok(Cow::Borrowed(message)),
    }
}

/// Reads all that comes out of a decompressor, at most `most` bytes.
pub(crate) fn inflate(reader: impl std::io::Read, most: usize) -> Result<Cow<'static, [u8]>> {
    let mut plain = Vec::new();
    reader
        .take(most as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|e| Error::invalid(format_args!("the compressed message cannot be read: {e}")))?;
    if plain.len() > most { Err(too_large(most)) } else { Ok(plain.into()) }
}

fn too_large(most: usize) -> Error {
    Error::too_large(format_args!("the message is larger than {most} bytes"))
}

/// What Docker's driver adds and is never kept: arguments of containers.
const NEVER_KEPT: &str = "_command";

/// Adds one message that is no longer compressed.
///
/// # Errors
/// Kind `Invalid` where it is no JSON object, or has no message.
pub fn read(message: &[u8], peer: &str, rows: &mut Rows<'_>) -> Result<()> {
    let tree = Tree::of_json(message)
        .map_err(|e| Error::invalid(format_args!("the message is no JSON object: {e}")))?;
    let text = |name: &str| tree.get(name).and_then(Tree::text).unwrap_or_default();
    let (short, full) = (text("short_message"), text("full_message"));
    if short.is_empty() && full.is_empty() {
        return Err(Error::invalid("the message has neither short_message nor full_message"));
    }
    let mut labels = LabelsBuilder::new();
    labels.set("input", "gelf");
    let host = text("host");
    for (name, value) in [
        ("node", if host.is_empty() { peer } else { host }),
        ("container_id", text("_container_id")),
        ("container", text("_container_name").trim_start_matches('/')),
        ("service", text("_service")),
    ] {
        let value = rows.label(value);
        if !value.is_empty() {
            labels.set(name, value);
        }
    }
    let time = tree.get("timestamp").and_then(time_of_tree);
    let message = match full {
        "" => Cow::Borrowed(short),
        // Some libraries send what was said as the one and its stack trace as the other.
        _ if !full.starts_with(short) => Cow::Owned(format!("{short}\n{full}")),
        _ => Cow::Borrowed(full),
    };
    rows.begin(&labels.build(), time, &message);
    let of_container = tree.get("_container_id").or(tree.get("_container_name")).is_some();
    let of_driver = of_container && tree.get("_image_id").is_some();
    if let Some(level) = tree.get("level").and_then(Tree::number) {
        let level = level as usize;
        match of_driver {
            true => rows.text("stream", output(level)),
            false => rows.text("severity", SEVERITIES.get(level).copied().unwrap_or_default()),
        }
    }
    for (name, value) in tree.members() {
        let name: &str = name;
        let said = matches!(
            name,
            "version"
                | "host"
                | "short_message"
                | "full_message"
                | "timestamp"
                | "level"
                | "_container_id"
                | "_container_name"
                | "_service"
        );
        let is_command = of_container && name == NEVER_KEPT;
        if !said && !is_command {
            rows.tree(name.strip_prefix('_').unwrap_or(name), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
