//! The body of an answer into series, within the memory that the query may take.

use std::collections::HashMap;

use model::{Ctx, Error, Labels, Reservation, Result, SeriesData, TimeRange};
use outbound::Response;
use wire::chunk;
use wire::remote_read::{self, ResponseReader, STREAM_TYPE};
use wire::remote_write::{self, Series};

use super::join::{extend, push_start};

/// Most bytes of a compressed answer with samples.
const MAX_BODY: usize = 256 << 20;
/// Most bytes of one that is decompressed.
const MAX_DECODED: usize = 1 << 30;
/// What a series takes beside its samples and labels.
const SERIES_BYTES: u64 = 256;

/// Series by their labels, with the memory they take.
pub(super) struct Answer {
    pub(super) series: HashMap<Labels, SeriesData>,
    pub(super) held: Reservation,
}

/// Builds an [`Answer`].
struct Building<'a> {
    ctx: &'a Ctx,
    range: TimeRange,
    /// Labels that were asked for and are not part of the series here.
    strip: &'a [String],
    series: HashMap<Labels, SeriesData>,
    held: Reservation,
}

fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::unavailable(format_args!("error reading response: {why}"))
}

/// Reads the answer to one query.
pub(super) async fn read(
    ctx: &Ctx,
    response: Response,
    range: TimeRange,
    strip: &[String],
    frame_limit: usize,
) -> Result<Answer> {
    let content_type = response.header(outbound::client::header::CONTENT_TYPE);
    let streamed = content_type.starts_with("application/x-streamed-protobuf");
    if streamed && !content_type.replace(' ', "").eq_ignore_ascii_case(&STREAM_TYPE.replace(' ', "")) {
        return Err(unreadable(format_args!("its content type is {content_type:?}")));
    }
    let held = ctx.budget.reserve(0)?;
    let mut building = Building { ctx, range, strip, series: HashMap::new(), held };
    if streamed {
        building.stream(response, frame_limit).await?;
    } else {
        building.samples(response).await?;
    }
    Ok(Answer { series: building.series, held: building.held })
}

