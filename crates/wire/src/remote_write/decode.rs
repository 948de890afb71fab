//! Snappy, then the walk over `WriteRequest`.

use super::Error;
use super::histogram::read_histogram;
use super::proto::{Message, Value};
use super::series::{Exemplar, Point, Series};

/// Decompresses a body into `out` (its memory is reused). Nothing is allocated for a body that declares more than
/// `limit` bytes.
pub fn decompress(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    let size = snap::raw::decompress_len(body).map_err(|e| Error::Snappy(e.to_string()))?;
    if size > limit {
        return Err(Error::TooLarge { size, limit });
    }
    // What is already there is overwritten: only growth is zeroed.
    out.resize(size, 0);
    let written =
        snap::raw::Decoder::new().decompress(body, out).map_err(|e| Error::Snappy(e.to_string()))?;
    out.truncate(written);
    Ok(())
}

/// What [`Reader::next_item`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A series: it is in the buffer that was handed in.
    Series,
    /// Metadata of a family.
    Metadata(Metadata<'a>),
}

/// Metadata of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metadata<'a> {
    /// Family name.
    pub family: &'a str,
    /// Type, in the words of `model::metrics::Family::kind`.
    pub kind: &'static str,
    /// Help text.
    pub help: &'a str,
    /// Unit, or empty.
    pub unit: &'a str,
}

/// Walks a decompressed `WriteRequest`.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    request: Message<'a>,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `body` (decompressed).
    pub const fn new(body: &'a [u8]) -> Self {
        Self { request: Message { bytes: body, at: 0 } }
    }

    /// Walks the whole body once without keeping anything, so that a broken request can be refused before any of it
    /// is stored. Returns how many series and samples (histograms included) there are.
    pub fn check(body: &'a [u8]) -> Result<(usize, usize), Error> {
        let mut reader = Self::new(body);
        let mut series = Series::default();
        let (mut all, mut points) = (0, 0);
        while let Some(item) = reader.next_item(&mut series)? {
            if item == Item::Series {
                all += 1;
                points += series.points.len() + series.histograms.len();
            }
        }
        Ok((all, points))
    }

    /// As [`Reader::next_item`], but labels that are sent in one run may only be passed over:
    /// [`Series::read_labels`] reads them. For who knows the series by [`Series::raw`], and can say by
    /// [`Series::guess`] how long that is likely to be: then it is not even walked.
    pub fn next_unread(&mut self, series: &mut Series<'a>) -> Result<Option<Item<'a>>, Error> {
        if self.request.bytes.first() == Some(&LABEL) {
            let here = self.request;
            self.request.varint()?;
            let message = self.request.delimited()?;
            series.clear();
            if read_guessed(message, series).is_some() || read_usual(message, series).is_some() {
                return Ok(Some(Item::Series));
            }
            self.request = here;
        }
        self.next_item(series)
    }

    /// The next series (put into `series`, cleared first) or metadata; `None` at the end.
    pub fn next_item(&mut self, series: &mut Series<'a>) -> Result<Option<Item<'a>>, Error> {
        while let Some((number, value)) = self.request.field()? {
            match (number, value) {
                (1, Value::Bytes(message)) => {
                    read_series(message, series)?;
                    return Ok(Some(Item::Series));
                }
                (3, Value::Bytes(message)) => return read_metadata(message).map(|m| Some(Item::Metadata(m))),
                (1 | 3, _) => return Err(self.request.error("timeseries or metadata is not a message")),
                _ => {} // 2 is reserved; unknown fields are skipped, as protobuf wants
            }
        }
        Ok(None)
    }
}

/// Reads a `TimeSeries` as every known sender writes it, a run of labels and then samples, and only passes over the
/// labels. `None`, and a series in disorder, where it is anything else.
#[inline]
fn read_usual<'a>(message: Message<'a>, series: &mut Series<'a>) -> Option<()> {
    let bytes = message.bytes;
    let mut at = 0;
    while *bytes.get(at)? == LABEL {
        let (len, head) = match *bytes.get(at + 1..)? {
            [len @ 0..0x80, ..] => (usize::from(len), 2),
            [low, high @ 0..0x80, ..] => (usize::from(low & 0x7f) | usize::from(high) << 7, 3),
            _ => return None,
        };
        at += head + len;
    }
    series.raw = bytes.get(..at)?;
    usual_points(bytes.get(at..)?, series)?;
    series.unread = Some(message.at);
    Some(())
}

/// Likewise, where the labels end at the length that was guessed if they are those that were meant. `None`, and a series
/// without samples, where they cannot.
#[inline]
fn read_guessed<'a>(message: Message<'a>, series: &mut Series<'a>) -> Option<()> {
    let guess = usize::from(series.guess);
    if guess == 0 || *message.bytes.get(guess)? != SAMPLE {
        return None;
    }
    let (raw, samples) = message.bytes.split_at_checked(guess)?;
    if usual_points(samples, series).is_none() {
        series.points.clear();
        return None;
    }
    series.raw = raw;
    series.unread = Some(message.at);
    series.guessed = Some(message);
    Some(())
}

/// Samples to the end of a series.
#[inline]
fn usual_points(mut rest: &[u8], series: &mut Series<'_>) -> Option<()> {
    while let Some((head, after)) = rest.split_first_chunk::<2>() {
        let [SAMPLE, len @ 0..0x80] = *head else { return None };
        let (sample, after) = after.split_at_checked(usize::from(len))?;
        series.points.push(usual_point(sample)?);
        rest = after;
    }
    rest.is_empty().then_some(())
}

