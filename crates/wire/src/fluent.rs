//! Fluentd's forward protocol: MessagePack arrays of a tag, events and options, and the handshake by a shared key.

pub mod handshake;
mod msgpack;
mod partial;

use std::borrow::Cow;

use model::{Error, Result};

use crate::gelf::inflate;
use crate::logs::{Rows, Shape, time_of_number};
use crate::tree::Tree;
use msgpack::Reader;
pub use msgpack::Scan;
pub(crate) use msgpack::hex;
use partial::Hold;
pub use partial::Partials;

/// What a message asks for beside its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The chunk that is to be acknowledged.
    pub chunk: Option<String>,
    /// The number of the message, with which [`Partials::waits_for`] names it: it is not to be acknowledged before.
    pub number: u64,
    /// Entries of a packed message that could not be read.
    pub malformed: u64,
}

/// Reads one whole message and adds its events: message, forward, packed and compressed packed mode. `most` bounds what
/// a compressed message becomes.
///
/// # Errors
/// Kind `Invalid` or `TooLarge`. Nothing was added then.
///
/// Pieces of one line, as Docker's driver sends them, are held in `partials` until the last one comes. Nothing may be
/// acknowledged that is not stored: messages of which a piece is held wait. In message mode pieces of which an
/// acknowledgement is asked for are not held: such a client waits for it before it sends the next piece.
pub fn read(message: &[u8], most: usize, rows: &mut Rows<'_>, partials: &mut Partials) -> Result<Asked> {
    let number = partials.begin();
    let mut reader = Reader::new(message);
    let Some(count) = reader.array()? else {
        // Nothing is a sign of life.
        return match reader.value()? {
            Tree::Null => Ok(Asked::default()),
            _ => Err(Error::invalid("a message of the forward protocol is an array")),
        };
    };
    if count == 0 {
        return Ok(Asked::default());
    }
    let tag = reader.value()?;
    let tag =
        tag.text().ok_or_else(|| Error::invalid("a message of the forward protocol begins with its tag"))?;
    let labels = [("input", "fluent"), ("tag", tag)];
    if let Some(entries) = reader.array()? {
        let mut events = Vec::new();
        for _ in 0..entries {
            events.push(entry(&mut reader)?);
        }
        let asked = options(&mut reader, count.saturating_sub(2))?.0;
        for (time, record) in events {
            partials.add(rows, record, &labels, time, asked.hold());
        }
        return Ok(Asked { number, ..asked });
    }
    if let Some(packed) = reader.bytes()? {
        let (asked, gzip) = options(&mut reader, count.saturating_sub(2))?;
        let plain = match gzip {
            true => inflate(flate2::read::MultiGzDecoder::new(packed), most)?,
            false => Cow::Borrowed(packed),
        };
        return unpacked(&plain, &labels, Asked { number, ..asked }, rows, partials);
    }
    let time = time(&mut reader)?;
    let record = reader.value()?;
    let asked = options(&mut reader, count.saturating_sub(3))?.0;
    let hold = if asked.chunk.is_some() { Hold::Never } else { Hold::Silently };
    partials.add(rows, record, &labels, time, hold);
    Ok(Asked { number, ..asked })
}

impl Asked {
    /// What becomes of pieces of a message of many events.
    fn hold(&self) -> Hold {
        if self.chunk.is_some() { Hold::Asked } else { Hold::Silently }
    }
}

/// Entries one behind the other. Where one cannot be read, nobody knows where the next begins.
fn unpacked(
    plain: &[u8],
    labels: &[(&str, &str)],
    mut asked: Asked,
    rows: &mut Rows<'_>,
    partials: &mut Partials,
) -> Result<Asked> {
    let mut reader = Reader::new(plain);
    while !reader.at_end() {
        match entry(&mut reader) {
            Ok((time, record)) => partials.add(rows, record, labels, time, asked.hold()),
            Err(error) if rows.is_empty() && partials.is_empty() => return Err(error),
            Err(_) => {
                asked.malformed += 1;
                break;
            }
        }
    }
    Ok(asked)
}

/// `[time, record]`.
fn entry<'a>(reader: &mut Reader<'a>) -> Result<(Option<i64>, Tree<'a>)> {
    let count = reader.array()?.unwrap_or(0);
    if count < 2 {
        return Err(reader.error("an entry is an array of a time and a record"));
    }
    let time = time(reader)?;
    let record = reader.value()?;
    for _ in 2..count {
        reader.value()?;
    }
    Ok((time, record))
}

/// Seconds, or an extension of type 0 with seconds and nanoseconds; Fluent Bit may put it into an array, with metadata
/// behind it. Without a time of its own an event gets 0.
fn time(reader: &mut Reader<'_>) -> Result<Option<i64>> {
    let Some(items) = reader.array()? else { return bare_time(reader) };
    let time = if items > 0 { bare_time(reader)? } else { None };
    for _ in 1..items {
        reader.value()?;
    }
    Ok(time)
}

fn bare_time(reader: &mut Reader<'_>) -> Result<Option<i64>> {
    if let Some((seconds, nanos)) = reader.event_time()? {
        return Ok(Some(i64::from(seconds) * 1_000_000_000 + i64::from(nanos)));
    }
    Ok(match reader.value()? {
        Tree::Int(0) => None,
        Tree::Int(seconds) => seconds.checked_mul(1_000_000_000),
        Tree::Float(seconds) => time_of_number(seconds),
        _ => None,
    })
}

/// What is asked, and whether entries are compressed.
fn options(reader: &mut Reader<'_>, left: usize) -> Result<(Asked, bool)> {
    let (mut asked, mut gzip) = (Asked::default(), false);
    for _ in 0..left {
        let options = reader.value()?;
        asked.chunk = options.get("chunk").and_then(Tree::text).map(str::to_owned).or(asked.chunk);
        gzip |= options.get("compressed").and_then(Tree::text) == Some("gzip");
    }
    Ok((asked, gzip))
}

fn add(rows: &mut Rows<'_>, mut record: Tree<'_>, labels: &[(&str, &str)], time: Option<i64>) {
    name_output(&mut record);
    // What the record says of times is the application's, unless the sender gave none.
    let shape = if time.is_some() { Shape::TIMED } else { Shape::SHIPPED };
    shape.add(rows, &record, labels, time);
}

/// Which output a line came from is `stream` everywhere, only Docker's driver calls it `source`.
fn name_output(record: &mut Tree<'_>) {
    let of_driver = record.get("container_id").is_some() && record.get("stream").is_none();
    if let Tree::Map(members) = record
        && of_driver
        && let Some((name, _)) = members
            .iter_mut()
            .find(|(name, value)| name == "source" && matches!(value.text(), Some("stdout" | "stderr")))
    {
        *name = Cow::Borrowed("stream");
    }
}

/// The answer that acknowledges a chunk.
pub fn acknowledgement(chunk: &str) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::put_map(&mut out, 1);
    msgpack::put_text(&mut out, "ack");
    msgpack::put_text(&mut out, chunk);
    out
}

#[cfg(test)]
mod tests;
