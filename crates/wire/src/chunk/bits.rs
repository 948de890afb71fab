//! Bits, most significant first, and the variable-length numbers made of them.

/// What stops a reader, before it is known in which sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end.
    End,
    /// They are not what the encoding allows.
    Malformed(&'static str),
    /// Decoded, they would be too much.
    TooLarge,
}

impl Stop {
    /// The error, with the place.
    pub(super) fn at(self, sample: usize, samples: usize) -> super::Error {
        match self {
            Self::End => super::Error::Truncated { sample, samples },
            Self::Malformed(message) => super::Error::Malformed { sample, message },
            Self::TooLarge => super::Error::TooLarge,
        }
    }
}

/// Reads bits from a slice.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits that are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `n` bits, at most 64.
    #[inline]
    pub(super) fn bits(&mut self, n: u32) -> Result<u64, Stop> {
        if n == 0 {
            return Ok(0);
        }
        if self.left() < n as usize {
            return Err(Stop::End);
        }
        let (index, skip) = (self.at / 8, (self.at % 8) as u32);
        let rest = self.bytes.get(index..).unwrap_or_default();
        let word = match rest.first_chunk::<8>() {
            Some(eight) => u64::from_be_bytes(*eight),
            None => {
                let mut eight = [0u8; 8];
                for (to, from) in eight.iter_mut().zip(rest) {
                    *to = *from;
                }
                u64::from_be_bytes(eight)
            }
        };
        let mut value = (word << skip) >> (64 - n);
        if n > 64 - skip {
            let more = n - (64 - skip);
            let ninth = rest.get(8).copied().unwrap_or(0);
            value |= u64::from(ninth >> (8 - more));
        }
        self.at += n as usize;
        Ok(value)
    }

    /// The next bit.
    #[inline]
    pub(super) fn bit(&mut self) -> Result<bool, Stop> {
        let byte = self.bytes.get(self.at / 8).ok_or(Stop::End)?;
        let bit = byte & (0x80 >> (self.at % 8)) != 0;
        self.at += 1;
        Ok(bit)
    }

    /// How many ones come before a zero, which is taken too; at `most` ones no zero follows.
    #[inline]
    pub(super) fn ones(&mut self, most: u32) -> Result<u32, Stop> {
        for n in 0..most {
            if !self.bit()? {
                return Ok(n);
            }
        }
        Ok(most)
    }

    /// A number of `n` bits whose range is `-(2^(n-1) - 1) ..= 2^(n-1)`.
    pub(super) fn signed(&mut self, n: u32) -> Result<i64, Stop> {
        let value = self.bits(n)?;
        Ok(if n < 64 && value > 1 << (n - 1) { value.wrapping_sub(1 << n) } else { value } as i64)
    }

    /// LEB128, as Go's `Uvarint`.
    pub(super) fn uvarint(&mut self) -> Result<u64, Stop> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.bits(8)?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Stop::Malformed("a varint overflows 64 bits"))
    }

    /// Zigzag LEB128, as Go's `Varint`.
    pub(super) fn varint(&mut self) -> Result<i64, Stop> {
        let value = self.uvarint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A signed number behind a prefix that tells its width.
    pub(super) fn varbit(&mut self) -> Result<i64, Stop> {
        match WIDTHS.get(self.ones(8)? as usize) {
            None | Some(0) => Ok(0),
            Some(&n) => self.signed(n),
        }
    }

    /// An unsigned number behind a prefix that tells its width.
    pub(super) fn varbit_unsigned(&mut self) -> Result<u64, Stop> {
        match WIDTHS.get(self.ones(8)? as usize) {
            None | Some(0) => Ok(0),
            Some(&n) => self.bits(n),
        }
    }
}

/// Width of the number behind so many ones.
const WIDTHS: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];

/// Whether `x` can be written with [`BitReader::signed`]'s `n` bits.
pub(super) fn fits(x: i64, n: u32) -> bool {
    n >= 64 || (-((1i64 << (n - 1)) - 1)..=1i64 << (n - 1)).contains(&x)
}

/// Writes bits to a vector.
#[derive(Debug, Clone, Default)]
pub(super) struct BitWriter {
    pub(super) bytes: Vec<u8>,
    /// Bits that are free in the last byte.
    free: u32,
}

impl BitWriter {
    /// Begins behind a header of whole bytes.
    pub(super) fn after(header: &[u8]) -> Self {
        Self { bytes: header.to_vec(), free: 0 }
    }

