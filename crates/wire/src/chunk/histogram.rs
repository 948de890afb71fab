//! Native histograms: the layout once, then times and counts as second differences, or counts as what changed.

use model::{Histogram, ResetHint, SeriesData, is_stale_nan};

use super::bits::{BitReader, BitWriter, Stop, Xor};
use super::layout::Layout;
use super::start::Starts;
use super::{Encoding, Error, MAX_DECODED_BYTES, sample_count};
use crate::histogram::lower_to_stored;

const RESET_BITS: u8 = 0xc0;

fn reset_bits(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::NotReset => 0x40,
        ResetHint::Reset => 0x80,
        ResetHint::Gauge => 0xc0,
    }
}

impl Encoding {
    fn has_starts(self) -> bool {
        matches!(self, Self::HistogramStart | Self::FloatHistogramStart)
    }
}

/// Both kinds of histograms, with and without start timestamps.
pub(super) fn decode(encoding: Encoding, bytes: &[u8], out: &mut SeriesData) -> Result<(), Error> {
    let samples = sample_count(encoding, bytes);
    let &[first, _, third] = bytes.first_chunk().ok_or(Error::Truncated { sample: 0, samples: 0 })?;
    let (resets, starts) = if encoding.has_starts() { (first, third) } else { (third, 0) };
    let mut state = Decoder {
        r: BitReader::new(bytes.get(3..).unwrap_or_default()),
        gauge: resets & RESET_BITS == RESET_BITS,
        whole: matches!(encoding, Encoding::Histogram | Encoding::HistogramStart),
        layout: Layout::default(),
        starts: Starts::from_header(starts),
        t: 0,
        delta: 0,
        counts: Counts::Whole(Whole::default()),
        decoded: 0,
    };
    for index in 0..samples {
        let before = state.t;
        let h = state.sample(index).map_err(|stop| stop.at(index + 1, samples))?;
        state
            .starts
            .read(&mut state.r, index, state.t, before)
            .map_err(|stop| stop.at(index + 1, samples))?;
        out.push_histogram(state.starts.start, state.t, h);
    }
    Ok(())
}

struct Decoder<'a> {
    r: BitReader<'a>,
    gauge: bool,
    whole: bool,
    layout: Layout,
    starts: Starts,
    t: i64,
    delta: i64,
    counts: Counts,
    decoded: usize,
}

impl Decoder<'_> {
    fn sample(&mut self, index: usize) -> Result<Histogram, Stop> {
        if index == 0 {
            self.layout = Layout::read(&mut self.r)?;
            self.t = self.r.varbit()?;
            self.counts = if self.whole {
                Counts::Whole(Whole::read(&mut self.r, &self.layout)?)
            } else {
                Counts::Float(Float::read(&mut self.r, &self.layout)?)
            };
        } else {
            self.delta = self.delta.wrapping_add(self.r.varbit()?);
            self.t = self.t.wrapping_add(self.delta);
            match &mut self.counts {
                Counts::Whole(counts) => counts.read_next(&mut self.r)?,
                Counts::Float(counts) => counts.read_next(&mut self.r)?,
            }
        }
        let sum = match &self.counts {
            Counts::Whole(counts) => counts.sum.value(),
            Counts::Float(counts) => counts.sum.value(),
        };
        if is_stale_nan(sum) {
            return Ok(Histogram { sum, ..Histogram::default() });
        }
        self.decoded = self.decoded.saturating_add(self.layout.decoded_bytes());
        if self.decoded > MAX_DECODED_BYTES {
            return Err(Stop::TooLarge);
        }
        Ok(self.histogram(index, sum))
    }

    fn histogram(&self, index: usize, sum: f64) -> Histogram {
        let layout = &self.layout;
        let (count, zero_count, mut buckets) = match &self.counts {
            Counts::Whole(c) => (c.count as f64, c.zero as f64, c.absolute(layout.buckets().0)),
            Counts::Float(c) => {
                (c.count.value(), c.zero.value(), c.buckets.iter().map(|b| b.value()).collect())
            }
        };
        let negative_buckets = buckets.split_off(layout.buckets().0.min(buckets.len()));
        let mut histogram = Histogram {
            reset_hint: match index {
                _ if self.gauge => ResetHint::Gauge,
                0 => ResetHint::Unknown,
                _ => ResetHint::NotReset,
            },
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count,
            count,
            sum,
            positive_spans: layout.positive.clone(),
            positive_buckets: buckets,
            negative_spans: layout.negative.clone(),
            negative_buckets,
            custom_values: layout.custom.clone(),
        };
        lower_to_stored(&mut histogram);
        histogram
    }
}

