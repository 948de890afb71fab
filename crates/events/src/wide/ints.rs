//! Many integers in few bytes: one value, distances from the smallest, or distances of the differences from the smallest
//! difference. Bytes of equal significance lie together, which is what a compressor that follows makes most of; of distances
//! that take no whole number of bytes only the eight highest bits do, and the others are bits one behind another. Times have a
//! form of their own ([`rice`]).

mod bits;
mod rice;

use std::ops::Range;

use disk::varint::{Corrupt, Reader, put_i64};

const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const STEPS: u8 = 2;
/// The eight highest bits of each, then the lower ones; without a width: as [`rice`] does.
const BITS: u8 = 3;

/// Fewer integers lie in whole bytes.
const WORTH_BITS: usize = 16;

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
    let measured = Measured::of(values, first);
    if measured.min == measured.max {
        out.push(CONSTANT);
        return put_i64(out, first);
    }
    let range = measured.max.wrapping_sub(measured.min) as u64;
    let step_range = measured.high.wrapping_sub(measured.low) as u64;
    // Steps pay where they are shorter, or where most are alike.
    let alike = measured.alike * 2 > values.len();
    if width(step_range) < width(range) || (alike && width(step_range) == width(range)) {
        let low = measured.low;
        let steps = values.windows(2).map(|w| w[1].wrapping_sub(w[0]));
        out.push(STEPS | (width(step_range) as u8) << 2);
        put_i64(out, first);
        put_i64(out, low);
        return put_planes(steps.map(|s| s.wrapping_sub(low) as u64), width(step_range), out);
    }
    let (min, bits) = (measured.min, 64 - range.leading_zeros());
    let distances = values.iter().map(|v| v.wrapping_sub(min) as u64);
    if values.len() >= WORTH_BITS && bits > 8 && bits < 64 {
        out.push(BITS | (bits as u8) << 2);
        put_i64(out, min);
        let low = bits - 8;
        out.extend(distances.clone().map(|v| (v >> low) as u8));
        return bits::put(distances.map(|v| v & ((1 << low) - 1)), low, out);
    }
    out.push(PLAIN | (width(range) as u8) << 2);
    put_i64(out, min);
    put_planes(distances, width(range), out);
}

/// Appends where bytes of one significance begin and end in `count` integers that were written from `from` on to the end: a
/// compressor makes more of each by itself.
pub(super) fn cuts(written: &[u8], from: usize, count: usize, out: &mut Vec<usize>) {
    let Some(head) = written.get(from) else { return };
    let (end, width) = (written.len(), usize::from(head >> 2));
    match head & 3 {
        form @ (PLAIN | STEPS) => {
            let plane = count - usize::from(form == STEPS);
            out.extend((0..=width).rev().map(|planes| end - planes * plane));
        }
        BITS if width > 8 => {
            let low = bits::len(count, width as u32 - 8).unwrap_or_default();
            out.extend([end - low - count, end - low, end]);
        }
        _ => {}
    }
}

/// What decides about the form.
struct Measured {
    min: i64,
    max: i64,
    /// The least and the greatest difference of neighbours.
    low: i64,
    high: i64,
    /// How many differences are as the one before.
    alike: usize,
}

impl Measured {
    fn of(values: &[i64], first: i64) -> Self {
        let mut all = Self { min: first, max: first, low: i64::MAX, high: i64::MIN, alike: 0 };
        let (mut last, mut last_step) = (first, 0);
        for value in &values[1..] {
            let step = value.wrapping_sub(last);
            (all.min, all.max) = (all.min.min(*value), all.max.max(*value));
            (all.low, all.high) = (all.low.min(step), all.high.max(step));
            all.alike += usize::from(step == last_step);
            (last, last_step) = (*value, step);
        }
        all
    }
}

/// Appends integers that rise nearly always, and by chance, as times do. `false`: the other forms are better for them, and
/// nothing was added.
pub(super) fn put_rising(values: &[i64], out: &mut Vec<u8>) -> bool {
    let Some(&first) = values.first() else { return false };
    let measured = Measured::of(values, first);
    if values.len() < WORTH_BITS || measured.alike * 4 > values.len() {
        return false;
    }
    out.push(BITS);
    put_i64(out, first);
    rice::put(values, out);
    true
}

/// Reads `count` integers and adds them to `out`.
pub(super) fn read(reader: &mut Reader<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), Corrupt> {
    if count == 0 {
        return Ok(());
    }
    let head = reader.u8()?;
    // Of bytes, but of bits where the form says so.
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
        BITS if width == 0 => {
            let first = reader.i64()?;
            rice::read(reader, first, count, out)?;
        }
        BITS if (9..64).contains(&width) => {
            let base = reader.i64()?;
            let (high, low) = (reader.take(count)?, width as u32 - 8);
            let len = bits::len(count, low).ok_or(Corrupt("too many integers"))?;
            let lower = bits::read(reader.take(len)?, low, 0..count);
            let value =
                |(high, lower): (&u8, u64)| base.wrapping_add((u64::from(*high) << low | lower) as i64);
            out.extend(high.iter().zip(lower).map(value));
        }
        _ => return Err(Corrupt("unknown form of integers")),
    }
    Ok(())
}