    /// The low `n` bits of `value`.
    pub(super) fn bits(&mut self, value: u64, mut n: u32) {
        while n > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = self.free.min(n);
            let part = (value >> (n - take)) as u8 & (0xff >> (8 - take));
            if let Some(last) = self.bytes.last_mut() {
                *last |= part << (self.free - take);
            }
            self.free -= take;
            n -= take;
        }
    }

    /// `n` ones and a zero.
    pub(super) fn ones(&mut self, n: u32) {
        self.bits((1 << (n + 1)) - 2, n + 1);
    }

    pub(super) fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.bits(value, 8);
    }

    pub(super) fn varint(&mut self, value: i64) {
        self.uvarint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(super) fn varbit(&mut self, value: i64) {
        let fit = WIDTHS.iter().position(|&n| if n == 0 { value == 0 } else { fits(value, n) });
        self.prefixed(fit, value as u64);
    }

    pub(super) fn varbit_unsigned(&mut self, value: u64) {
        let fit = WIDTHS.iter().position(|&n| 64 - value.leading_zeros() <= n);
        self.prefixed(fit, value);
    }

    fn prefixed(&mut self, class: Option<usize>, value: u64) {
        let class = class.unwrap_or(WIDTHS.len() - 1); // the last class takes every number
        if class == WIDTHS.len() - 1 {
            self.bits(0xff, 8);
        } else {
            self.ones(class as u32);
        }
        self.bits(value, WIDTHS.get(class).copied().unwrap_or(64));
    }
}

/// A float written as what changed since the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Xor {
    /// The bits of the last value.
    pub(super) bits: u64,
    window: Option<Window>,
}

/// Which bits of a difference are written.
#[derive(Debug, Clone, Copy)]
struct Window {
    leading: u32,
    trailing: u32,
}

impl Xor {
    pub(super) const fn new(bits: u64) -> Self {
        Self { bits, window: None }
    }

    pub(super) fn value(self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Reads the next value.
    #[inline]
    pub(super) fn read(&mut self, r: &mut BitReader<'_>) -> Result<(), Stop> {
        if !r.bit()? {
            return Ok(());
        }
        self.read_changed(r)
    }

    /// Reads a value that is known to differ: one bit tells whether the window is new.
    pub(super) fn read_changed(&mut self, r: &mut BitReader<'_>) -> Result<(), Stop> {
        if r.bit()? { self.read_window(r) } else { self.read_kept(r) }
    }

    /// Reads a difference in the window of the last one.
    pub(super) fn read_kept(&mut self, r: &mut BitReader<'_>) -> Result<(), Stop> {
        let Window { leading, trailing } = self.window.unwrap_or(Window { leading: 0, trailing: 0 });
        self.bits ^= r.bits(64 - leading - trailing)? << trailing;
        Ok(())
    }

    /// Reads a new window and a difference in it.
    pub(super) fn read_window(&mut self, r: &mut BitReader<'_>) -> Result<(), Stop> {
        let leading = r.bits(5)? as u32;
        let significant = match r.bits(6)? as u32 {
            0 => 64,
            n => n,
        };
        let trailing = 64u32
            .checked_sub(leading + significant)
            .ok_or(Stop::Malformed("a value has more than 64 bits"))?;
        self.window = Some(Window { leading, trailing });
        self.bits ^= r.bits(significant)? << trailing;
        Ok(())
    }

    /// Writes the next value.
    pub(super) fn write(&mut self, w: &mut BitWriter, value: f64) {
        if self.difference(value) == 0 {
            w.bits(0, 1);
        } else {
            w.bits(1, 1);
            self.write_changed(w, value, 1);
        }
    }

    /// Writes a value that differs. A new window is announced by `1`, or where `prefix` is 2 by `10`.
    pub(super) fn write_changed(&mut self, w: &mut BitWriter, value: f64, prefix: u32) {
        let difference = self.difference(value);
        self.bits = value.to_bits();
        let leading = difference.leading_zeros().min(31);
        let trailing = difference.trailing_zeros();
        match self.window {
            Some(kept) if leading >= kept.leading && trailing >= kept.trailing => {
                w.bits(0, 1);
                w.bits(difference >> kept.trailing, 64 - kept.leading - kept.trailing);
            }
            _ => {
                w.bits(prefix.into(), prefix);
                self.window = Some(Window { leading, trailing });
                let significant = 64 - leading - trailing;
                w.bits(u64::from(leading), 5);
                w.bits(u64::from(significant), 6); // 64 is written as 0: there is always a bit that differs
                w.bits(difference >> trailing, significant);
            }
        }
    }

    /// The bits in which `value` differs.
    pub(super) fn difference(&self, value: f64) -> u64 {
        value.to_bits() ^ self.bits
    }
}