enum Counts {
    Whole(Whole),
    Float(Float),
}

/// Whole counts. A bucket holds the difference to the bucket before it, and how that changed last.
#[derive(Debug, Clone)]
struct Whole {
    count: u64,
    count_delta: i64,
    zero: u64,
    zero_delta: i64,
    sum: Xor,
    buckets: Vec<(i64, i64)>,
}

impl Default for Whole {
    fn default() -> Self {
        Self { count: 0, count_delta: 0, zero: 0, zero_delta: 0, sum: Xor::new(0), buckets: Vec::new() }
    }
}

impl Whole {
    fn read(r: &mut BitReader<'_>, layout: &Layout) -> Result<Self, Stop> {
        let (count, zero) = (r.varbit_unsigned()?, r.varbit_unsigned()?);
        let sum = Xor::new(r.bits(64)?);
        let (positive, negative) = layout.buckets();
        let mut buckets = Vec::new();
        for _ in 0..positive + negative {
            buckets.push((r.varbit()?, 0));
        }
        Ok(Self { count, count_delta: 0, zero, zero_delta: 0, sum, buckets })
    }

    fn read_next(&mut self, r: &mut BitReader<'_>) -> Result<(), Stop> {
        self.count_delta = self.count_delta.wrapping_add(r.varbit()?);
        self.count = self.count.wrapping_add_signed(self.count_delta);
        self.zero_delta = self.zero_delta.wrapping_add(r.varbit()?);
        self.zero = self.zero.wrapping_add_signed(self.zero_delta);
        self.sum.read(r)?;
        if !is_stale_nan(self.sum.value()) {
            for (value, delta) in &mut self.buckets {
                *delta = delta.wrapping_add(r.varbit()?);
                *value = value.wrapping_add(*delta);
            }
        }
        Ok(())
    }

    /// The counts themselves.
    fn absolute(&self, positive: usize) -> Vec<f64> {
        let mut current = 0i64;
        let mut counts = Vec::with_capacity(self.buckets.len());
        for (index, (value, _)) in self.buckets.iter().enumerate() {
            current = if index == positive { *value } else { current.wrapping_add(*value) };
            counts.push(current as f64);
        }
        counts
    }

    /// The differences between the buckets of `h`.
    fn differences(h: &Histogram) -> impl Iterator<Item = i64> + '_ {
        [&h.positive_buckets, &h.negative_buckets].into_iter().flat_map(|buckets| {
            buckets.iter().scan(0i64, |before, &count| {
                let difference = count as i64 - *before;
                *before = count as i64;
                Some(difference)
            })
        })
    }

    fn write(w: &mut BitWriter, h: &Histogram) -> Self {
        w.varbit_unsigned(h.count as u64);
        w.varbit_unsigned(h.zero_count as u64);
        w.bits(h.sum.to_bits(), 64);
        let buckets: Vec<(i64, i64)> = Self::differences(h).map(|d| (d, 0)).collect();
        for (difference, _) in &buckets {
            w.varbit(*difference);
        }
        Self {
            count: h.count as u64,
            zero: h.zero_count as u64,
            sum: Xor::new(h.sum.to_bits()),
            buckets,
            ..Self::default()
        }
    }

    fn write_next(&mut self, w: &mut BitWriter, h: &Histogram) {
        let stale = is_stale_nan(h.sum);
        for (last, delta, new) in [
            (&mut self.count, &mut self.count_delta, h.count as u64),
            (&mut self.zero, &mut self.zero_delta, h.zero_count as u64),
        ] {
            let new_delta = new.wrapping_sub(*last) as i64;
            w.varbit(if stale { 0 } else { new_delta.wrapping_sub(*delta) });
            (*last, *delta) = (new, new_delta);
        }
        self.sum.write(w, h.sum);
        if stale {
            return;
        }
        for ((value, delta), new) in self.buckets.iter_mut().zip(Self::differences(h)) {
            let new_delta = new.wrapping_sub(*value);
            w.varbit(new_delta.wrapping_sub(*delta));
            (*value, *delta) = (new, new_delta);
        }
    }
}

