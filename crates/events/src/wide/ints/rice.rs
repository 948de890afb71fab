//! Integers that rise by chance (Rice, 1979): of each difference the low bits as they are, and how often what is above them
//! holds in as many zeros before a one. How many bits are low is decided for each group.

use disk::varint::{Corrupt, Reader};

use super::bits::{self, Writer};

/// Differences that have one number of low bits.
const GROUP: usize = 128;
/// So many zeros say that the difference follows as it is.
const ESCAPE: u32 = 12;
/// The most low bits: these, and the zeros with the one, are read at once.
const MOST_LOW: u32 = bits::MOST - ESCAPE - 1;

/// Appends all integers but the first.
pub(super) fn put(values: &[i64], out: &mut Vec<u8>) {
    let mut last = values.first().copied().unwrap_or_default();
    for group in values.get(1..).unwrap_or_default().chunks(GROUP) {
        let low = low_bits(last, group);
        out.push(low as u8);
        let mut writer = Writer::new(out);
        for value in group {
            let step = value.wrapping_sub(last) as u64;
            last = *value;
            let high = step >> low;
            if high < u64::from(ESCAPE) {
                let zeros = high as u32;
                writer.put((step & ((1 << low) - 1)) << (zeros + 1) | 1 << zeros, zeros + 1 + low);
            } else {
                writer.put(1 << ESCAPE, ESCAPE + 1);
                writer.put(step & 0xffff_ffff, 32);
                writer.put(step >> 32, 32);
            }
        }
        writer.finish();
    }
}

/// As many as what is above them is about one.
fn low_bits(mut last: i64, group: &[i64]) -> u32 {
    let (mut sum, mut count) = (0u64, 0u64);
    for value in group {
        let step = value.wrapping_sub(last) as u64;
        last = *value;
        if step >> (MOST_LOW + 4) == 0 {
            sum += step;
            count += 1;
        }
    }
    // The median of what is by chance is ln 2 of the mean.
    let mean = sum.checked_div(count).unwrap_or(0) as f64;
    ((mean * std::f64::consts::LN_2) as u64).checked_ilog2().unwrap_or(0).min(MOST_LOW)
}

/// Reads `count` integers of which this is the first.
pub(super) fn read(
    reader: &mut Reader<'_>,
    first: i64,
    count: usize,
    out: &mut Vec<i64>,
) -> Result<(), Corrupt> {
    const ENDS: Corrupt = Corrupt("integers end too early");
    out.push(first);
    let (mut last, mut left) = (first, count.saturating_sub(1));
    while left > 0 {
        let low = u32::from(reader.u8()?);
        if low > MOST_LOW {
            return Err(Corrupt("too many low bits"));
        }
        let (bytes, mask, mut at) = (reader.rest(), (1u64 << low) - 1, 0usize);
        for _ in 0..left.min(GROUP) {
            let window = bits::window(bytes, at);
            let zeros = window.trailing_zeros();
            let step = match zeros {
                0..ESCAPE => {
                    at += (zeros + 1 + low) as usize;
                    u64::from(zeros) << low | (window >> (zeros + 1) & mask)
                }
                ESCAPE => {
                    at += ESCAPE as usize + 1 + 64;
                    let half = |from: usize| bits::window(bytes, from) & 0xffff_ffff;
                    half(at - 64) | half(at - 32) << 32
                }
                _ => return Err(ENDS),
            };
            last = last.wrapping_add(step as i64);
            out.push(last);
        }
        if at > bytes.len() * 8 {
            return Err(ENDS);
        }
        reader.take(at.div_ceil(8))?;
        left -= left.min(GROUP);
    }
    Ok(())
}