impl Building<'_> {
    async fn samples(&mut self, mut response: Response) -> Result<()> {
        let mut body = Vec::new();
        let mut while_read = self.ctx.budget.reserve(0)?;
        while let Some(piece) = response.chunk().await.map_err(unreadable)? {
            if body.len() + piece.len() > MAX_BODY {
                return Err(unreadable(format_args!("it has more than {MAX_BODY} bytes")));
            }
            while_read.grow(piece.len() as u64)?;
            body.extend_from_slice(&piece);
            self.ctx.check()?;
        }
        let mut decoded = Vec::new();
        // The declared size is checked against the limit and reserved before anything is allocated.
        while_read.grow(declared(&body).min(MAX_DECODED as u64))?;
        remote_write::decompress(&body, MAX_DECODED, &mut decoded).map_err(unreadable)?;
        drop(body);
        let mut reader = ResponseReader::new(&decoded);
        let mut series = Series::default();
        while let Some(query) = reader.next_series(&mut series).map_err(unreadable)? {
            if query > 0 {
                return Err(unreadable("it has more results than were asked for"));
            }
            self.ctx.check()?;
            self.held.grow(
                SERIES_BYTES + 16 * series.points.len() as u64 + 512 * series.histograms.len() as u64,
            )?;
            let mut data = SeriesData::default();
            for (at, point) in series.points.iter().enumerate() {
                if self.range.contains(point.t) && data.t.last().is_none_or(|last| *last < point.t) {
                    push_start(&mut data.start, data.t.len(), series.starts.get(at).copied().unwrap_or(0));
                    data.t.push(point.t);
                    data.v.push(point.v);
                }
            }
            for mut point in std::mem::take(&mut series.histograms) {
                if self.range.contains(point.t)
                    && data.histograms.last().is_none_or(|(last, _)| *last < point.t)
                {
                    point.make_storable().map_err(unreadable)?;
                    push_start(&mut data.histogram_start, data.histograms.len(), point.start);
                    data.histograms.push((point.t, point.value));
                }
            }
            let labels = labels(series.labels.iter().copied(), self.strip)?;
            self.add(labels, data);
        }
        Ok(())
    }

    async fn stream(&mut self, mut response: Response, frame_limit: usize) -> Result<()> {
        let mut waiting: Vec<u8> = Vec::new();
        let mut while_read = self.ctx.budget.reserve(0)?;
        while let Some(piece) = response.chunk().await.map_err(unreadable)? {
            let have = while_read.bytes();
            let need = (waiting.len() + piece.len()) as u64;
            if need > have {
                while_read.grow(need - have)?;
            }
            waiting.extend_from_slice(&piece);
            let mut taken = 0;
            while let Some((message, bytes)) =
                remote_read::take_frame(waiting.get(taken..).unwrap_or_default(), frame_limit)
                    .map_err(unreadable)?
            {
                taken += bytes;
                self.ctx.check()?;
                self.frame(message)?;
            }
            waiting.drain(..taken);
        }
        if waiting.is_empty() { Ok(()) } else { Err(unreadable("it ends within a frame")) }
    }

    fn frame(&mut self, message: &[u8]) -> Result<()> {
        for series in remote_read::read_chunked(message).map_err(unreadable)? {
            if series.query != 0 {
                return Err(unreadable("it has more results than were asked for"));
            }
            let mut all = SeriesData::default();
            for piece in &series.chunks {
                let encoding = chunk::Encoding::from_code(piece.encoding).map_err(unreadable)?;
                let samples = chunk::sample_count(encoding, piece.bytes) as u64;
                // A histogram is as long as its bytes let it be at most.
                let each = if encoding.is_histogram() { 512 } else { 16 };
                self.held.grow(SERIES_BYTES + each * samples)?;
                let mut one = SeriesData::default();
                chunk::decode(encoding, piece.bytes, &mut one).map_err(unreadable)?;
                cut(&mut one, self.range);
                extend(&mut all, one);
            }
            let labels = labels(series.labels.iter().copied(), self.strip)?;
            self.add(labels, all);
        }
        Ok(())
    }

    /// Adds samples of a series, which may come in parts.
    fn add(&mut self, labels: Labels, data: SeriesData) {
        match self.series.get_mut(&labels) {
            Some(known) => extend(known, data),
            None => {
                self.series.insert(labels, data);
            }
        }
    }
}

/// The size that a snappy block says it has, decompressed.
fn declared(body: &[u8]) -> u64 {
    let mut size = 0u64;
    for (at, byte) in body.iter().take(5).enumerate() {
        size |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            break;
        }
    }
    size
}

/// Labels that are sorted, once each, and none of `strip`.
fn labels<'l>(pairs: impl Iterator<Item = (&'l [u8], &'l [u8])>, strip: &[String]) -> Result<Labels> {
    let mut builder = model::LabelsBuilder::new();
    for (name, value) in pairs {
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
            return Err(unreadable("a label is not valid UTF-8"));
        };
        if !strip.iter().any(|stripped| stripped == name) {
            builder.set(name, value);
        }
    }
    Ok(builder.build())
}

/// Leaves what is within `range`: chunks may reach beyond it.
fn cut(data: &mut SeriesData, range: TimeRange) {
    let keep = |t: i64| range.contains(t);
    let mut flags = data.t.iter().map(|t| keep(*t)).collect::<Vec<_>>();
    if flags.iter().any(|kept| !kept) {
        let mut at = 0..;
        data.v.retain(|_| at.next().is_some_and(|i: usize| flags.get(i).copied().unwrap_or(false)));
        let mut at = 0..;
        data.start.retain(|_| at.next().is_some_and(|i: usize| flags.get(i).copied().unwrap_or(false)));
        data.t.retain(|t| keep(*t));
    }
    flags = data.histograms.iter().map(|(t, _)| keep(*t)).collect();
    if flags.iter().any(|kept| !kept) {
        let mut at = 0..;
        data.histogram_start
            .retain(|_| at.next().is_some_and(|i: usize| flags.get(i).copied().unwrap_or(false)));
        data.histograms.retain(|(t, _)| keep(*t));
    }
}
