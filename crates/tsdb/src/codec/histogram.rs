//! One native histogram as bytes that stand on their own: in the log, and in the append buffers of the head.
//! docs/formats/chunks.md draws it.

use model::histogram::MAX_BUCKETS;
use model::{Histogram, ResetHint, Span};

use super::{Corrupt, Reader, put_i64, put_u64};

/// Bits of the first byte; the lowest two are the reset hint.
const INTEGER: u8 = 0x04;
const CUSTOM: u8 = 0x08;
const NEGATIVE: u8 = 0x10;
const HINT: u8 = 0x03;

/// Integers beyond this are not exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a histogram for which [`Histogram::check`] holds.
pub(crate) fn put_histogram(out: &mut Vec<u8>, h: &Histogram) {
    let integer = counts(h).all(|c| as_count(c).is_some());
    let negative = !(h.negative_spans.is_empty() && h.negative_buckets.is_empty());
    out.push(
        hint_number(h.reset_hint)
            | if integer { INTEGER } else { 0 }
            | if h.custom_values.is_empty() { 0 } else { CUSTOM }
            | if negative { NEGATIVE } else { 0 },
    );
    put_layout(out, h, negative);
    put_f64(out, h.sum);
    if integer {
        put_u64(out, h.count as u64);
        put_u64(out, h.zero_count as u64);
        let mut last = 0i64;
        for count in h.positive_buckets.iter().chain(&h.negative_buckets) {
            put_i64(out, *count as i64 - last);
            last = *count as i64;
        }
    } else {
        counts(h).for_each(|c| put_f64(out, c));
    }
}

/// Reads what [`put_histogram`] wrote.
pub(crate) fn read_histogram(reader: &mut Reader<'_>) -> Result<Histogram, Corrupt> {
    let control = reader.u8()?;
    if control & !(INTEGER | CUSTOM | NEGATIVE | HINT) != 0 {
        return Err(Corrupt("unknown kind of histogram"));
    }
    let mut h = Histogram { reset_hint: hint_of(control & HINT), ..Histogram::default() };
    read_layout(reader, &mut h, control & CUSTOM != 0, control & NEGATIVE != 0)?;
    let (positive, negative) = (bucket_count(&h.positive_spans)?, bucket_count(&h.negative_spans)?);
    h.sum = read_f64(reader)?;
    // Every bucket takes a byte at least: what is not there is not allocated.
    if positive + negative > reader.rest().len() {
        return Err(Corrupt("histogram is shorter than its spans"));
    }
    if control & INTEGER != 0 {
        h.count = reader.u64()? as f64;
        h.zero_count = reader.u64()? as f64;
        let mut last = 0i64;
        let mut next = || -> Result<f64, Corrupt> {
            last = last.wrapping_add(reader.i64()?);
            Ok(last as f64)
        };
        h.positive_buckets = (0..positive).map(|_| next()).collect::<Result<_, _>>()?;
        h.negative_buckets = (0..negative).map(|_| next()).collect::<Result<_, _>>()?;
    } else {
        h.count = read_f64(reader)?;
        h.zero_count = read_f64(reader)?;
        h.positive_buckets = (0..positive).map(|_| read_f64(reader)).collect::<Result<_, _>>()?;
        h.negative_buckets = (0..negative).map(|_| read_f64(reader)).collect::<Result<_, _>>()?;
    }
    Ok(h)
}

/// Schema, thresholds, bounds and spans: what histograms of one series have in common. Whether there are custom
/// bounds and a negative side is kept by the caller.
pub(super) fn put_layout(out: &mut Vec<u8>, h: &Histogram, negative: bool) {
    put_i64(out, i64::from(h.schema));
    put_f64(out, h.zero_threshold);
    if !h.custom_values.is_empty() {
        put_u64(out, h.custom_values.len() as u64);
        h.custom_values.iter().for_each(|bound| put_f64(out, *bound));
    }
    put_spans(out, &h.positive_spans);
    if negative {
        put_spans(out, &h.negative_spans);
    }
}

pub(super) fn read_layout(
    reader: &mut Reader<'_>,
    h: &mut Histogram,
    custom: bool,
    negative: bool,
) -> Result<(), Corrupt> {
    h.schema = i32::try_from(reader.i64()?).map_err(|_| Corrupt("schema of a histogram"))?;
    h.zero_threshold = read_f64(reader)?;
    if custom {
        let bounds = reader.count(MAX_BUCKETS.min(reader.rest().len()))?;
        h.custom_values = (0..bounds).map(|_| read_f64(reader)).collect::<Result<_, _>>()?;
    }
    h.positive_spans = read_spans(reader)?;
    if negative {
        h.negative_spans = read_spans(reader)?;
    }
    Ok(())
}

fn put_spans(out: &mut Vec<u8>, spans: &[Span]) {
    put_u64(out, spans.len() as u64);
    for span in spans {
        put_i64(out, i64::from(span.offset));
        put_u64(out, u64::from(span.length));
    }
}

fn read_spans(reader: &mut Reader<'_>) -> Result<Vec<Span>, Corrupt> {
    let spans = reader.count(MAX_BUCKETS.min(reader.rest().len() / 2))?;
    (0..spans)
        .map(|_| {
            let offset = i32::try_from(reader.i64()?).map_err(|_| Corrupt("offset of a span"))?;
            let length = reader.count(MAX_BUCKETS)? as u32;
            Ok(Span { offset, length })
        })
        .collect()
}

/// How many buckets these spans have.
pub(super) fn bucket_count(spans: &[Span]) -> Result<usize, Corrupt> {
    let count: usize = spans.iter().map(|s| s.length as usize).fold(0, usize::saturating_add);
    if count > MAX_BUCKETS { Err(Corrupt("too many buckets")) } else { Ok(count) }
}

/// A double without the zero bytes at its end, behind how many bytes are left.
pub(super) fn put_f64(out: &mut Vec<u8>, value: f64) {
    let bits = value.to_bits();
    let significant = 8 - bits.trailing_zeros().min(64) as usize / 8;
    out.push(significant as u8);
    out.extend_from_slice(&bits.to_be_bytes()[..significant]);
}

pub(super) fn read_f64(reader: &mut Reader<'_>) -> Result<f64, Corrupt> {
    let significant = usize::from(reader.u8()?);
    let front = reader.take(significant)?;
    let mut whole = [0; 8];
    whole.get_mut(..significant).ok_or(Corrupt("value over 8 bytes"))?.copy_from_slice(front);
    Ok(f64::from_bits(u64::from_be_bytes(whole)))
}

pub(super) const fn hint_number(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    }
}

pub(super) const fn hint_of(number: u8) -> ResetHint {
    match number & HINT {
        0 => ResetHint::Unknown,
        1 => ResetHint::Reset,
        2 => ResetHint::NotReset,
        _ => ResetHint::Gauge,
    }
}

fn counts(h: &Histogram) -> impl Iterator<Item = f64> {
    let buckets = h.positive_buckets.iter().chain(&h.negative_buckets).copied();
    [h.count, h.zero_count].into_iter().chain(buckets)
}

/// The integer that is exactly this count; -0 is none.
fn as_count(count: f64) -> Option<u64> {
    let whole = count as u64;
    ((0.0..EXACT).contains(&count) && (whole as f64).to_bits() == count.to_bits()).then_some(whole)
}
