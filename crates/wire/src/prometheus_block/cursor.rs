//! Numbers and strings out of a slice, as Go's `encoding/binary` writes them.

/// The bytes end, or a number does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry ends too early, or holds a number that is too large")]
pub(super) struct Short;

/// Reads forward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Short> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Short> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn be32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn be64(&mut self) -> Result<u64, Short> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn float(&mut self) -> Result<f64, Short> {
        self.be64().map(f64::from_bits)
    }

    pub(super) fn uvarint(&mut self) -> Result<u64, Short> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Short)
    }

    pub(super) fn varint(&mut self) -> Result<i64, Short> {
        let value = self.uvarint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number of things that follow, each of at least `size` bytes.
    pub(super) fn count(&mut self, size: usize) -> Result<usize, Short> {
        let n = usize::try_from(self.uvarint()?).map_err(|_| Short)?;
        if n.checked_mul(size).is_none_or(|bytes| bytes > self.left()) { Err(Short) } else { Ok(n) }
    }

    /// A string behind its length. Bytes that are no UTF-8 are replaced.
    pub(super) fn text(&mut self) -> Result<std::borrow::Cow<'a, str>, Short> {
        let len = self.count(1)?;
        Ok(String::from_utf8_lossy(self.take(len)?))
    }
}