/// Reads some of `count` integers, which are all there are, as [`read`] would. `None`: their form must be read from the first on.
pub(super) fn read_some(all: &[u8], count: usize, place: Range<usize>) -> Result<Option<Vec<i64>>, Corrupt> {
    let mut reader = Reader::new(all);
    if place.is_empty() || place.end > count {
        return Ok(None);
    }
    let head = reader.u8()?;
    let width = usize::from(head >> 2);
    Ok(match head & 3 {
        CONSTANT => Some(vec![reader.i64()?; place.len()]),
        PLAIN if (1..=8).contains(&width) => {
            let base = reader.i64()?;
            let planes = reader.take(width.checked_mul(count).ok_or(Corrupt("too many integers"))?)?;
            let mut out = vec![0i64; place.len()];
            for (plane, bytes) in planes.chunks_exact(count).enumerate() {
                for (value, byte) in out.iter_mut().zip(&bytes[place.clone()]) {
                    *value |= (u64::from(*byte) << (8 * plane)) as i64;
                }
            }
            out.iter_mut().for_each(|v| *v = v.wrapping_add(base));
            Some(out)
        }
        BITS if (9..64).contains(&width) => {
            let base = reader.i64()?;
            let (high, low) = (reader.take(count)?, width as u32 - 8);
            let len = bits::len(count, low).ok_or(Corrupt("too many integers"))?;
            let lower = bits::read(reader.take(len)?, low, place.clone());
            let value =
                |(high, lower): (&u8, u64)| base.wrapping_add((u64::from(*high) << low | lower) as i64);
            Some(high[place].iter().zip(lower).map(value).collect())
        }
        _ => None,
    })
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
        assert!(back(&(0..1000).map(|n| n * 7919 % 1024).collect::<Vec<_>>()).0 < 1260);
        assert_eq!(back(&[i64::MIN, i64::MAX, 0]).1, [i64::MIN, i64::MAX, 0]);
    }

    #[test]
    fn times_take_little_more_than_chance() {
        let mut seed = 7u64;
        let mut chance = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            -((seed >> 11) as f64 / (1u64 << 53) as f64).ln()
        };
        let times: Vec<i64> = (0..10_000)
            .scan(1_700_000_000_000_000_000, |t, n| {
                *t = if n % 1000 == 0 { 1_700_000_000_000_000_000 } else { *t + (chance() * 9e7) as i64 };
                Some(*t)
            })
            .collect();
        let mut bytes = Vec::new();
        assert!(put_rising(&times, &mut bytes));
        // 27.9 bits each are chance.
        assert!(bytes.len() < 35_800, "{}", bytes.len());
        assert!(!put_rising(&(0..100).collect::<Vec<_>>(), &mut bytes));
    }

    /// Any place in integers is as in all of them; `false`: it cannot be read alone.
    fn some_are_as_all(values: &[i64], place: (usize, usize)) -> bool {
        let mut bytes = Vec::new();
        put(values, &mut bytes);
        let from = place.0 % values.len();
        let place = from..(from + 1 + place.1 % values.len()).min(values.len());
        let some = read_some(&bytes, values.len(), place.clone()).unwrap();
        assert!(some.as_ref().is_none_or(|some| *some == values[place]));
        some.is_some()
    }

    #[test]
    fn no_integers_before_others_are_read_but_for_steps() {
        let chance = |n: i64| n * n * n * 7919 % 100_003;
        assert!(some_are_as_all(&[7; 100], (3, 4)));
        assert!(some_are_as_all(&(0..100).map(|n| chance(n) % 256).collect::<Vec<_>>(), (3, 4)));
        assert!(some_are_as_all(&(0..100).map(chance).collect::<Vec<_>>(), (3, 4)));
        assert!(!some_are_as_all(&(0..100).map(|n| n << 40).collect::<Vec<_>>(), (3, 4)));
        assert!(read_some(&[CONSTANT, 2], 5, 3..6).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn some_integers_are_as_all(
            bits in 1u32..64,
            base in any::<i64>(),
            seeds in prop::collection::vec(any::<u64>(), 1..100),
            place in any::<(usize, usize)>(),
        ) {
            let values: Vec<i64> = seeds.iter().map(|s| base.wrapping_add((s >> (64 - bits)) as i64)).collect();
            some_are_as_all(&values, (place.0 % 1000, place.1 % 1000));
        }

        #[test]
        fn integers_come_back(values in prop::collection::vec(prop_oneof![any::<i64>(), -300i64..300], 0..200)) {
            prop_assert_eq!(back(&values).1, values);
        }

        #[test]
        fn integers_of_some_bits_come_back(bits in 1u32..64, base in any::<i64>(), seeds in prop::collection::vec(any::<u64>(), 16..100)) {
            let values: Vec<i64> = seeds.iter().map(|s| base.wrapping_add((s >> (64 - bits)) as i64)).collect();
            prop_assert_eq!(back(&values).1, values);
        }

        #[test]
        fn rising_integers_come_back(
            runs in prop::collection::vec((any::<i64>(), 0u32..62, prop::collection::vec(any::<u64>(), 1..150)), 1..5),
        ) {
            let mut values = Vec::new();
            for (start, bits, steps) in runs {
                let mut at = start;
                for step in steps {
                    values.push(at);
                    at = at.wrapping_add((step >> (63 - bits)) as i64);
                }
            }
            let (mut bytes, mut out) = (Vec::new(), Vec::new());
            if put_rising(&values, &mut bytes) {
                let mut reader = Reader::new(&bytes);
                read(&mut reader, values.len(), &mut out).unwrap();
                prop_assert!(reader.is_empty());
                prop_assert_eq!(out, values);
            } else {
                prop_assert!(bytes.is_empty());
            }
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
        fn foreign_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0usize..100, bits in any::<bool>()) {
            let bytes = if bits { [&[BITS][..], &bytes].concat() } else { bytes };
            let _ = read(&mut Reader::new(&bytes), count, &mut Vec::new());
            let _ = read_some(&bytes, count, count / 3..count / 2);
        }
    }
}
