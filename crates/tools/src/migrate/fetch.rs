//! History of a running server by remote read, slice by slice.

use std::time::Duration;

use model::metrics::SeriesData;
use model::{Imported, Labels, MatchOp, Matcher, TimeRange};
use tsdb::import::Spool;
use wire::chunk::{Encoding, decode};
use wire::remote_read::{Query, ReadRequest, ResponseReader, STREAM_TYPE, read_chunked, take_frame};
use wire::remote_write::{Series, compress, decompress};

use crate::http::Server;
use crate::tsdb::import::{MEMORY, Sink};
use crate::tsdb::progress::Progress;
use crate::{Context, Exit, Failed, Outcome};

/// What is asked for at once, ms.
const SLICE: i64 = 2 * 3_600_000;
const LIMIT: Duration = Duration::from_secs(600);
const MAX_ANSWER: usize = 1 << 30;
const MAX_FRAME: usize = 256 << 20;

/// Brings the samples within `range` to `sink`.
pub(super) fn history(url: &str, range: TimeRange, sink: &mut Sink, context: &mut Context<'_>) -> Outcome {
    let server = Server::new(url)?;
    let slices = range.end.saturating_sub(range.start).max(0).unsigned_abs();
    let mut progress = Progress::new(slices);
    let mut total = Imported::default();
    let (mut samples, mut start) = (0u64, range.start);
    while start <= range.end {
        let end = (start.div_euclid(SLICE) + 1).saturating_mul(SLICE).saturating_sub(1).min(range.end);
        let mut spool = Spool::over(MEMORY, |range, next| sink.block(range, next));
        read(&server, TimeRange::new(start, end), &mut |data| {
            samples += data.len() as u64;
            spool.add(data).map_err(Failed::from)
        })?;
        total.add(spool.finish()?);
        progress.share(context.err, start.abs_diff(range.start), samples);
        start = end + 1;
    }
    progress.pause(context.err);
    writeln!(
        context.out,
        "{} samples stored in {} blocks, {} were there already; {:.1} s",
        total.samples,
        total.blocks,
        total.known,
        progress.seconds()
    )?;
    if total.expired > 0 {
        writeln!(
            context.err,
            "{} samples are older than the retention of the server and were left out",
            total.expired
        )?;
    }
    if let Some(refused) = sink.refused() {
        writeln!(context.err, "{refused}")?;
        return Ok(Exit::Failure);
    }
    Ok(Exit::Success)
}

/// Gives `take` the series of one slice, maybe in parts.
fn read(
    server: &Server,
    range: TimeRange,
    take: &mut dyn FnMut(&SeriesData) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let every = Matcher::new("__name__", MatchOp::Regex, ".+").map_err(Failed::from)?;
    let query = Query { start: range.start, end: range.end, matchers: vec![every], hints: None };
    // Streamed chunks, else samples.
    let request = ReadRequest { queries: vec![query], accepted: vec![1, 0] };
    let body = compress(&request.encode()).map_err(Failed::new)?;
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-read-version", "0.1.0"),
    ];
    let answer = server.post("/api/v1/read", &headers, body, LIMIT)?;
    if answer.status != 200 {
        return Err(Failed::new(format_args!(
            "{}: remote read: {}: {}",
            server.url(),
            answer.status,
            String::from_utf8_lossy(&answer.body).trim()
        )));
    }
    // A frame begins with its size and a checksum; the other answer is compressed as a whole.
    match streamed(&answer.body, range, take)? {
        true => Ok(()),
        false => sampled(&answer.body, take),
    }
}

/// Reads frames; `false` where these are none ([`STREAM_TYPE`] was not given).
fn streamed(
    mut body: &[u8],
    range: TimeRange,
    take: &mut dyn FnMut(&SeriesData) -> Result<(), Failed>,
) -> Result<bool, Failed> {
    let mut first = true;
    while !body.is_empty() {
        let frame = match take_frame(body, MAX_FRAME) {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(_) if first => return Ok(false),
            Ok(None) => return Err(Failed::new("remote read: the answer was cut off")),
            Err(e) => return Err(Failed::new(format_args!("remote read: {e}"))),
        };
        first = false;
        for series in read_chunked(frame.0).map_err(Failed::new)? {
            let mut data = SeriesData { labels: labels(&series.labels), ..SeriesData::default() };
            for chunk in &series.chunks {
                let encoding = Encoding::from_code(chunk.encoding).map_err(Failed::new)?;
                decode(encoding, chunk.bytes, &mut data).map_err(Failed::new)?;
            }
            // Chunks are sent whole: the next slice has the rest.
            data.keep(|t| range.contains(t));
            take(&data)?;
        }
        body = &body[frame.1..];
    }
    Ok(true)
}

/// Bytes that are no UTF-8 are replaced.
fn labels(pairs: &[(&[u8], &[u8])]) -> Labels {
    Labels::from_pairs(
        pairs.iter().map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value))),
    )
}

fn sampled(body: &[u8], take: &mut dyn FnMut(&SeriesData) -> Result<(), Failed>) -> Result<(), Failed> {
    let mut message = Vec::new();
    decompress(body, MAX_ANSWER, &mut message)
        .map_err(|e| Failed::new(format_args!("remote read ({STREAM_TYPE} or samples): {e}")))?;
    let mut reader = ResponseReader::new(&message);
    let mut series = Series::default();
    while reader.next_series(&mut series).map_err(Failed::new)?.is_some() {
        let mut data = SeriesData { labels: labels(&series.labels), ..SeriesData::default() };
        for point in &series.points {
            data.push_float(0, point.t, point.v);
        }
        for histogram in &series.histograms {
            data.push_histogram(histogram.start, histogram.t, histogram.value.clone());
        }
        take(&data)?;
    }
    Ok(())
}
