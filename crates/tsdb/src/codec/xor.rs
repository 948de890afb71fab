//! Values that are no short decimals: each XORed with the one before, the differing bits written (after Gorilla,
//! VLDB 2015).

use super::bits::{BitReader, BitWriter};
use super::{Corrupt, Reader};

pub(super) fn encode(values: &[u64], out: &mut Vec<u8>) {
    let mut writer = BitWriter::new(out);
    let (mut last, mut leading, mut length) = (0u64, 64u32, 0u32);
    for value in values {
        let x = value ^ last;
        last = *value;
        if x == 0 {
            writer.put(0, 1);
            continue;
        }
        let (zeros, trailing) = (x.leading_zeros(), x.trailing_zeros());
        let fits = length > 0 && zeros >= leading && trailing >= 64 - leading - length;
        // A window that is much too wide costs more than a new one.
        if fits && length <= 64 - zeros - trailing + 12 {
            writer.put(0b10, 2);
        } else {
            leading = zeros;
            length = 64 - zeros - trailing;
            writer.put(0b11, 2);
            writer.put(u64::from(leading), 6);
            writer.put(u64::from(length - 1), 6);
        }
        writer.put(x >> (64 - leading - length), length);
    }
    writer.finish();
}

pub(super) fn decode(reader: &Reader<'_>, n: usize, out: &mut Vec<f64>) -> Result<(), Corrupt> {
    let mut bits = BitReader::new(reader.rest());
    let (mut last, mut leading, mut length) = (0u64, 0u32, 0u32);
    for _ in 0..n {
        if bits.get(1)? == 1 {
            if bits.get(1)? == 1 {
                leading = bits.get(6)? as u32;
                length = bits.get(6)? as u32 + 1;
            }
            if length == 0 || leading + length > 64 {
                return Err(Corrupt("window of differing bits"));
            }
            last ^= bits.get(length)? << (64 - leading - length);
        }
        out.push(f64::from_bits(last));
    }
    Ok(())
}
