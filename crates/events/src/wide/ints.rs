//! Many integers in few bytes: one value, distances from the smallest, or distances of the differences from the smallest
//! difference. Bytes of equal significance lie together, which is what a compressor that follows makes most of.

use disk::varint::{Corrupt, Reader, put_i64};

const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const STEPS: u8 = 2;

fn width(range: u64) -> usize {
    (8 - range.leading_zeros() as usize / 8).max(1)
}

fn put_planes(values: impl Iterator<Item = u64> + Clone, width: usize, out: &mut Vec<u8>) {
    for plane in 0..width {
        out.extend(values.clone().map(|v| (v >> (8 * plane)) as u8));
    }
}

/// Appends integers. How many there are is for the caller to keep.
pub(super) fn put(values: &[i64], out: &mut Vec<u8>) {
    let Some(&first) = values.first() else { return };
    let (mut min, mut max) = (first, first);
    let (mut low, mut high) = (i64::MAX, i64::MIN);
    let (mut last, mut last_step, mut alike) = (first, 0, 0usize);
    for value in &values[1..] {
        let step = value.wrapping_sub(last);
        (min, max) = (min.min(*value), max.max(*value));
        (low, high) = (low.min(step), high.max(step));
        alike += usize::from(step == last_step);
        (last, last_step) = (*value, step);
    }
    if min == max {
        out.push(CONSTANT);
        return put_i64(out, first);
    }
    let range = max.wrapping_sub(min) as u64;
    let step_range = high.wrapping_sub(low) as u64;
    // Steps pay where they are shorter, or where most are alike.
    let alike = alike * 2 > values.len();
    if width(step_range) < width(range) || (alike && width(step_range) == width(range)) {
        let steps = values.windows(2).map(|w| w[1].wrapping_sub(w[0]));
        out.push(STEPS | (width(step_range) as u8) << 2);
        put_i64(out, first);
        put_i64(out, low);
        return put_planes(steps.map(|s| s.wrapping_sub(low) as u64), width(step_range), out);
    }
    out.push(PLAIN | (width(range) as u8) << 2);
    put_i64(out, min);
    put_planes(values.iter().map(|v| v.wrapping_sub(min) as u64), width(range), out);
}

/// Reads `count` integers and adds them to `out`.
pub(super) fn read(reader: &mut Reader<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), Corrupt> {
    if count == 0 {
        return Ok(());
    }
    let head = reader.u8()?;
    let width = usize::from(head >> 2);
    match head & 3 {
        CONSTANT => {
            let value = reader.i64()?;
            out.resize(out.len() + count, value);
        }
        kind @ (PLAIN | STEPS) if (1..=8).contains(&width) => {
            let start = out.len();
            let steps = kind == STEPS;
            if steps {
                out.push(reader.i64()?);
            }
            let base = reader.i64()?;
            let rest = count - usize::from(steps);
            let planes = reader.take(width.checked_mul(rest).ok_or(Corrupt("too many integers"))?)?;
            let from = out.len();
            out.resize(from + rest, 0);
            let values = &mut out[from..];
            for (plane, bytes) in planes.chunks_exact(rest.max(1)).enumerate() {
                for (value, byte) in values.iter_mut().zip(bytes) {
                    *value |= (u64::from(*byte) << (8 * plane)) as i64;
                }
            }
            if steps {
                let mut last = out[start];
                for value in &mut out[from..] {
                    last = last.wrapping_add(base).wrapping_add(*value);
                    *value = last;
                }
            } else {
                values.iter_mut().for_each(|v| *v = v.wrapping_add(base));
            }
        }
        _ => return Err(Corrupt("unknown form of integers")),
    }
    Ok(())
}

/// Appends numbers below 2^32.
pub(super) fn put_u32(values: &[u32], out: &mut Vec<u8>) {
    let wide: Vec<i64> = values.iter().map(|v| i64::from(*v)).collect();
    put(&wide, out);
}

