//! Records of the log: rows as they came, and where their sources stand. The same bytes, once written, are what memory
//! keeps: a row is read from them wherever it is asked for. docs/formats/records.md draws them.

use disk::header::Kind;
use disk::varint::{Corrupt, Reader, put_bytes, put_i64, put_u64};
use model::records::{FieldRef, Origin, Records, Row};
use model::{Labels, Position};

/// Segments of the log of records.
pub(super) const LOG: Kind = Kind { tag: b'r', name: "record log segment", version: 1, oldest: 1 };

const RECORDS: u8 = 1;
const POSITIONS: u8 = 2;

const INT: u64 = 0;
const FLOAT: u64 = 1;
const FALSE: u64 = 2;
const TRUE: u64 = 3;
const TEXT: u64 = 4;
/// A text that is a part of the message.
const PART: u64 = 5;
const TYPES: u64 = 8;

/// Writes the records of one log record, row by row.
pub(super) struct Encoder<'a> {
    records: &'a Records,
    out: Vec<u8>,
    last_time: i64,
    /// For each row: where it begins in `out`.
    pub(super) places: Vec<Place>,
}

/// A row of the bytes of a log record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) time_ns: i64,
    /// Number among the streams that the log record names.
    pub(super) stream: u32,
    /// Where the message begins.
    pub(super) at: u32,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(records: &'a Records) -> Self {
        let mut out =
            Vec::with_capacity(records.text_bytes() + records.len() * 16 + records.field_count() * 6 + 512);
        out.push(RECORDS);
        put_u64(&mut out, records.streams().len() as u64);
        records.streams().iter().for_each(|s| put_bytes(&mut out, s.canonical().as_bytes()));
        put_u64(&mut out, records.names().len() as u64);
        records.names().iter().for_each(|n| put_bytes(&mut out, n.as_bytes()));
        Self { records, out, last_time: 0, places: Vec::with_capacity(records.len()) }
    }

    pub(super) fn row(&mut self, row: &Row<'_>) {
        let out = &mut self.out;
        let (time_ns, stream) = (row.time_ns(), row.stream().get() as u32);
        put_i64(out, time_ns.wrapping_sub(self.last_time));
        self.last_time = time_ns;
        put_u64(out, u64::from(stream));
        self.places.push(Place { time_ns, stream, at: out.len() as u32 });
        put_bytes(out, row.body().as_bytes());
        put_u64(out, row.field_names().count() as u64);
        for ((name, (_, origin, value)), part) in row.field_names().zip(row.fields()).zip(row.parts()) {
            let head = ((name as u64) << 1 | u64::from(origin == Origin::Detected)) * TYPES;
            match value {
                FieldRef::Int(int) => {
                    put_u64(out, head | INT);
                    put_i64(out, int);
                }
                FieldRef::Float(float) => {
                    put_u64(out, head | FLOAT);
                    out.extend_from_slice(&float.to_bits().to_le_bytes());
                }
                FieldRef::Bool(bool) => put_u64(out, head | if bool { TRUE } else { FALSE }),
                FieldRef::Text(text) => match part {
                    Some(part) => {
                        put_u64(out, head | PART);
                        put_u64(out, part.start as u64);
                        put_u64(out, part.len() as u64);
                    }
                    None => {
                        put_u64(out, head | TEXT);
                        put_bytes(out, text.as_bytes());
                    }
                },
            }
        }
    }

    /// The streams that rows name by number.
    pub(super) fn streams(&self) -> &'a [Labels] {
        self.records.streams()
    }

    /// The names of fields.
    pub(super) fn names(&self) -> &'a [String] {
        self.records.names()
    }

    /// How long the log record is so far.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// The log record, with where sources stand at its end, and its rows.
    pub(super) fn finish(self, positions: &[Position<'_>]) -> (Vec<u8>, Vec<Place>) {
        let mut out = self.out;
        let rows_end = out.len() as u32;
        for position in positions {
            put_bytes(&mut out, position.source.as_bytes());
            put_bytes(&mut out, position.position);
        }
        out.extend_from_slice(&rows_end.to_le_bytes());
        (out, self.places)
    }
}

/// A row's message and fields.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) body: &'a str,
    count: usize,
    fields: Reader<'a>,
}

impl<'a> Content<'a> {
    /// The fields by the numbers of their names.
    pub(super) fn fields(&self) -> Fields<'a> {
        Fields { body: self.body, left: self.count, reader: self.fields }
    }

    /// Bytes of the message and of its fields, a number counted as 8.
    pub(super) fn bytes(&self) -> Result<u64, Corrupt> {
        let (mut sum, mut fields) = (self.body.len() as u64, self.fields());
        while let Some((_, _, value)) = fields.next()? {
            sum += if let FieldRef::Text(text) = value { text.len() as u64 } else { 8 };
        }
        Ok(sum)
    }
}

