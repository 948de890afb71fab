//! MessagePack, as far as the forward protocol needs it.

use std::borrow::Cow;

use model::{Error, Result};

use crate::logs::lossy;
use crate::tree::Tree;

/// Levels of arrays and maps.
const DEPTH: usize = 64;

/// What the first byte of a value (and its length behind) says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Head {
    Null,
    Bool(bool),
    Int(i64),
    /// More than 63 bits.
    Large(u64),
    Float(f64),
    Text(usize),
    Bytes(usize),
    /// Type and length.
    Extension(i8, usize),
    Array(usize),
    Map(usize),
}

/// Reads a head: what it is and how long it is itself. `None`: more bytes are needed. 0xc1 is no value.
fn head(bytes: &[u8]) -> Option<Result<(Head, usize), ()>> {
    let first = *bytes.first()?;
    // Big endian, `size` bytes behind the first.
    let number = |size: usize| -> Option<u64> {
        Some(bytes.get(1..1 + size)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    };
    let length = |size: usize| Some((usize::try_from(number(size)?).unwrap_or(usize::MAX), 1 + size));
    let signed = |size: usize| {
        let shift = 64 - 8 * size as u32;
        Some((Head::Int((number(size)? << shift).cast_signed() >> shift), 1 + size))
    };
    let of = |make: fn(usize) -> Head, size: usize| length(size).map(|(len, size)| (make(len), size));
    let extension = |size: usize| {
        let (len, at) = length(size)?;
        Some((Head::Extension((*bytes.get(at)?).cast_signed(), len), at + 1))
    };
    Some(Ok(match first {
        0x00..=0x7f => (Head::Int(i64::from(first)), 1),
        0x80..=0x8f => (Head::Map(usize::from(first & 15)), 1),
        0x90..=0x9f => (Head::Array(usize::from(first & 15)), 1),
        0xa0..=0xbf => (Head::Text(usize::from(first & 31)), 1),
        0xc0 => (Head::Null, 1),
        0xc1 => return Some(Err(())),
        0xc2 | 0xc3 => (Head::Bool(first == 0xc3), 1),
        0xc4 => of(Head::Bytes, 1)?,
        0xc5 => of(Head::Bytes, 2)?,
        0xc6 => of(Head::Bytes, 4)?,
        0xc7 => extension(1)?,
        0xc8 => extension(2)?,
        0xc9 => extension(4)?,
        0xca => (Head::Float(f64::from(f32::from_bits(number(4)? as u32))), 5),
        0xcb => (Head::Float(f64::from_bits(number(8)?)), 9),
        0xcc => (Head::Int(number(1)?.cast_signed()), 2),
        0xcd => (Head::Int(number(2)?.cast_signed()), 3),
        0xce => (Head::Int(number(4)?.cast_signed()), 5),
        0xcf => {
            let number = number(8)?;
            (i64::try_from(number).map_or(Head::Large(number), Head::Int), 9)
        }
        0xd0 => signed(1)?,
        0xd1 => signed(2)?,
        0xd2 => signed(4)?,
        0xd3 => signed(8)?,
        0xd4..=0xd8 => (Head::Extension((*bytes.get(1)?).cast_signed(), 1 << (first - 0xd4)), 2),
        0xd9 => of(Head::Text, 1)?,
        0xda => of(Head::Text, 2)?,
        0xdb => of(Head::Text, 4)?,
        0xdc => of(Head::Array, 2)?,
        0xdd => of(Head::Array, 4)?,
        0xde => of(Head::Map, 2)?,
        0xdf => of(Head::Map, 4)?,
        0xe0..=0xff => (Head::Int(i64::from(first.cast_signed())), 1),
    }))
}

/// Finds where a value ends while its bytes arrive; no byte is looked at twice.
#[derive(Debug, Clone)]
pub struct Scan {
    at: usize,
    /// Values that are still to come.
    left: u64,
}

impl Default for Scan {
    fn default() -> Self {
        Self { at: 0, left: 1 }
    }
}

impl Scan {
    /// The length of the value at the start of `buffer`, which has grown since the last call; `None`: more bytes are
    /// needed.
    ///
    /// # Errors
    /// Kind `Invalid` where a byte begins no value, kind `TooLarge` beyond `most` bytes.
    pub fn end(&mut self, buffer: &[u8], most: usize) -> Result<Option<usize>> {
        while self.left > 0 {
            if self.at > most {
                return Err(Error::too_large(format_args!("a message is larger than {most} bytes")));
            }
            let Some(read) = head(buffer.get(self.at..).unwrap_or_default()) else { return Ok(None) };
            let at = self.at;
            let (head, size) =
                read.map_err(|()| Error::invalid(format_args!("byte {at} of the message begins no value")))?;
            let (payload, inner) = match head {
                Head::Text(n) | Head::Bytes(n) | Head::Extension(_, n) => (n, 0),
                Head::Array(n) => (0, n as u64),
                Head::Map(n) => (0, 2 * n as u64),
                _ => (0, 0),
            };
            self.at = self.at.saturating_add(size).saturating_add(payload);
            self.left = self.left - 1 + inner;
            // A value takes a byte at least.
            if self.left > most as u64 {
                let text = format_args!("a message of {} values is larger than {most} bytes", self.left);
                return Err(Error::too_large(text));
            }
        }
        if self.at > most {
            return Err(Error::too_large(format_args!("a message is larger than {most} bytes")));
        }
        Ok((self.at <= buffer.len()).then_some(self.at))
    }
}

/// Reads values one after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn error(&self, what: &str) -> Error {
        Error::invalid(format_args!("{what} (byte {} of the message)", self.at))
    }

    fn peek(&self) -> Result<(Head, usize)> {
        match head(self.bytes.get(self.at..).unwrap_or_default()) {
            Some(Ok(head)) => Ok(head),
            Some(Err(())) => Err(self.error("a byte begins no value")),
            None => Err(self.error("the message ends early")),
        }
    }

    fn payload(&mut self, head: usize, len: usize) -> Result<&'a [u8]> {
        let start = self.at + head;
        let end = start.checked_add(len).ok_or_else(|| self.error("a length is out of range"))?;
        let found = self.bytes.get(start..end).ok_or_else(|| self.error("the message ends early"))?;
        self.at = end;
        Ok(found)
    }

    /// The number of an array's items, which come next; `None` (and nothing is read) where it is none.
    pub(super) fn array(&mut self) -> Result<Option<usize>> {
        match self.peek()? {
            (Head::Array(n), size) => {
                self.at += size;
                Ok(Some(n))
            }
            _ => Ok(None),
        }
    }

    /// Bytes or a text as bytes; `None` (and nothing is read) where it is neither.
    pub(super) fn bytes(&mut self) -> Result<Option<&'a [u8]>> {
        match self.peek()? {
            (Head::Bytes(n) | Head::Text(n), size) => self.payload(size, n).map(Some),
            _ => Ok(None),
        }
    }

    /// Seconds and nanoseconds of an extension of type 0 with eight bytes.
    pub(super) fn event_time(&mut self) -> Result<Option<(u32, u32)>> {
        match self.peek()? {
            (Head::Extension(0, 8), size) => {
                let bytes = self.payload(size, 8)?;
                let part = |at: usize| bytes[at..at + 4].iter().fold(0, |n, b| n << 8 | u32::from(*b));
                Ok(Some((part(0), part(4))))
            }
            _ => Ok(None),
        }
    }

    /// The next value, whatever it is. Bytes are taken for text.
    pub(super) fn value(&mut self) -> Result<Tree<'a>> {
        self.nested(DEPTH)
    }

    fn nested(&mut self, depth: usize) -> Result<Tree<'a>> {
        let (head, size) = self.peek()?;
        let deeper = depth.checked_sub(1).ok_or_else(|| self.error("values lie too deep in one another"))?;
        match head {
            Head::Text(n) | Head::Bytes(n) => return Ok(Tree::Text(lossy(self.payload(size, n)?))),
            Head::Extension(kind, n) => {
                let bytes = self.payload(size, n)?;
                return Ok(extension(kind, bytes));
            }
            _ => self.at += size,
        }
        Ok(match head {
            Head::Bool(bool) => Tree::Bool(bool),
            Head::Int(int) => Tree::Int(int),
            Head::Large(large) => Tree::Text(large.to_string().into()),
            Head::Float(float) => Tree::Float(float),
            Head::Array(n) => {
                let mut items = Vec::new();
                for _ in 0..n {
                    items.push(self.nested(deeper)?);
                }
                Tree::List(items)
            }
            Head::Map(n) => {
                let mut members = Vec::new();
                for _ in 0..n {
                    let name = match self.nested(deeper)? {
                        Tree::Text(name) => name,
                        other => other.plain().map(|name| Cow::Owned(name.into_owned())).unwrap_or_default(),
                    };
                    members.push((name, self.nested(deeper)?));
                }
                Tree::Map(members)
            }
            _ => Tree::Null,
        })
    }
}

/// An event time as seconds; of what else there may be, its bytes in hexadecimal.
fn extension<'a>(kind: i8, bytes: &[u8]) -> Tree<'a> {
    match (kind, <[u8; 8]>::try_from(bytes)) {
        (0, Ok(both)) => {
            let both = u64::from_be_bytes(both);
            Tree::Float((both >> 32) as f64 + (both & 0xffff_ffff) as f64 / 1e9)
        }
        _ => Tree::Text(hex(bytes).into()),
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(DIGITS[usize::from(n)])).collect()
}

/// The head of a map of at most 15 members.
pub(super) fn put_map(out: &mut Vec<u8>, members: u8) {
    out.push(0x80 | members.min(15));
}

/// The head of an array of at most 15 items.
pub(super) fn put_array(out: &mut Vec<u8>, items: u8) {
    out.push(0x90 | items.min(15));
}

pub(super) fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(0xc2 | u8::from(value));
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(len @ ..32) => out.push(0xa0 | len),
        Ok(len) => out.extend([0xd9, len]),
        Err(_) => {
            out.push(0xdb);
            out.extend((text.len() as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// At most 255 bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.extend([0xc4, len]);
    out.extend_from_slice(&bytes[..usize::from(len)]);
}
