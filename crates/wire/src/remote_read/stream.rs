//! `prometheus.ChunkedReadResponse` in frames: size as a varint, CRC-32C (big-endian), message.

use crate::castagnoli::crc32c;
use crate::remote_write::proto::{Message, Value, put_bytes, put_int, put_varint};
use crate::remote_write::{Error, LabelPair, put_label, read_label};

use super::samples::put_number;

/// A chunk within a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRef<'a> {
    /// Time of the first sample, ms.
    pub min_time: i64,
    /// Time of the last sample, ms.
    pub max_time: i64,
    /// Its encoding, as `chunk::Encoding::from_code` reads it.
    pub encoding: u8,
    /// The encoded samples.
    pub bytes: &'a [u8],
}

/// A series, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkedSeries<'a> {
    /// Index of the query that it answers.
    pub query: i64,
    /// Names and values.
    pub labels: Vec<LabelPair<'a>>,
    /// Its chunks by their start.
    pub chunks: Vec<ChunkRef<'a>>,
}

/// The message of one series (or of a part of one).
pub fn write_chunked<'a, 'l>(
    query: i64,
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    chunks: impl IntoIterator<Item = ChunkRef<'a>>,
) -> Vec<u8> {
    let (mut series, mut field) = (Vec::new(), Vec::new());
    for (name, value) in labels {
        put_label(&mut series, &mut field, name, value);
    }
    for chunk in chunks {
        field.clear();
        put_int(&mut field, 1, chunk.min_time);
        put_int(&mut field, 2, chunk.max_time);
        put_number(&mut field, 3, u64::from(chunk.encoding));
        put_bytes(&mut field, 4, chunk.bytes);
        put_bytes(&mut series, 2, &field);
    }
    let mut out = Vec::with_capacity(series.len() + 16);
    put_bytes(&mut out, 1, &series);
    put_int(&mut out, 2, query);
    out
}

/// Reads a message: the series in it, mostly one.
pub fn read_chunked(body: &[u8]) -> Result<Vec<ChunkedSeries<'_>>, Error> {
    let mut message = Message { bytes: body, at: 0 };
    let (mut all, mut query) = (Vec::new(), 0);
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Bytes(series)) => all.push(read_series(series)?),
            (2, Value::Varint(index)) => query = index as i64,
            (1 | 2, _) => return Err(message.error("a field of a chunked response has the wrong type")),
            _ => {}
        }
    }
    for series in &mut all {
        series.query = query;
    }
    Ok(all)
}

fn read_series(mut message: Message<'_>) -> Result<ChunkedSeries<'_>, Error> {
    let mut series = ChunkedSeries::default();
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Bytes(label)) => series.labels.push(read_label(label)?),
            (2, Value::Bytes(chunk)) => series.chunks.push(read_chunk(chunk)?),
            (1 | 2, _) => return Err(message.error("a field of a chunked series is not a message")),
            _ => {}
        }
    }
    Ok(series)
}

fn read_chunk(mut message: Message<'_>) -> Result<ChunkRef<'_>, Error> {
    let mut chunk = ChunkRef { min_time: 0, max_time: 0, encoding: 0, bytes: &[] };
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(t)) => chunk.min_time = t as i64,
            (2, Value::Varint(t)) => chunk.max_time = t as i64,
            (3, Value::Varint(code)) => chunk.encoding = u8::try_from(code).unwrap_or(0),
            (4, Value::Bytes(data)) => chunk.bytes = data.bytes,
            (1..=4, _) => return Err(message.error("a field of a chunk has the wrong type")),
            _ => {}
        }
    }
    Ok(chunk)
}

/// Appends a message as a frame.
pub fn put_frame(out: &mut Vec<u8>, message: &[u8]) {
    put_varint(out, message.len() as u64);
    out.extend_from_slice(&crc32c(message).to_be_bytes());
    out.extend_from_slice(message);
}

/// Takes the first frame of `bytes`: its message and how many bytes it took. `None`: more bytes are needed. An error is a
/// frame of more than `limit` bytes or with a wrong checksum.
pub fn take_frame(bytes: &[u8], limit: usize) -> Result<Option<(&[u8], usize)>, Error> {
    let mut message = Message { bytes, at: 0 };
    if !bytes.iter().take(10).any(|byte| byte & 0x80 == 0) && bytes.len() < 10 {
        return Ok(None);
    }
    let size = message.varint()?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > limit {
        return Err(Error::TooLarge { size, limit });
    }
    let Some((sum, rest)) = message.bytes.split_first_chunk::<4>() else { return Ok(None) };
    let Some(body) = rest.get(..size) else { return Ok(None) };
    if crc32c(body) != u32::from_be_bytes(*sum) {
        return Err(message.error("chunkedReader: corrupted frame; checksum mismatch"));
    }
    Ok(Some((body, message.at + 4 + size)))
}
