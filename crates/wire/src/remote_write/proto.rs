//! The protobuf wire format: varints, tags, length-delimited fields.

use super::Error;

/// A field's content.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2, with its offset in the body.
    Bytes(Message<'a>),
    /// Wire type 5.
    Fixed32,
}

/// A (sub)message: its bytes and where they start in the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Message<'a> {
    pub(crate) const fn error(&self, message: &'static str) -> Error {
        Error::Protobuf { at: self.at, message }
    }

    fn advance(&mut self, n: usize) {
        self.bytes = self.bytes.get(n..).unwrap_or_default();
        self.at += n;
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Error> {
        // Tags and most lengths have one byte.
        match self.bytes.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.bytes = rest;
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for (i, byte) in self.bytes.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.advance(i + 1);
                return Ok(value);
            }
        }
        Err(self.error(if self.bytes.len() < 10 {
            "truncated varint"
        } else {
            "varint of more than 10 bytes"
        }))
    }

    /// The next message of a stream, each of which comes after its length.
    pub(crate) fn delimited(&mut self) -> Result<Self, Error> {
        let len = self.varint()?;
        let len = usize::try_from(len).map_err(|_| self.error("length out of range"))?;
        let bytes = self.bytes.get(..len).ok_or(self.error("a message is longer than its body"))?;
        let at = self.at;
        self.advance(len);
        Ok(Message { bytes, at })
    }

    /// The next field: number and content. `None` at the end.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, Error> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| self.error("field number out of range"))?;
        if number == 0 {
            return Err(self.error("field number 0"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                let bytes = self.bytes.first_chunk::<8>().ok_or(self.error("truncated 64-bit field"))?;
                let value = u64::from_le_bytes(*bytes);
                self.advance(8);
                Value::Fixed64(value)
            }
            2 => {
                let len = self.varint()?;
                let len = usize::try_from(len).map_err(|_| self.error("length out of range"))?;
                let bytes = self.bytes.get(..len).ok_or(self.error("a field is longer than its message"))?;
                let at = self.at;
                self.advance(len);
                Value::Bytes(Message { bytes, at })
            }
            5 => {
                if self.bytes.len() < 4 {
                    return Err(self.error("truncated 32-bit field"));
                }
                self.advance(4);
                Value::Fixed32
            }
            _ => return Err(self.error("unknown wire type")),
        };
        Ok(Some((number, value)))
    }
}

/// Appends a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length-delimited field.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a varint field unless it has the default value.
pub(crate) fn put_int(out: &mut Vec<u8>, number: u32, value: i64) {
    if value != 0 {
        put_varint(out, u64::from(number) << 3);
        put_varint(out, value as u64);
    }
}

/// Appends a double field unless it has the default value (`-0` has not).
pub(crate) fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    if value.to_bits() != 0 {
        put_varint(out, u64::from(number) << 3 | 1);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}
