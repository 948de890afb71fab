//! `logproto.PushRequest`: streams (1) of labels as text (1) and entries (2) of a timestamp (1), a line (2) and
//! structured metadata (3).

use std::borrow::Cow;

use model::records::FieldRef;
use model::{Error, Labels, Result};

use super::{selector, stream_labels};
use crate::logs::Rows;
use crate::remote_write::proto::{Message, Value};

/// Reads a body that is no longer compressed.
///
/// # Errors
/// Kind `Invalid`, with the offset where the message is wrong.
pub fn read_protobuf(body: &[u8], rows: &mut Rows<'_>) -> Result<()> {
    // Labels may stand behind entries, and nothing is to be stored where a later stream has none.
    let mut streams = Vec::new();
    each(body, |number, part| {
        if number == 1 {
            streams.push((labels_of(part.bytes, rows)?, part));
        }
        Ok(())
    })?;
    for (labels, stream) in &streams {
        each(stream.bytes, |number, part| if number == 2 { add(part.bytes, labels, rows) } else { Ok(()) })?;
    }
    Ok(())
}

fn labels_of(stream: &[u8], rows: &Rows<'_>) -> Result<Labels> {
    let mut text: Cow<'_, str> = Cow::Borrowed("");
    each(stream, |number, part| {
        if number == 1 {
            text = utf8(part.bytes)?.to_owned().into();
        }
        Ok(())
    })?;
    let pairs = selector::parse(&text)
        .map_err(|why| Error::invalid(format_args!("error parsing labels '{text}' with error: {why}")))?;
    stream_labels(rows, pairs.into_iter())
}

fn add(bytes: &[u8], labels: &Labels, rows: &mut Rows<'_>) -> Result<()> {
    let mut time = (0i64, 0i64);
    let mut line = "";
    let mut has_metadata = false;
    each(bytes, |number, part| {
        match number {
            1 => time = timestamp(part.bytes)?,
            2 => line = utf8(part.bytes)?,
            3 => has_metadata = true,
            _ => {}
        }
        Ok(())
    })?;
    let ns = time.0.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(time.1));
    let ns = ns.ok_or_else(|| Error::invalid("a timestamp is out of range"))?;
    rows.begin(labels, Some(ns), line);
    if !has_metadata {
        return Ok(());
    }
    // Nothing says that a line stands before its metadata: they are walked again rather than kept.
    each(bytes, |number, part| {
        if number != 3 {
            return Ok(());
        }
        let mut pair = ("", "");
        each(part.bytes, |number, part| {
            match number {
                1 => pair.0 = utf8(part.bytes)?,
                2 => pair.1 = utf8(part.bytes)?,
                _ => {}
            }
            Ok(())
        })?;
        rows.field(pair.0, FieldRef::Text(pair.1));
        Ok(())
    })
}

fn timestamp(bytes: &[u8]) -> Result<(i64, i64)> {
    const SECONDS: u64 = 1 << 3;
    const NANOSECONDS: u64 = 2 << 3;
    let mut message = Message { bytes, at: 0 };
    let mut time = (0, 0);
    while !message.bytes.is_empty() {
        let part = match message.varint().map_err(Error::invalid)? {
            SECONDS => &mut time.0,
            NANOSECONDS => &mut time.1,
            _ => return any_timestamp(bytes),
        };
        *part = message.varint().map_err(Error::invalid)?.cast_signed();
    }
    Ok(time)
}

/// With fields that it should not have.
#[cold]
fn any_timestamp(bytes: &[u8]) -> Result<(i64, i64)> {
    let mut message = Message { bytes, at: 0 };
    let mut time = (0, 0);
    while let Some((number, value)) = message.field().map_err(Error::invalid)? {
        match (number, value) {
            (1, Value::Varint(n)) => time.0 = n.cast_signed(),
            (2, Value::Varint(n)) => time.1 = n.cast_signed(),
            _ => {}
        }
    }
    Ok(time)
}

/// Calls `work` for each part that has a length.
fn each<'a>(bytes: &'a [u8], mut work: impl FnMut(u32, Message<'a>) -> Result<()>) -> Result<()> {
    let mut message = Message { bytes, at: 0 };
    loop {
        match message.field() {
            Ok(Some((number, Value::Bytes(part)))) => work(number, part)?,
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(error) => return Err(Error::invalid(error)),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| Error::invalid(format_args!("a text of the request is {e}")))
}
