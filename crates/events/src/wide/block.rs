//! A block: rows of one day, sorted by stream and time, in columns. docs/formats/records.md draws the bytes.

mod count;
mod messages;
mod patterned;
mod read;
mod tally;
mod told;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use disk::varint::{Corrupt, Reader, put_bytes, put_i64, put_u64};
use model::records::Origin;

use super::columns::Type;

pub(super) use count::{Codes, combined, count};
pub(super) use messages::Parts;
pub(super) use patterned::{Counted, patterned};
pub(super) use read::{Asked, Bytes, filter, matching, messages, open};
pub(super) use told::{Keys, Numbered};
pub(super) use write::{Builder, Finished};

/// Bytes of messages after which a block is closed.
pub(super) const FULL_BYTES: usize = 12 << 20;
/// Bytes of messages, and of texts of fields that stand in no message, after which it is.
const FULL_TEXT: usize = 16 << 20;
/// Rows after which it is.
pub(super) const FULL_ROWS: usize = 1 << 16;
/// Values of fields after which it is.
const FULL_VALUES: usize = 1 << 20;
/// The most rows that are read: a block that is full has one more.
const MOST_ROWS: usize = 1 << 17;
/// No column takes more when it is read.
const MOST_RAW: usize = 64 << 20;
/// Columns of fields; what goes beyond lies in one column together.
const MOST_COLUMNS: usize = 512;
/// The most values of a field that are counted when a block is written.
const MOST_TALLIED: usize = 128;
/// The most templates; messages of further ones are kept as they are.
const MOST_TEMPLATES: usize = 1 << 15;

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Times,
    /// Templates, and how many rows have each. In blocks of before they also say the one of each row.
    Templates,
    /// The template of each row.
    Ids,
    /// Variables of messages that are numbers.
    Numbers,
    /// Other variables, and messages without a template.
    Letters,
    /// A field.
    Field(Arc<str>, Origin, Type),
    /// Fields beyond the most columns.
    Rest,
    /// Messages without a template. In blocks of before they lie behind the variables.
    Whole,
    /// Which rare words there are.
    Filter,
    /// How many rows of each run have each value of fields that have few.
    Tallies,
    /// Which words there are in messages that are no variables.
    Words,
    /// Variables of messages that are numbers, of many small columns together.
    Pools,
    /// Variables of messages that are hexadecimal digits.
    Digits,
    /// The same in blocks of before, which are searched as if they had none.
    OldFilter,
}

/// A column of fields that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FieldKind {
    Column(Arc<str>, Origin, Type),
    /// One of which templates tell some values.
    Derived(Arc<str>, Origin, Type),
    /// Fields beyond the most columns, together.
    Rest,
}

/// Where a column lies.
#[derive(Debug, Clone, PartialEq)]
struct Section {
    kind: Kind,
    /// Whether templates tell some of its values.
    derived: bool,
    /// From the first byte after the head.
    offset: u32,
    len: u32,
    /// Its length once decompressed; the same as `len` where it is not compressed.
    raw_len: u32,
    crc: u32,
}

/// The rows of a stream in a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    /// Number of the stream in the part.
    pub(super) stream: u32,
    pub(super) rows: u32,
    pub(super) min_t: i64,
    pub(super) max_t: i64,
    /// Bytes of messages and fields.
    pub(super) bytes: u64,
}

/// What begins a block.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Head {
    pub(super) runs: Vec<Run>,
    sections: Vec<Section>,
}

