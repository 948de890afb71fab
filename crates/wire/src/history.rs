//! Series with samples of any time, as our own tools send them to a server that takes history in.
//!
//! A body is frames and a mark: each frame is a length (32 bits, little endian) and so many bytes of a remote write 2.0
//! request, compressed with snappy's block format; the mark is the length 0. A body without the mark was cut off.

use model::SeriesData;

use crate::remote_write::v2::{Encoder as Request, Reader};
use crate::remote_write::{BadLabels, Error, Point, Series, decompress};

/// The content type of a body.
pub const CONTENT_TYPE: &str = "application/vnd.bonghwa.history";

/// Bytes of a frame at most, compressed and not.
pub const MAX_FRAME: usize = 32 << 20;
/// A frame is closed when it has this many bytes.
const FULL: usize = 2 << 20;
/// Samples of one series in a frame: 24 bytes each at most, before compression.
const FLOATS: usize = 50_000;
/// Native histograms of one series in a frame.
const HISTOGRAMS: usize = 200;

const AFTER_MARK: &str = "there is more behind the mark that ends a body";

/// Builds frames.
#[derive(Debug, Default)]
pub struct Encoder {
    request: Request,
}

impl Encoder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the samples of a series and gives `take` the frames that are full.
    pub fn add<E: From<Error>>(
        &mut self,
        data: &SeriesData,
        take: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = |starts: &[i64], at: usize| starts.get(at).copied().unwrap_or(0);
        let mut at = 0;
        for part in data.t.chunks(FLOATS) {
            self.request.begin(data.labels.iter());
            for t in part {
                self.request.point(Point { t: *t, v: data.v[at] }, start(&data.start, at)); // a value for each time
                at += 1;
            }
            self.end(take)?;
        }
        let mut at = 0;
        for part in data.histograms.chunks(HISTOGRAMS) {
            self.request.begin(data.labels.iter());
            for (t, histogram) in part {
                self.request.histogram(*t, start(&data.histogram_start, at), histogram);
                at += 1;
            }
            self.end(take)?;
        }
        Ok(())
    }

    fn end<E: From<Error>>(&mut self, take: &mut dyn FnMut(Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        self.request.end();
        if self.request.len() >= FULL { take(self.frame()?) } else { Ok(()) }
    }

    fn frame(&mut self) -> Result<Vec<u8>, Error> {
        let body = self.request.finish()?;
        let mut frame = Vec::with_capacity(body.len() + 4);
        // A request is closed soon after FULL bytes.
        frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
        frame.extend_from_slice(&body);
        Ok(frame)
    }

    /// The frame begun and the mark.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        let mut last = if self.request.is_empty() { Vec::new() } else { self.frame()? };
        last.extend_from_slice(&[0; 4]);
        Ok(last)
    }
}

/// Puts the pieces of a body together to frames.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    read: usize,
    plain: Vec<u8>,
    ended: bool,
}

impl Frames {
    /// Adds a piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next frame, decompressed; `None` where more of the body is needed, or it has ended.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, Error> {
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err(Error::TooLarge { size: length, limit: MAX_FRAME });
        }
        if length == 0 {
            self.ended = true;
            // It would be kept, and never read.
            let at = self.read + 4;
            return if rest.is_empty() { Ok(None) } else { Err(Error::Protobuf { at, message: AFTER_MARK }) };
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        decompress(frame, MAX_FRAME, &mut self.plain)?;
        self.read += 4 + length;
        Ok(Some(&self.plain))
    }

    /// Bytes that what is here takes, the next frame decompressed and its series read.
    pub fn memory(&self) -> u64 {
        // A sample has at least ten bytes in a frame, and 48 as a point and in its series.
        const READ: usize = 6;
        let next = self.bytes.get(self.read + 4..).unwrap_or_default();
        // What is no length is refused when it is read.
        let plain = snap::raw::decompress_len(next).unwrap_or(0).min(MAX_FRAME);
        (self.bytes.len() + READ * plain) as u64
    }

    /// Whether the mark was met.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }
}

/// Takes a series, or hears why it is not valid.
pub type Take<'t, E> = dyn FnMut(&SeriesData, Option<String>) -> Result<(), E> + 't;

/// Gives `take` each series of a frame in order of time, with why it is not taken where its labels or one of its
/// histograms is not valid (then its samples are only counted).
pub fn read_frame<E: From<Error>>(frame: &[u8], take: &mut Take<'_, E>) -> Result<(), E> {
    let mut reader = Reader::new(frame)?;
    let (mut series, mut data) = (Series::default(), SeriesData::default());
    while reader.next_series(&mut series)? {
        data.clear();
        let mut problem = match series.to_labels() {
            Ok(labels) => {
                data.labels = labels;
                None
            }
            Err(bad) => {
                data.labels = model::Labels::default();
                Some(describe(&series, &bad))
            }
        };
        for (at, point) in series.points.iter().enumerate() {
            data.push_float(series.starts.get(at).copied().unwrap_or(0), point.t, point.v);
        }
        for mut histogram in series.histograms.drain(..) {
            // Staleness has no buckets and needs no check.
            if !model::is_stale_nan(histogram.value.sum)
                && let Err(bad) = histogram.make_storable()
            {
                problem.get_or_insert_with(|| format!("{}: {bad}", data.labels));
            }
            data.push_histogram(histogram.start, histogram.t, histogram.value);
        }
        data.put_in_order();
        take(&data, problem)?;
    }
    Ok(())
}

fn describe(series: &Series<'_>, bad: &BadLabels) -> String {
    format!("{}: {bad}", series.metric_name().unwrap_or("a series"))
}

#[cfg(test)]
mod tests;