/// Float counts.
#[derive(Debug, Clone)]
struct Float {
    count: Xor,
    zero: Xor,
    sum: Xor,
    buckets: Vec<Xor>,
}

impl Float {
    fn read(r: &mut BitReader<'_>, layout: &Layout) -> Result<Self, Stop> {
        let (count, zero, sum) = (Xor::new(r.bits(64)?), Xor::new(r.bits(64)?), Xor::new(r.bits(64)?));
        let (positive, negative) = layout.buckets();
        let mut buckets = Vec::new();
        for _ in 0..positive + negative {
            buckets.push(Xor::new(r.bits(64)?));
        }
        Ok(Self { count, zero, sum, buckets })
    }

    fn read_next(&mut self, r: &mut BitReader<'_>) -> Result<(), Stop> {
        self.count.read(r)?;
        self.zero.read(r)?;
        self.sum.read(r)?;
        if !is_stale_nan(self.sum.value()) {
            for bucket in &mut self.buckets {
                bucket.read(r)?;
            }
        }
        Ok(())
    }

    fn write(w: &mut BitWriter, h: &Histogram) -> Self {
        let mut raw = |v: f64| {
            w.bits(v.to_bits(), 64);
            Xor::new(v.to_bits())
        };
        let (count, zero, sum) = (raw(h.count), raw(h.zero_count), raw(h.sum));
        let buckets = h.positive_buckets.iter().chain(&h.negative_buckets).map(|&b| raw(b)).collect();
        Self { count, zero, sum, buckets }
    }

    fn write_next(&mut self, w: &mut BitWriter, h: &Histogram) {
        self.count.write(w, h.count);
        self.zero.write(w, h.zero_count);
        self.sum.write(w, h.sum);
        if is_stale_nan(h.sum) {
            return;
        }
        for (bucket, &new) in
            self.buckets.iter_mut().zip(h.positive_buckets.iter().chain(&h.negative_buckets))
        {
            bucket.write(w, new);
        }
    }
}

/// Whether the spans announce as many buckets as there are.
pub(super) fn is_consistent(h: &Histogram) -> bool {
    is_stale_nan(h.sum) || Layout::of(h).buckets() == (h.positive_buckets.len(), h.negative_buckets.len())
}

/// Whether all counts are whole, so that nothing is lost in the encoding for those.
fn is_whole(h: &Histogram) -> bool {
    let whole = |v: f64| (0.0..9_007_199_254_740_992.0).contains(&v) && v.fract() == 0.0;
    whole(h.count)
        && whole(h.zero_count)
        && h.positive_buckets.iter().chain(&h.negative_buckets).all(|&b| whole(b))
}

/// Whether a counter began anew between two histograms of one layout.
fn is_reset(before: &Histogram, h: &Histogram) -> bool {
    let fell = |before: &[f64], now: &[f64]| before.iter().zip(now).any(|(b, n)| n < b);
    h.count < before.count
        || h.zero_count < before.zero_count
        || fell(&before.positive_buckets, &h.positive_buckets)
        || fell(&before.negative_buckets, &h.negative_buckets)
}