impl Head {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.runs.len() as u64);
        for run in &self.runs {
            put_u64(&mut out, u64::from(run.stream));
            put_u64(&mut out, u64::from(run.rows));
            put_i64(&mut out, run.min_t);
            put_u64(&mut out, run.max_t.wrapping_sub(run.min_t) as u64);
            put_u64(&mut out, run.bytes);
        }
        put_u64(&mut out, self.sections.len() as u64);
        for section in &self.sections {
            match &section.kind {
                Kind::Times => out.push(0),
                Kind::Templates => out.push(1),
                Kind::Numbers => out.push(2),
                Kind::Letters => out.push(3),
                Kind::Rest => out.push(4),
                Kind::Whole => out.push(5),
                Kind::OldFilter => out.push(6),
                Kind::Ids => out.push(7),
                Kind::Tallies => out.push(24),
                Kind::Words => out.push(25),
                Kind::Filter => out.push(26),
                Kind::Pools => out.push(27),
                Kind::Digits => out.push(28),
                Kind::Field(name, origin, kind) => {
                    let form = if section.derived { 16 } else { 8 };
                    out.push(form | *kind as u8 | u8::from(*origin == Origin::Detected) << 2);
                    put_bytes(&mut out, name.as_bytes());
                }
            }
            put_u64(&mut out, u64::from(section.len));
            put_u64(&mut out, u64::from(section.raw_len));
            out.extend_from_slice(&section.crc.to_le_bytes());
        }
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes);
        let mut head = Self::default();
        let mut rows = 0usize;
        for _ in 0..reader.count(bytes.len())? {
            let stream = reader.count(u32::MAX as usize)? as u32;
            let run_rows = reader.count(MOST_ROWS)?;
            let min_t = reader.i64()?;
            let max_t = min_t.wrapping_add(reader.u64()? as i64);
            head.runs.push(Run { stream, rows: run_rows as u32, min_t, max_t, bytes: reader.u64()? });
            rows += run_rows;
            if rows > MOST_ROWS {
                return Err(Corrupt("too many rows"));
            }
        }
        let mut offset = 0u32;
        for _ in 0..reader.count(bytes.len())? {
            let form = reader.u8()?;
            let kind = match form {
                0 => Kind::Times,
                1 => Kind::Templates,
                2 => Kind::Numbers,
                3 => Kind::Letters,
                4 => Kind::Rest,
                5 => Kind::Whole,
                6 => Kind::OldFilter,
                7 => Kind::Ids,
                24 => Kind::Tallies,
                25 => Kind::Words,
                26 => Kind::Filter,
                27 => Kind::Pools,
                28 => Kind::Digits,
                field @ 8..24 => {
                    let origin = if field & 4 == 0 { Origin::Sent } else { Origin::Detected };
                    let kind = [Type::Text, Type::Int, Type::Float, Type::Bool][usize::from(field & 3)];
                    Kind::Field(Arc::from(reader.str()?), origin, kind)
                }
                _ => return Err(Corrupt("unknown column")),
            };
            let len = reader.count(MOST_RAW)? as u32;
            let raw_len = reader.count(MOST_RAW)? as u32;
            let crc = u32::from_le_bytes(reader.array()?);
            head.sections.push(Section { kind, derived: form >= 16, offset, len, raw_len, crc });
            offset = offset.checked_add(len).ok_or(Corrupt("a block is too long"))?;
        }
        if !reader.is_empty() {
            return Err(Corrupt("a head is longer than what it says"));
        }
        Ok(head)
    }

    pub(super) fn rows(&self) -> usize {
        self.runs.iter().map(|r| r.rows as usize).sum()
    }

    /// Runs with the rows that each has.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (&Run, std::ops::Range<usize>)> {
        let mut first = 0;
        self.runs.iter().map(move |run| {
            first += run.rows as usize;
            (run, first - run.rows as usize..first)
        })
    }

    /// Fields that have a column, by name and origin; `false`: there are others.
    pub(super) fn field_names(&self) -> (Vec<(&Arc<str>, Origin)>, bool) {
        let names = self.sections.iter().filter_map(|section| match &section.kind {
            Kind::Field(name, origin, _) => Some((name, *origin)),
            _ => None,
        });
        (names.collect(), self.section(&Kind::Rest).is_none())
    }

    /// What each column holds, its bytes before compression, and those on disk.
    pub(super) fn columns(&self) -> impl Iterator<Item = (String, u32, u32)> + '_ {
        self.sections.iter().map(|section| {
            let told = if section.derived { ", told in part" } else { "" };
            let name = match &section.kind {
                Kind::Field(name, origin, kind) => format!("field {name} ({kind:?}, {origin:?}{told})"),
                kind => format!("{kind:?}"),
            };
            (name, section.raw_len, section.len)
        })
    }

    fn section(&self, kind: &Kind) -> Option<&Section> {
        self.sections.iter().find(|s| s.kind == *kind)
    }
}