/// Reads a series that was guessed anew, without a guess.
pub(super) fn read_again<'a>(message: Message<'a>, series: &mut Series<'a>) -> Result<(), Error> {
    series.clear();
    match read_usual(message, series) {
        Some(()) => Ok(()),
        None => read_series(message, series),
    }
}

/// A sample: value and time in this order, of which a zero may be left out.
#[inline]
fn usual_point(mut sample: &[u8]) -> Option<Point> {
    let mut point = Point { t: 0, v: 0.0 };
    if let [VALUE, rest @ ..] = sample {
        let (bits, rest) = rest.split_first_chunk::<8>()?;
        point.v = f64::from_bits(u64::from_le_bytes(*bits));
        sample = rest;
    }
    if let [TIME, rest @ ..] = sample {
        let (last, front) = rest.split_last()?;
        // Nine bytes hold 63 bits: what is longer, or ends elsewhere, is read as carefully as anything else.
        if front.len() > 8 || *last >= 0x80 || front.iter().any(|b| *b < 0x80) {
            return None;
        }
        let low = front.iter().rev().fold(u64::from(*last), |t, b| (t << 7) | u64::from(b & 0x7f));
        point.t = low as i64;
        return Some(point);
    }
    sample.is_empty().then_some(point)
}

/// Tags: labels and samples of a series, value and time of a sample.
const LABEL: u8 = 1 << 3 | 2;
const SAMPLE: u8 = 2 << 3 | 2;
const VALUE: u8 = 1 << 3 | 1;
const TIME: u8 = 2 << 3;

/// Reads a `TimeSeries` of version 1.
pub(crate) fn read_series<'a>(message: Message<'a>, series: &mut Series<'a>) -> Result<(), Error> {
    series.clear();
    let mut rest = message;
    // Where the run of labels starts and ends, and whether it is one run.
    let (mut start, mut end, mut one_run) = (0, 0, true);
    loop {
        let before = rest.at - message.at;
        let Some((number, value)) = rest.field()? else { break };
        match (number, value) {
            (1, Value::Bytes(label)) => {
                series.labels.push(read_label(label)?);
                if end == 0 {
                    start = before;
                } else {
                    one_run &= end == before;
                }
                end = rest.at - message.at;
            }
            (2, Value::Bytes(sample)) => series.points.push(read_point(sample)?),
            (3, Value::Bytes(exemplar)) => series.exemplars.push(read_exemplar(exemplar)?),
            (4, Value::Bytes(histogram)) => series.histograms.push(read_histogram(histogram)?),
            (1..=4, _) => return Err(rest.error("a field of a series is not a message")),
            _ => {}
        }
    }
    if one_run {
        series.raw = message.bytes.get(start..end).unwrap_or_default();
    }
    Ok(())
}

pub(crate) fn read_label(mut label: Message<'_>) -> Result<(&[u8], &[u8]), Error> {
    let (mut name, mut content): (&[u8], &[u8]) = (&[], &[]);
    while let Some((number, value)) = label.field()? {
        match (number, value) {
            (1, Value::Bytes(text)) => name = text.bytes,
            (2, Value::Bytes(text)) => content = text.bytes,
            (1 | 2, _) => return Err(label.error("a label's name or value is not a string")),
            _ => {}
        }
    }
    Ok((name, content))
}

#[inline]
fn read_point(mut sample: Message<'_>) -> Result<Point, Error> {
    let mut point = Point { t: 0, v: 0.0 };
    while let Some((number, value)) = sample.field()? {
        match (number, value) {
            (1, Value::Fixed64(bits)) => point.v = f64::from_bits(bits),
            (2, Value::Varint(t)) => point.t = t as i64,
            (1 | 2, _) => return Err(sample.error("a sample's value or timestamp has the wrong type")),
            _ => {}
        }
    }
    Ok(point)
}

fn read_exemplar(mut message: Message<'_>) -> Result<Exemplar<'_>, Error> {
    let mut exemplar = Exemplar::default();
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Bytes(label)) => exemplar.labels.push(read_label(label)?),
            (2, Value::Fixed64(bits)) => exemplar.value = f64::from_bits(bits),
            (3, Value::Varint(t)) => exemplar.t = t as i64,
            (1..=3, _) => return Err(message.error("a field of an exemplar has the wrong type")),
            _ => {}
        }
    }
    Ok(exemplar)
}

fn read_metadata(mut message: Message<'_>) -> Result<Metadata<'_>, Error> {
    let mut metadata = Metadata { kind: KINDS[0], ..Metadata::default() };
    while let Some((number, value)) = message.field()? {
        match (number, value) {
            (1, Value::Varint(kind)) => {
                let index = usize::try_from(kind).unwrap_or(usize::MAX);
                metadata.kind = KINDS.get(index).copied().unwrap_or(KINDS[0]);
            }
            (2, Value::Bytes(name)) => metadata.family = text(name)?,
            (4, Value::Bytes(help)) => metadata.help = text(help)?,
            (5, Value::Bytes(unit)) => metadata.unit = text(unit)?,
            (1 | 2 | 4 | 5, _) => return Err(message.error("a field of metadata has the wrong type")),
            _ => {}
        }
    }
    Ok(metadata)
}

fn text(message: Message<'_>) -> Result<&str, Error> {
    std::str::from_utf8(message.bytes).map_err(|_| message.error("invalid UTF-8 in metadata"))
}

/// `MetricMetadata.MetricType` by number.
pub(super) const KINDS: [&str; 8] =
    ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];