/// Reads `count` numbers, each below `most`.
pub(super) fn read_u32(reader: &mut Reader<'_>, count: usize, most: u64) -> Result<Vec<u32>, Corrupt> {
    match reader.rest().first() {
        Some(&ONE_BYTE) if count > 0 => return read_bytes(reader, count, most),
        Some(&TWO_BYTES) if count > 0 => return read_pairs(reader, count, most),
        _ => {}
    }
    let mut wide = Vec::new();
    read(reader, count, &mut wide)?;
    let narrow = |v: i64| u32::try_from(v).ok().filter(|v| u64::from(*v) < most);
    wide.into_iter().map(narrow).collect::<Option<_>>().ok_or(Corrupt("a number is too large"))
}

const ONE_BYTE: u8 = PLAIN | 1 << 2;
const TWO_BYTES: u8 = PLAIN | 2 << 2;
const LARGE: Corrupt = Corrupt("a number is too large");

/// The same where the distances from the smallest are two bytes.
fn read_pairs(reader: &mut Reader<'_>, count: usize, most: u64) -> Result<Vec<u32>, Corrupt> {
    reader.u8()?;
    let base = u32::try_from(reader.i64()?).map_err(|_| LARGE)?;
    let (low, high) = (reader.take(count)?, reader.take(count)?);
    let pairs = low.iter().zip(high);
    let out: Vec<u32> =
        pairs.map(|(low, high)| base.wrapping_add(u32::from(*high) << 8 | u32::from(*low))).collect();
    let largest = out.iter().map(|v| v.wrapping_sub(base)).max().unwrap_or(0);
    if u64::from(base) + u64::from(largest) >= most.min(1 << 32) {
        return Err(LARGE);
    }
    Ok(out)
}

/// The same where the distances from the smallest are bytes.
fn read_bytes(reader: &mut Reader<'_>, count: usize, most: u64) -> Result<Vec<u32>, Corrupt> {
    reader.u8()?;
    let base = u32::try_from(reader.i64()?).map_err(|_| LARGE)?;
    let bytes = reader.take(count)?;
    let last = u64::from(base) + u64::from(bytes.iter().copied().max().unwrap_or(0));
    if last >= most.min(1 << 32) {
        return Err(LARGE);
    }
    Ok(bytes.iter().map(|byte| base + u32::from(*byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back(values: &[i64]) -> (usize, Vec<i64>) {
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        put(values, &mut bytes);
        read(&mut Reader::new(&bytes), values.len(), &mut out).unwrap();
        (bytes.len(), out)
    }

    #[test]
    fn forms_are_as_short_as_they_should_be() {
        assert!(back(&[7; 1000]).0 < 5);
        assert!(back(&(0..1000).map(|n| n * 1_000_000).collect::<Vec<_>>()).0 < 1020);
        assert!(back(&(0..1000).map(|n| n % 200).collect::<Vec<_>>()).0 < 1010);
        assert_eq!(back(&[i64::MIN, i64::MAX, 0]).1, [i64::MIN, i64::MAX, 0]);
    }

    proptest! {
        #[test]
        fn integers_come_back(values in prop::collection::vec(prop_oneof![any::<i64>(), -300i64..300], 0..200)) {
            prop_assert_eq!(back(&values).1, values);
        }

        #[test]
        fn small_numbers_come_back(base in 0u32..u32::MAX - 70_000, values in prop::collection::vec(0u32..70_000, 1..50), small in any::<bool>()) {
            let values: Vec<u32> = values.iter().map(|v| base + if small { v % 256 } else { *v }).collect();
            let mut bytes = Vec::new();
            put_u32(&values, &mut bytes);
            let largest = u64::from(*values.iter().max().unwrap());
            prop_assert_eq!(read_u32(&mut Reader::new(&bytes), values.len(), largest + 1).unwrap(), values.clone());
            prop_assert!(read_u32(&mut Reader::new(&bytes), values.len(), largest).is_err());
        }

        #[test]
        fn foreign_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0usize..100) {
            let _ = read(&mut Reader::new(&bytes), count, &mut Vec::new());
        }
    }
}
