//! A batch of events as bytes: the streams once, then the events with their stream's number. The same form is used in
//! the log and, compressed, in parts. docs/formats/events.md draws it.

use std::collections::{BTreeMap, HashMap};

use disk::header::Kind;
use disk::varint::{Corrupt, Reader, put_bytes, put_i64, put_u64};
use model::{Event, FieldValue, Labels, Position};

/// Segments of the event log.
pub(crate) const LOG: Kind = Kind { tag: b'e', name: "event log segment", version: 1, oldest: 1 };

const EVENTS: u8 = 1;
const POSITIONS: u8 = 2;

const INT: u8 = 0;
const FLOAT: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const TEXT: u8 = 4;

/// Appends events.
pub(crate) fn encode<'a>(events: impl Iterator<Item = &'a Event> + Clone, out: &mut Vec<u8>) {
    let mut numbers: HashMap<&Labels, u64> = HashMap::new();
    let mut streams: Vec<&Labels> = Vec::new();
    for event in events.clone() {
        numbers.entry(&event.stream).or_insert_with(|| {
            streams.push(&event.stream);
            streams.len() as u64 - 1
        });
    }
    put_u64(out, streams.len() as u64);
    streams.iter().for_each(|s| put_bytes(out, s.canonical().as_bytes()));
    let mut last = 0i64;
    for event in events {
        put_i64(out, event.time_ns.wrapping_sub(last));
        last = event.time_ns;
        put_u64(out, numbers[&event.stream]);
        put_bytes(out, event.body.as_bytes());
        put_u64(out, event.fields.len() as u64);
        for (name, value) in &event.fields {
            put_bytes(out, name.as_bytes());
            encode_value(value, out);
        }
    }
}

fn encode_value(value: &FieldValue, out: &mut Vec<u8>) {
    match value {
        FieldValue::Int(int) => {
            out.push(INT);
            put_i64(out, *int);
        }
        FieldValue::Float(float) => {
            out.push(FLOAT);
            out.extend_from_slice(&float.to_bits().to_le_bytes());
        }
        FieldValue::Bool(bool) => out.push(if *bool { TRUE } else { FALSE }),
        FieldValue::Text(text) => {
            out.push(TEXT);
            put_bytes(out, text.as_bytes());
        }
    }
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Event>, Corrupt> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(bytes.len())?;
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(Labels::from_canonical(reader.str()?).ok_or(Corrupt("stream is not canonical"))?);
    }
    let (mut events, mut last) = (Vec::new(), 0i64);
    while !reader.is_empty() {
        last = last.wrapping_add(reader.i64()?);
        let stream = reader.count(streams.len())?;
        let stream = streams.get(stream).ok_or(Corrupt("unknown stream"))?.clone();
        let body = reader.str()?.to_owned();
        let mut fields = BTreeMap::new();
        for _ in 0..reader.count(bytes.len())? {
            let name = reader.str()?.to_owned();
            fields.insert(name, decode_value(&mut reader)?);
        }
        events.push(Event { time_ns: last, stream, body, fields });
    }
    Ok(events)
}

fn decode_value(reader: &mut Reader<'_>) -> Result<FieldValue, Corrupt> {
    Ok(match reader.u8()? {
        INT => FieldValue::Int(reader.i64()?),
        FLOAT => FieldValue::Float(f64::from_bits(u64::from_le_bytes(reader.array()?))),
        FALSE => FieldValue::Bool(false),
        TRUE => FieldValue::Bool(true),
        TEXT => FieldValue::Text(reader.str()?.to_owned()),
        _ => return Err(Corrupt("unknown type of field")),
    })
}

/// A log record: events, and where their source stands.
pub(crate) fn events_record(events: &[&Event], position: Option<Position<'_>>) -> Vec<u8> {
    let mut out = vec![EVENTS, u8::from(position.is_some())];
    if let Some(position) = position {
        put_bytes(&mut out, position.source.as_bytes());
        put_bytes(&mut out, position.position);
    }
    encode(events.iter().copied(), &mut out);
    out
}

/// A log record: where all sources stand.
pub(crate) fn positions_record<'a>(positions: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<u8> {
    let mut out = vec![POSITIONS];
    for (source, position) in positions {
        put_bytes(&mut out, source.as_bytes());
        put_bytes(&mut out, position);
    }
    out
}

/// What a log record says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    pub(crate) positions: Vec<(String, Vec<u8>)>,
}

/// Reads a log record.
pub(crate) fn read_record(bytes: &[u8]) -> Result<Record, Corrupt> {
    let mut reader = Reader::new(bytes);
    let mut record = Record::default();
    match reader.u8()? {
        EVENTS => {
            if reader.u8()? != 0 {
                record.positions.push((reader.str()?.to_owned(), reader.bytes()?.to_vec()));
            }
            record.events = decode(reader.rest())?;
        }
        POSITIONS => {
            while !reader.is_empty() {
                record.positions.push((reader.str()?.to_owned(), reader.bytes()?.to_vec()));
            }
        }
        _ => return Err(Corrupt("unknown record")),
    }
    Ok(record)
}

/// Roughly what an event takes in memory.
pub(crate) fn size_of_event(event: &Event) -> usize {
    let value = |v: &FieldValue| v.as_text().map_or(0, str::len);
    let fields: usize = event.fields.iter().map(|(n, v)| 80 + n.len() + value(v)).sum();
    120 + event.body.len() + fields
}
