//! Bit packing, and a bit stream for the XOR codec.

use super::Corrupt;

/// Packs the low `width` bits (0 to 64) of each value, least bit first.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let (mut acc, mut filled) = (0u128, 0u32);
    for value in values {
        acc |= u128::from(value & mask) << filled;
        filled += width;
        while filled >= 64 {
            out.extend_from_slice(&(acc as u64).to_le_bytes());
            acc >>= 64;
            filled -= 64;
        }
    }
    let tail = filled.div_ceil(8) as usize;
    out.extend_from_slice(&acc.to_le_bytes()[..tail]);
}

/// Bytes that `n` values of `width` bits take.
pub(super) fn packed_len(n: usize, width: u32) -> usize {
    (n * width as usize).div_ceil(8)
}

/// Unpacks as many values as `out` holds. `bytes` has exactly [`packed_len`] bytes.
#[inline]
pub(super) fn unpack(bytes: &[u8], width: u32, out: &mut [i64]) {
    if width == 0 {
        out.fill(0);
        return;
    }
    if width > 56 {
        return unpack_wide(bytes, width, out);
    }
    let done = unpack_groups(bytes, width, out);
    let (bytes, out) = (bytes.get(done / 8 * width as usize..).unwrap_or_default(), &mut out[done..]);
    let mask = (1 << width) - 1;
    let width = width as usize;
    // One unaligned load covers a value: at most 7 bits of shift and 56 of value. The last values, whose loads would
    // reach beyond the end, come from a copy with room behind it.
    let whole = (bytes.len().saturating_sub(7) * 8).div_ceil(width).min(out.len());
    let (front, back) = out.split_at_mut(whole);
    let mut bit = 0usize;
    for value in front {
        let at = bit / 8;
        let word = match bytes.get(at..).and_then(|b| b.first_chunk::<8>()) {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => partial_word(bytes.get(at..).unwrap_or_default()),
        };
        *value = ((word >> (bit % 8)) & mask) as i64;
        bit += width;
    }
    if back.is_empty() {
        return;
    }
    let mut tail = [0u8; 24];
    let from = bit / 8;
    let rest = bytes.get(from..).unwrap_or_default();
    let kept = rest.len().min(16);
    tail[..kept].copy_from_slice(&rest[..kept]);
    bit -= from * 8;
    for value in back {
        let at = bit / 8;
        let word =
            tail.get(at..).and_then(|b| b.first_chunk::<8>()).map_or(0, |chunk| u64::from_le_bytes(*chunk));
        *value = ((word >> (bit % 8)) & mask) as i64;
        bit += width;
    }
}

/// Unpacks groups of eight values, which take `width` bytes each, as long as a load may reach beyond the group; says
/// how many values that were. Every width has a loop of its own, in which all places are constants.
#[inline]
fn unpack_groups(bytes: &[u8], width: u32, out: &mut [i64]) -> usize {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => groups_of::<$width>(bytes, out),)*
                _ => 0,
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
}

fn groups_of<const WIDTH: usize>(bytes: &[u8], out: &mut [i64]) -> usize {
    let mask = (1u64 << WIDTH) - 1;
    let mut done = 0;
    for (group, values) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let Some(bytes) = bytes.get(group * WIDTH..group * WIDTH + WIDTH + 8) else { break };
        for (n, value) in values.iter_mut().enumerate() {
            let at = n * WIDTH / 8;
            let word = bytes[at..].first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
            *value = ((word >> (n * WIDTH % 8)) & mask) as i64;
        }
        done += 8;
    }
    done
}

fn unpack_wide(bytes: &[u8], width: u32, out: &mut [i64]) {
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let (mut acc, mut filled, mut rest) = (0u128, 0u32, bytes);
    for value in out {
        while filled < width {
            let (first, tail) = rest.split_first().map_or((0, rest), |(b, tail)| (*b, tail));
            acc |= u128::from(first) << filled;
            filled += 8;
            rest = tail;
        }
        *value = (acc as u64 & mask) as i64;
        acc >>= width;
        filled -= width;
    }
}

fn partial_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, b| (word << 8) | u64::from(*b))
}

/// Appends bits, most significant first.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    acc: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, acc: 0, filled: 0 }
    }

    /// Appends the low `n` bits of `value`.
    pub(super) fn put(&mut self, value: u64, n: u32) {
        if n > 32 {
            self.put_short(value >> 32, n - 32);
            self.put_short(value & 0xffff_ffff, 32);
        } else {
            self.put_short(value, n);
        }
    }

    fn put_short(&mut self, value: u64, n: u32) {
        // At most 7 bits wait, so 39 are needed.
        self.acc = (self.acc << n) | (value & ((1 << n) - 1));
        self.filled += n;
        while self.filled >= 8 {
            self.filled -= 8;
            self.out.push((self.acc >> self.filled) as u8);
        }
        self.acc &= (1 << self.filled) - 1;
    }

    pub(super) fn finish(self) {
        if self.filled > 0 {
            self.out.push((self.acc << (8 - self.filled)) as u8);
        }
    }
}

/// Reads bits, most significant first.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    acc: u64,
    filled: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, acc: 0, filled: 0 }
    }

    pub(super) fn get(&mut self, n: u32) -> Result<u64, Corrupt> {
        if n > 32 {
            let high = self.get_short(n - 32)?;
            return Ok((high << 32) | self.get_short(32)?);
        }
        self.get_short(n)
    }

    fn get_short(&mut self, n: u32) -> Result<u64, Corrupt> {
        while self.filled < n {
            let (first, rest) = self.bytes.split_first().ok_or(Corrupt("bit stream ends too early"))?;
            self.acc = (self.acc << 8) | u64::from(*first);
            self.filled += 8;
            self.bytes = rest;
        }
        self.filled -= n;
        let value = (self.acc >> self.filled) & ((1 << n) - 1);
        self.acc &= (1 << self.filled) - 1;
        Ok(value)
    }
}
