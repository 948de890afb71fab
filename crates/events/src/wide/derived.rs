//! Values of fields that need not be kept, because the message says them: what was detected is, in all messages of a
//! template, a part of the message at the same place, a number that stands there, or always the same.

use std::borrow::Cow;

use disk::varint::{Corrupt, Reader, put_bytes, put_i64, put_u64};
use model::records::FieldRef;

use super::columns::Type;

const CONSTANT: u8 = 0;
const PART: u8 = 1;
const NUMBER: u8 = 2;

/// Powers of ten that have no rounding error.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// By which powers of ten a number of the message is divided, at most.
const MOST_UNIT: u8 = 9;
/// Integers that a float holds exactly.
const MOST_MANTISSA: u64 = 1 << 53;

/// How a field follows from the messages of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Spec<'a> {
    /// Always this text.
    Text(Cow<'a, [u8]>),
    /// Always this integer.
    Int(i64),
    /// Always a float with these bits.
    Float(u64),
    /// What lies from one place to another.
    Part(Edge, Edge),
    /// The decimal number with which this variable begins, divided by this power of ten.
    Number(u32, u8),
}

/// A place in a message. The pieces of a message are, in turn, what stands before the first variable (0), the first variable
/// (1), what stands between it and the next (2), and so on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) piece: u32,
    /// Bytes from where the piece begins; for the end of a part, bytes before where it ends.
    pub(super) offset: u32,
}

impl<'a> Spec<'a> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                out.push(CONSTANT);
                put_bytes(out, text);
            }
            Self::Int(int) => {
                out.push(CONSTANT);
                put_i64(out, *int);
            }
            Self::Float(bits) => {
                out.push(CONSTANT);
                out.extend_from_slice(&bits.to_le_bytes());
            }
            Self::Part(start, end) => {
                out.push(PART);
                for edge in [start, end] {
                    put_u64(out, u64::from(edge.piece));
                    put_u64(out, u64::from(edge.offset));
                }
            }
            Self::Number(hole, unit) => {
                out.push(NUMBER);
                put_u64(out, u64::from(*hole));
                out.push(*unit);
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'a>, kind: Type) -> Result<Self, Corrupt> {
        let edge = |reader: &mut Reader<'a>| -> Result<Edge, Corrupt> {
            let piece = reader.count(u32::MAX as usize)? as u32;
            Ok(Edge { piece, offset: reader.count(u32::MAX as usize)? as u32 })
        };
        Ok(match (reader.u8()?, kind) {
            (CONSTANT, Type::Text) => {
                let text = reader.bytes()?;
                std::str::from_utf8(text).map_err(|_| Corrupt("a text is not UTF-8"))?;
                Self::Text(Cow::Borrowed(text))
            }
            (CONSTANT, Type::Int) => Self::Int(reader.i64()?),
            (CONSTANT, Type::Float) => Self::Float(u64::from_le_bytes(reader.array()?)),
            (PART, Type::Text) => Self::Part(edge(reader)?, edge(reader)?),
            (NUMBER, Type::Int | Type::Float) => {
                let hole = reader.count(u32::MAX as usize)? as u32;
                let unit = reader.u8()?;
                if unit > MOST_UNIT {
                    return Err(Corrupt("unknown unit"));
                }
                Self::Number(hole, unit)
            }
            _ => return Err(Corrupt("unknown form of a value")),
        })
    }

    /// The value where it is always the same and no part of the message.
    pub(super) fn constant(&self) -> Option<FieldRef<'_>> {
        match self {
            Self::Text(text) => std::str::from_utf8(text).ok().map(FieldRef::Text),
            Self::Int(int) => Some(FieldRef::Int(*int)),
            Self::Float(bits) => Some(FieldRef::Float(f64::from_bits(*bits))),
            Self::Part(..) | Self::Number(..) => None,
        }
    }

    /// Whether variables are needed to tell the value.
    pub(super) fn needs_variables(&self) -> bool {
        match self {
            Self::Part(start, end) => start.piece != end.piece || start.piece % 2 == 1,
            Self::Number(..) => true,
            _ => false,
        }
    }
}

/// The part of a message from `start` to `end`, as places between its variables (start and length in it).
pub(super) fn part_of(
    len: usize,
    variables: &[(u32, u32)],
    start: usize,
    end: usize,
) -> Option<Spec<'static>> {
    if start >= end || end > len {
        return None;
    }
    let (first, last) = (piece_at(variables, start), piece_at(variables, end - 1));
    let begin = extent(len, variables, first)?.0;
    let close = extent(len, variables, last)?.1;
    Some(Spec::Part(
        Edge { piece: first, offset: (start - begin) as u32 },
        Edge { piece: last, offset: (close - end) as u32 },
    ))
}

