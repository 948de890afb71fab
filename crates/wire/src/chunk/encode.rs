//! Cutting the samples of a series into chunks.

use model::{Histogram, SeriesData};

use super::{Chunk, Encoding, histogram, xor, xor2};

/// How chunks are cut.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most samples of one chunk; at most 16,383 are taken.
    pub max_samples: usize,
    /// Use the encodings that carry start timestamps, which only Prometheus 3 reads.
    pub start_timestamps: bool,
}

impl Default for Options {
    /// Chunks as Prometheus cuts them, which every reader knows.
    fn default() -> Self {
        Self { max_samples: 120, start_timestamps: false }
    }
}

/// Most samples whose number fits beside the two bits of a histogram chunk with start timestamps.
const MAX_SAMPLES: usize = 0x3fff;
/// A chunk of histograms is ended once it is this large.
const LARGE: usize = 16 << 10;

/// Gives `out` the samples of `data` as chunks, in the order of time.
///
/// A chunk holds floats or histograms, and only histograms of one bucket layout among which no counter was reset.
/// Histograms all of whose counts are whole are written as integer histograms. One whose spans and buckets disagree
/// cannot be written and is left out.
pub fn encode(data: &SeriesData, options: Options, mut out: impl FnMut(Chunk)) {
    let most = options.max_samples.clamp(1, MAX_SAMPLES);
    let mut open = Open { with_starts: options.start_timestamps, chunk: None, last: None };
    let (mut float, mut hist) = (0, 0);
    loop {
        let next_float = data.t.get(float).copied();
        let next_hist = data.histograms.get(hist).map(|(t, _)| *t);
        match (next_float, next_hist) {
            (None, None) => break,
            (Some(t), h) if h.is_none_or(|h| t < h) => {
                let start = data.start.get(float).copied().unwrap_or(0);
                open.float(most, start, t, data.v.get(float).copied().unwrap_or(0.0), &mut out);
                float += 1;
            }
            _ => {
                let start = data.histogram_start.get(hist).copied().unwrap_or(0);
                if let Some((t, h)) = data.histograms.get(hist).filter(|(_, h)| histogram::is_consistent(h)) {
                    open.histogram(most, start, *t, h, &mut out);
                }
                hist += 1;
            }
        }
    }
    open.flush(&mut out);
}

enum Encoder {
    Xor(xor::Encoder),
    Xor2(xor2::Encoder),
    Histogram(Box<histogram::Encoder>),
}

struct Open {
    with_starts: bool,
    chunk: Option<(Encoder, i64, i64, usize)>,
    /// The histogram before this chunk.
    last: Option<Histogram>,
}

impl Open {
    fn float(&mut self, most: usize, start: i64, t: i64, v: f64, out: &mut impl FnMut(Chunk)) {
        let is_open = matches!(&self.chunk, Some((Encoder::Xor(_) | Encoder::Xor2(_), _, _, n)) if *n < most);
        if !is_open {
            self.flush(out);
            let encoder = if self.with_starts {
                Encoder::Xor2(xor2::Encoder::new())
            } else {
                Encoder::Xor(xor::Encoder::new())
            };
            self.chunk = Some((encoder, t, t, 0));
        }
        if let Some((encoder, _, max, n)) = &mut self.chunk {
            match encoder {
                Encoder::Xor(e) => e.push(t, v),
                Encoder::Xor2(e) => e.push(start, t, v),
                Encoder::Histogram(_) => {}
            }
            (*max, *n) = (t, *n + 1);
        }
    }

    fn histogram(&mut self, most: usize, start: i64, t: i64, h: &Histogram, out: &mut impl FnMut(Chunk)) {
        if let Some((Encoder::Histogram(e), _, max, n)) = &mut self.chunk
            && *n < most
            && e.len() < LARGE
            && e.takes(h)
        {
            e.push(start, t, h);
            (*max, *n) = (t, *n + 1);
            return;
        }
        self.flush(out);
        let encoder = histogram::Encoder::new(self.with_starts, self.last.as_ref(), start, t, h);
        self.chunk = Some((Encoder::Histogram(Box::new(encoder)), t, t, 1));
    }

    fn flush(&mut self, out: &mut impl FnMut(Chunk)) {
        let Some((encoder, min_time, max_time, samples)) = self.chunk.take() else { return };
        let (encoding, bytes) = match encoder {
            Encoder::Xor(e) => (Encoding::Xor, e.finish()),
            Encoder::Xor2(e) => (Encoding::Xor2, e.finish()),
            Encoder::Histogram(e) => {
                self.last = Some(e.last().clone());
                (e.encoding(), e.finish())
            }
        };
        out(Chunk { encoding, min_time, max_time, samples, bytes });
    }
}
