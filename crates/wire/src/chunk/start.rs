//! Start timestamps, written behind each sample once they are known to change.
//!
//! One byte of the chunk's header tells whether the first sample has one (0x80) and from which sample on each is
//! followed by its own (low seven bits, 0: none). The first is written against its own time, the others against the
//! time of the sample before.

use super::bits::{BitReader, BitWriter, Stop};

/// Last sample from which the starts can begin to be written.
const LAST: usize = 0x7f;

/// State of reading and of writing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Starts {
    first: bool,
    from: usize,
    difference: i64,
    /// Of the last sample, 0: not known.
    pub(super) start: i64,
}

impl Starts {
    /// From the byte of the header.
    pub(super) fn from_header(byte: u8) -> Self {
        Self { first: byte & 0x80 != 0, from: usize::from(byte & 0x7f), ..Self::default() }
    }

    /// The byte of the header.
    pub(super) fn header(self) -> u8 {
        (u8::from(self.first) << 7) | self.from as u8
    }

    /// Reads what follows sample `index` (from 0) at `t`; the one before was at `before`.
    pub(super) fn read(
        &mut self,
        r: &mut BitReader<'_>,
        index: usize,
        t: i64,
        before: i64,
    ) -> Result<(), Stop> {
        if index == 0 {
            if self.first {
                self.start = t.wrapping_sub(r.varint()?);
            }
        } else if self.from > 0 && index >= self.from {
            let written = r.varbit()?;
            self.difference =
                if index == self.from { written } else { self.difference.wrapping_add(written) };
            self.start = before.wrapping_sub(self.difference);
        }
        Ok(())
    }

    /// Writes what follows sample `index`.
    pub(super) fn write(&mut self, w: &mut BitWriter, index: usize, start: i64, t: i64, before: i64) {
        let difference = before.wrapping_sub(start);
        if index == 0 {
            if start != 0 {
                w.varint(t.wrapping_sub(start));
                self.first = true;
            }
        } else if self.from > 0 {
            w.varbit(difference.wrapping_sub(self.difference));
            self.difference = difference;
        } else if start != self.start || index == LAST {
            w.varbit(difference);
            self.difference = difference;
            self.from = index;
        }
        self.start = start;
    }
}
