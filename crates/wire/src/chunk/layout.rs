//! What the histograms of one chunk have in common: written once, before the first.

use model::{Histogram, Span};

use super::bits::{BitReader, BitWriter, Stop};
use crate::histogram::MAX_READABLE_SCHEMA;

/// Schema of custom bounds.
const CUSTOM: i32 = -53;
/// Most spans or bounds of one histogram.
const MAX_PARTS: u64 = 65_536;

/// Schema, zero threshold, spans and bounds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layout {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) positive: Vec<Span>,
    pub(super) negative: Vec<Span>,
    pub(super) custom: Vec<f64>,
}

impl Layout {
    /// The layout of `h`.
    pub(super) fn of(h: &Histogram) -> Self {
        Self {
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            positive: h.positive_spans.clone(),
            negative: h.negative_spans.clone(),
            custom: if h.schema == CUSTOM { h.custom_values.clone() } else { Vec::new() },
        }
    }

    /// Whether `h` can stand in a chunk with this layout.
    pub(super) fn fits(&self, h: &Histogram) -> bool {
        self.schema == h.schema
            && self.zero_threshold == h.zero_threshold
            && self.positive == h.positive_spans
            && self.negative == h.negative_spans
            && (self.schema != CUSTOM || self.custom == h.custom_values)
    }

    /// How many positive and negative buckets there are.
    pub(super) fn buckets(&self) -> (usize, usize) {
        let count = |spans: &[Span]| spans.iter().fold(0usize, |n, s| n.saturating_add(s.length as usize));
        (count(&self.positive), count(&self.negative))
    }

    /// Bytes that a histogram of this layout takes, decoded.
    pub(super) fn decoded_bytes(&self) -> usize {
        let (positive, negative) = self.buckets();
        size_of::<Histogram>()
            + 8 * (positive.saturating_add(negative))
                .saturating_add(self.positive.len() + self.negative.len() + self.custom.len())
    }

    pub(super) fn read(r: &mut BitReader<'_>) -> Result<Self, Stop> {
        let zero_threshold = read_zero_threshold(r)?;
        let schema = r.varbit()?;
        // Finer ones than are stored are lowered when the sample is whole.
        if !(-4..=i64::from(MAX_READABLE_SCHEMA)).contains(&schema) && schema != i64::from(CUSTOM) {
            return Err(Stop::Malformed("the schema of a histogram is neither -4 to 52 nor -53"));
        }
        let schema = schema as i32;
        let (positive, negative) = (read_spans(r)?, read_spans(r)?);
        let custom = if schema == CUSTOM { read_bounds(r)? } else { Vec::new() };
        let layout = Self { schema, zero_threshold, positive, negative, custom };
        let (positive, negative) = layout.buckets();
        // Each bucket takes at least a bit.
        if positive.saturating_add(negative) > r.left() {
            return Err(Stop::Malformed("the spans announce more buckets than follow"));
        }
        Ok(layout)
    }

    pub(super) fn write(&self, w: &mut BitWriter) {
        write_zero_threshold(w, self.zero_threshold);
        w.varbit(self.schema.into());
        for spans in [&self.positive, &self.negative] {
            w.varbit_unsigned(spans.len() as u64);
            for span in spans {
                w.varbit_unsigned(span.length.into());
                w.varbit(span.offset.into());
            }
        }
        if self.schema == CUSTOM {
            w.varbit_unsigned(self.custom.len() as u64);
            for &bound in &self.custom {
                write_bound(w, bound);
            }
        }
    }
}

fn read_count(r: &mut BitReader<'_>) -> Result<u64, Stop> {
    match r.varbit_unsigned()? {
        n if n > MAX_PARTS => Err(Stop::Malformed("a histogram has more than 65536 spans or bounds")),
        n => Ok(n),
    }
}

fn read_spans(r: &mut BitReader<'_>) -> Result<Vec<Span>, Stop> {
    let mut spans = Vec::new();
    for _ in 0..read_count(r)? {
        let (length, offset) = (r.varbit_unsigned()?, r.varbit()?);
        match (u32::try_from(length), i32::try_from(offset)) {
            (Ok(length), Ok(offset)) => spans.push(Span { offset, length }),
            _ => return Err(Stop::Malformed("a span does not fit 32 bits")),
        }
    }
    Ok(spans)
}

fn read_bounds(r: &mut BitReader<'_>) -> Result<Vec<f64>, Stop> {
    let mut bounds = Vec::new();
    for _ in 0..read_count(r)? {
        bounds.push(match r.varbit_unsigned()? {
            0 => f64::from_bits(r.bits(64)?),
            n => (n - 1) as f64 / 1000.0,
        });
    }
    Ok(bounds)
}

/// Thousandths up to 33554.43 take four bytes at most, all others nine.
fn write_bound(w: &mut BitWriter, bound: f64) {
    let thousandths = (bound * 1000.0).round();
    if (0.0..=33_554_430.0).contains(&(bound * 1000.0)) && (thousandths / 1000.0).to_bits() == bound.to_bits()
    {
        w.varbit_unsigned(thousandths as u64 + 1);
    } else {
        w.bits(0, 1);
        w.bits(bound.to_bits(), 64);
    }
}

/// One byte: 0, the exponent of a power of two (2^-243 is 1, 2^10 is 254), or 255 and the float.
fn read_zero_threshold(r: &mut BitReader<'_>) -> Result<f64, Stop> {
    Ok(match r.bits(8)? {
        0 => 0.0,
        255 => f64::from_bits(r.bits(64)?),
        n => f64::from_bits((n + 1023 - 244) << 52),
    })
}

fn write_zero_threshold(w: &mut BitWriter, threshold: f64) {
    let bits = threshold.to_bits();
    let exponent = bits >> 52; // with the sign: a negative number is far out of range
    let is_power_of_two = bits & ((1 << 52) - 1) == 0;
    match exponent.checked_sub(1023 - 244) {
        _ if bits == 0 => w.bits(0, 8),
        Some(n @ 1..=254) if is_power_of_two => w.bits(n, 8),
        _ => {
            w.bits(255, 8);
            w.bits(bits, 64);
        }
    }
}