/// The piece that has the byte at `at`.
fn piece_at(variables: &[(u32, u32)], at: usize) -> u32 {
    let before = variables.partition_point(|(start, _)| *start as usize <= at);
    match before.checked_sub(1) {
        Some(last) if at < (variables[last].0 + variables[last].1) as usize => 2 * last as u32 + 1,
        _ => 2 * before as u32,
    }
}

/// Where a piece lies.
fn extent(len: usize, variables: &[(u32, u32)], piece: u32) -> Option<(usize, usize)> {
    let hole = piece as usize / 2;
    let end_of = |(start, len): &(u32, u32)| (start + len) as usize;
    if piece % 2 == 1 {
        let variable = variables.get(hole)?;
        return Some((variable.0 as usize, end_of(variable)));
    }
    let start = match hole.checked_sub(1) {
        Some(before) => end_of(variables.get(before)?),
        None => 0,
    };
    Some((start, variables.get(hole).map_or(len, |v| v.0 as usize)))
}

/// Where a part lies in a message.
pub(super) fn place(start: Edge, end: Edge, len: usize, variables: &[(u32, u32)]) -> Option<(usize, usize)> {
    let from = extent(len, variables, start.piece)?.0 + start.offset as usize;
    let to = extent(len, variables, end.piece)?.1.checked_sub(end.offset as usize)?;
    (from < to).then_some((from, to))
}

/// The digits that a text begins with, the digits behind a point, and how many the latter are.
fn decimal(text: &[u8]) -> Option<(u64, usize)> {
    let digits = |from: &[u8]| from.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(text);
    let point = whole > 0 && text.get(whole) == Some(&b'.');
    let fraction = if point { digits(&text[whole + 1..]) } else { 0 };
    if whole == 0 || whole + fraction > 18 {
        return None;
    }
    let add = |number: u64, byte: &u8| number * 10 + u64::from(byte - b'0');
    let number = text[..whole].iter().fold(0, add);
    let number = if fraction > 0 { text[whole + 1..][..fraction].iter().fold(number, add) } else { number };
    Some((number, fraction))
}

/// The integer with which a text begins.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let whole = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, _) = decimal(&text[..whole])?;
    i64::try_from(number).ok()
}

/// The bits of the decimal number with which a text begins, divided by a power of ten.
pub(super) fn float(text: &[u8], unit: u8) -> Option<u64> {
    let (number, fraction) = decimal(text)?;
    if number >= MOST_MANTISSA {
        return None;
    }
    let value = number as f64 / POWERS.get(fraction)?;
    Some((value / POWERS.get(usize::from(unit))?).to_bits())
}

/// Units in which programs write durations.
pub(super) const UNITS: [u8; 4] = [0, 3, 6, 9];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_where_variables_say() {
        let text = "took 345ms at /api/v1/x";
        let variables = [(5u32, 5u32), (19, 2)];
        for (part, again, want) in [
            ("345", [(5, 4), (18, 2)], "took 99ms at /api/v7/x"),
            ("/api/v1/x", [(5, 7), (21, 3)], "took 12345ms at /api/v99/x"),
            ("at", [(5, 5), (19, 2)], "took 345ms at /api/v1/x"),
        ] {
            let start = text.find(part).unwrap();
            let Some(Spec::Part(a, b)) = part_of(text.len(), &variables, start, start + part.len()) else {
                panic!("{part}")
            };
            assert_eq!(place(a, b, text.len(), &variables), Some((start, start + part.len())));
            let (from, to) = place(a, b, want.len(), &again).unwrap();
            let shown = &want[from..to];
            assert!(matches!(shown, "99" | "/api/v99/x" | "at"), "{shown}");
        }
        assert_eq!(part_of(3, &[], 2, 2), None);
        assert_eq!(part_of(3, &[], 2, 4), None);
    }

    #[test]
    fn numbers_are_read_as_everywhere() {
        assert_eq!(float(b"12.345ms", 3), Some((12.345f64 / 1e3).to_bits()));
        assert_eq!(float(b"7", 0), Some(7f64.to_bits()));
        assert_eq!(float(b"0.1.2", 0), Some(0.1f64.to_bits()));
        assert_eq!(float(b"9007199254740993", 0), None);
        assert_eq!((float(b"x", 0), integer(b""), integer(b"-1")), (None, None, None));
        assert_eq!((integer(b"200x"), integer(b"12.5")), (Some(200), Some(12)));
        assert_eq!(integer(b"1234567890123456789"), None);
    }
}