/// Walks the fields of a row.
pub(super) struct Fields<'a> {
    body: &'a str,
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Fields<'a> {
    /// The next one: number of its name, where it comes from, its value.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Origin, FieldRef<'a>)>, Corrupt> {
        Ok(self.next_placed()?.map(|(name, origin, value, _)| (name, origin, value)))
    }

    /// As [`next`](Self::next), with where in the message its text stands where that is known.
    pub(super) fn next_placed(&mut self) -> Result<Option<Placed<'a>>, Corrupt> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let head = self.reader.u64()?;
        let mut place = None;
        let value = match head % TYPES {
            INT => FieldRef::Int(self.reader.i64()?),
            FLOAT => FieldRef::Float(f64::from_bits(u64::from_le_bytes(self.reader.array()?))),
            FALSE => FieldRef::Bool(false),
            TRUE => FieldRef::Bool(true),
            TEXT => FieldRef::Text(self.reader.str()?),
            PART => {
                let start = self.reader.count(self.body.len())?;
                let end = start + self.reader.count(self.body.len())?;
                place = Some(start as u32);
                FieldRef::Text(
                    self.body.get(start..end).ok_or(Corrupt("a part that the message does not have"))?,
                )
            }
            _ => return Err(Corrupt("unknown type of field")),
        };
        let origin = if head / TYPES % 2 == 1 { Origin::Detected } else { Origin::Sent };
        let name = u32::try_from(head / TYPES / 2).map_err(|_| Corrupt("number of a name"))?;
        Ok(Some((name, origin, value, place)))
    }
}

/// A field: number of its name, where it comes from, its value, and where in the message its text stands, if it is said.
pub(super) type Placed<'a> = (u32, Origin, FieldRef<'a>, Option<u32>);

/// Reads the row whose message begins at `at`.
pub(super) fn content(bytes: &[u8], at: u32) -> Result<Content<'_>, Corrupt> {
    let mut reader = Reader::new(bytes.get(at as usize..).ok_or(Corrupt("a row behind the end"))?);
    content_of(&mut reader)
}

fn content_of<'a>(reader: &mut Reader<'a>) -> Result<Content<'a>, Corrupt> {
    let body = reader.str()?;
    let count = reader.count(reader.rest().len())?;
    Ok(Content { body, count, fields: *reader })
}

/// A log record: where all sources stand.
pub(super) fn positions_record<'a>(positions: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<u8> {
    let mut out = vec![POSITIONS];
    for (source, position) in positions {
        put_bytes(&mut out, source.as_bytes());
        put_bytes(&mut out, position);
    }
    out
}

/// What a log record says.
#[derive(Default)]
pub(super) struct Logged {
    pub(super) positions: Vec<(String, Vec<u8>)>,
    pub(super) streams: Vec<Labels>,
    pub(super) names: Vec<String>,
    pub(super) places: Vec<Place>,
}

/// Reads a log record. Rows are walked to their ends, so that [`content`] can read each of them later.
pub(super) fn read(bytes: &[u8]) -> Result<Logged, Corrupt> {
    let mut reader = Reader::new(bytes);
    let mut logged = Logged::default();
    match reader.u8()? {
        POSITIONS => {
            read_positions(reader.rest(), &mut logged)?;
            return Ok(logged);
        }
        RECORDS => {}
        _ => return Err(Corrupt("unknown record")),
    }
    let (rest, rows_end) = bytes.split_last_chunk::<4>().ok_or(Corrupt("ends too early"))?;
    let rows_end = u32::from_le_bytes(*rows_end) as usize;
    let (rows, positions) = rest.split_at_checked(rows_end).ok_or(Corrupt("rows end behind the end"))?;
    read_positions(positions, &mut logged)?;
    reader = Reader::new(rows.get(1..).ok_or(Corrupt("ends too early"))?);
    for _ in 0..reader.count(bytes.len())? {
        let stream = Labels::from_canonical(reader.str()?).ok_or(Corrupt("stream is not canonical"))?;
        logged.streams.push(stream);
    }
    for _ in 0..reader.count(bytes.len())? {
        logged.names.push(reader.str()?.to_owned());
    }
    let mut last = 0i64;
    while !reader.is_empty() {
        last = last.wrapping_add(reader.i64()?);
        let stream = reader.count(logged.streams.len().saturating_sub(1))? as u32;
        if logged.streams.is_empty() {
            return Err(Corrupt("a row without a stream"));
        }
        let at = (rows.len() - reader.rest().len()) as u32;
        let mut fields = content_of(&mut reader)?.fields();
        while let Some((name, ..)) = fields.next()? {
            if name as usize >= logged.names.len() {
                return Err(Corrupt("a field without a name"));
            }
        }
        reader = fields.reader;
        logged.places.push(Place { time_ns: last, stream, at });
    }
    Ok(logged)
}

fn read_positions(bytes: &[u8], to: &mut Logged) -> Result<(), Corrupt> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        to.positions.push((reader.str()?.to_owned(), reader.bytes()?.to_vec()));
    }
    Ok(())
}