/// Writes one chunk.
pub(super) struct Encoder {
    encoding: Encoding,
    w: BitWriter,
    resets: u8,
    starts: Starts,
    layout: Layout,
    counts: Counts,
    last: Histogram,
    samples: u16,
    t: i64,
    delta: i64,
}

impl Encoder {
    /// Begins a chunk with `h`. `before` is the histogram that ended the last chunk of the series.
    pub(super) fn new(
        with_starts: bool,
        before: Option<&Histogram>,
        start: i64,
        t: i64,
        h: &Histogram,
    ) -> Self {
        let bare = Histogram { sum: h.sum, ..Histogram::default() };
        let h = if is_stale_nan(h.sum) { &bare } else { h };
        let layout = Layout::of(h);
        let mut w = BitWriter::after(&[0, 0, 0]);
        layout.write(&mut w);
        w.varbit(t);
        let whole = is_whole(h);
        let counts = if whole {
            Counts::Whole(Whole::write(&mut w, h))
        } else {
            Counts::Float(Float::write(&mut w, h))
        };
        let fell = before.is_some_and(|b| !is_stale_nan(b.sum) && layout.fits(b) && is_reset(b, h));
        let mut starts = Starts::default();
        if with_starts {
            starts.write(&mut w, 0, start, t, 0);
        }
        Self {
            encoding: match (whole, with_starts) {
                (true, false) => Encoding::Histogram,
                (false, false) => Encoding::FloatHistogram,
                (true, true) => Encoding::HistogramStart,
                (false, true) => Encoding::FloatHistogramStart,
            },
            w,
            resets: reset_bits(match h.reset_hint {
                ResetHint::Gauge => ResetHint::Gauge,
                _ if fell => ResetHint::Reset,
                hint => hint,
            }),
            starts,
            layout,
            counts,
            last: h.clone(),
            samples: 1,
            t,
            delta: 0,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The histogram that was added last.
    pub(super) fn last(&self) -> &Histogram {
        &self.last
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.w.bytes.len()
    }

    /// Whether `h` may stand in this chunk. A reader takes all but the first histogram for "not reset".
    pub(super) fn takes(&self, h: &Histogram) -> bool {
        let gauge = self.resets == reset_bits(ResetHint::Gauge);
        if is_stale_nan(h.sum) {
            return true;
        }
        let whole = matches!(self.counts, Counts::Whole(_));
        !is_stale_nan(self.last.sum)
            && gauge == (h.reset_hint == ResetHint::Gauge)
            && h.reset_hint != ResetHint::Reset
            && self.layout.fits(h)
            && (!whole || is_whole(h))
            && (gauge || !is_reset(&self.last, h))
    }

    /// Adds what [`Self::takes`]; a chunk holds at most 16,383.
    pub(super) fn push(&mut self, start: i64, t: i64, h: &Histogram) {
        let bare = Histogram { sum: h.sum, ..Histogram::default() };
        let h = if is_stale_nan(h.sum) { &bare } else { h };
        let delta = t.wrapping_sub(self.t);
        self.w.varbit(delta.wrapping_sub(self.delta));
        match &mut self.counts {
            Counts::Whole(counts) => counts.write_next(&mut self.w, h),
            Counts::Float(counts) => counts.write_next(&mut self.w, h),
        }
        if self.encoding.has_starts() {
            self.starts.write(&mut self.w, usize::from(self.samples), start, t, self.t);
        }
        self.delta = delta;
        self.t = t;
        self.last.clone_from(h);
        self.samples += 1;
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let [high, low] = self.samples.to_be_bytes();
        let header = if self.encoding.has_starts() {
            [high | self.resets, low, self.starts.header()]
        } else {
            [high, low, self.resets]
        };
        self.w.bytes[..3].copy_from_slice(&header); // there since `new`
        self.w.bytes
    }
}
