//! Numbers of some bits each, one behind another, the least significant bit first.

use std::ops::Range;

/// At most so many bits can be read wherever they begin.
pub(super) const MOST: u32 = 57;

/// The 57 and more bits from a bit on; there are zeros behind the end.
#[inline]
pub(super) fn window(bytes: &[u8], bit: usize) -> u64 {
    let from = bit / 8;
    let eight = match bytes.get(from..from + 8) {
        Some(eight) => eight.try_into().unwrap_or_default(),
        None => {
            let (mut eight, rest) = ([0; 8], bytes.get(from..).unwrap_or_default());
            eight[..rest.len()].copy_from_slice(rest);
            eight
        }
    };
    u64::from_le_bytes(eight) >> (bit % 8)
}

/// Takes bits.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    left: u64,
    /// Fewer than eight.
    bits: u32,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, left: 0, bits: 0 }
    }

    /// Appends a number of so many bits, at most [`MOST`].
    #[inline]
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        self.left |= value << self.bits;
        self.bits += bits;
        let whole = self.bits / 8;
        self.out.extend_from_slice(&self.left.to_le_bytes()[..whole as usize]);
        self.left = self.left.checked_shr(whole * 8).unwrap_or(0);
        self.bits %= 8;
    }

    /// Fills the last byte with zeros.
    pub(super) fn finish(self) {
        if self.bits > 0 {
            self.out.push(self.left as u8);
        }
    }
}

/// Appends numbers of at most [`MOST`] bits each.
pub(super) fn put(values: impl Iterator<Item = u64>, bits: u32, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    values.for_each(|value| writer.put(value, bits));
    writer.finish();
}

/// The bytes that so many numbers take.
pub(super) fn len(count: usize, bits: u32) -> Option<usize> {
    Some(count.checked_mul(bits as usize)?.div_ceil(8))
}

/// Reads numbers of at most [`MOST`] bits each, from one on and until another.
pub(super) fn read(bytes: &[u8], bits: u32, place: Range<usize>) -> impl Iterator<Item = u64> + '_ {
    let mask = (1u64 << bits) - 1;
    place.map(move |at| window(bytes, at * bits as usize) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(bits in 1..=MOST, seeds in prop::collection::vec(any::<u64>(), 0..50)) {
            let values: Vec<u64> = seeds.iter().map(|s| s >> (64 - bits)).collect();
            let mut out = Vec::new();
            put(values.iter().copied(), bits, &mut out);
            prop_assert_eq!(Some(out.len()), len(values.len(), bits));
            prop_assert_eq!(read(&out, bits, 0..values.len()).collect::<Vec<_>>(), values);
        }
    }
}
