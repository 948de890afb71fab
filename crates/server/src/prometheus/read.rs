//! The remote read server: samples in one message, or a stream of encoded chunks.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use model::{
    Ctx, Error, ErrorKind, Labels, MatchOp, Matcher, Result, SelectHints, Selected, SeriesData, TimeRange,
};
use tokio::sync::mpsc;
use wire::chunk;
use wire::remote_read::{
    ChunkRef, Query, ReadRequest, ResponseType, ResponseWriter, SAMPLES_TYPE, STREAM_TYPE, put_frame,
    write_chunked,
};
use wire::remote_write::{compress, decompress};

use crate::limits::read_body;
use crate::state::{self, Counted, Shared};

/// Bytes of a request, compressed or not.
const REQUEST_BYTES: usize = 32 << 20;
/// Frames that wait for the client.
const FRAMES: usize = 4;

pub(crate) async fn read(State(state): State<Shared>, request: Request) -> Response {
    match respond(&state, request).await {
        Ok(response) => response,
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &Error) -> Response {
    let status = match error.kind {
        ErrorKind::Invalid | ErrorKind::TooLarge => StatusCode::BAD_REQUEST,
        ErrorKind::Unavailable | ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        kind => StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    if error.kind == ErrorKind::Internal {
        tracing::error!(%error, detail = error.detail, "a remote read failed");
    }
    (status, format!("{}\n", error.message)).into_response()
}

async fn respond(state: &Shared, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let _running = Counted::new(&state.metrics.named.remote_reads);
    let place = state.remote_reads.clone().acquire_owned().await;
    let place = place.map_err(|_| Error::unavailable("the server is stopping"))?;
    let body = read_body(&parts.headers, body, REQUEST_BYTES, &state.limits).await?;
    let mut plain = Vec::new();
    decompress(&body, REQUEST_BYTES, &mut plain).map_err(|e| Error::new(e.kind(), e))?;
    let request = ReadRequest::decode(&plain)?;
    let kind = request.negotiate().map_err(Error::invalid)?;
    match kind {
        ResponseType::Samples => {
            let body = state.read(None, move |state, ctx| samples(state, ctx, &request)).await??;
            drop(place);
            Ok(([(CONTENT_TYPE, SAMPLES_TYPE), (CONTENT_ENCODING, "snappy")], body).into_response())
        }
        ResponseType::StreamedChunks => {
            let (sender, receiver) = mpsc::channel(FRAMES);
            let state = state.clone();
            tokio::spawn(async move {
                let frames = sender.clone();
                let work = state.read(None, move |state, ctx| chunks(state, ctx, &request, &frames));
                if let Err(error) = work.await.and_then(|done| done) {
                    // The client has gone, or is told below.
                    let _ = sender.send(Err(error)).await;
                }
                drop(place);
            });
            stream(receiver).await
        }
    }
}

/// Waits for the first frame, so that what fails at once still has a status of its own.
async fn stream(mut receiver: mpsc::Receiver<Result<Bytes>>) -> Result<Response> {
    let first = receiver.recv().await.transpose()?;
    let rest = futures::stream::unfold((first, receiver), |(first, mut receiver)| async move {
        let piece = match first {
            Some(first) => Ok(first),
            None => receiver.recv().await?,
        };
        if let Err(error) = &piece {
            tracing::warn!(%error, "a streamed remote read broke off");
        }
        Some((piece, (None, receiver)))
    });
    let body = Body::from_stream(futures::StreamExt::fuse(rest));
    Ok(([(CONTENT_TYPE, STREAM_TYPE)], body).into_response())
}

/// What is stored has no external labels: asking for their value means asking for series without them.
fn matchers(query: &Query, external: &Labels) -> Vec<Matcher> {
    let without = |m: &Matcher| m.op == MatchOp::Equal && external.get_or_empty(&m.name) == m.value;
    let of = |m: &Matcher| if without(m) { Matcher::equal(&m.name, "") } else { m.clone() };
    query.matchers.iter().map(of).collect()
}

/// Walks the series that a query asks for, with external labels added.
fn each(
    state: &state::State,
    ctx: &Ctx,
    query: &Query,
    external: &Labels,
    mut take: impl FnMut(Labels, &SeriesData) -> Result<()>,
) -> Result<()> {
    let range = TimeRange::new(query.start, query.end);
    let matchers = matchers(query, external);
    state.usage.note_selector(&matchers);
    let selection = state.parts.metrics.select(ctx, &matchers, range, &SelectHints::default())?;
    let Selected::Series(partitions) = selection.data else { return Ok(()) };
    let mut series = SeriesData::default();
    for mut partition in partitions {
        while partition.next(&mut series)? {
            ctx.check()?;
            let mut labels = external.to_builder();
            for (name, value) in &series.labels {
                labels.set(name, value);
            }
            take(labels.build(), &series)?;
        }
    }
    Ok(())
}

fn samples(state: &state::State, ctx: &Ctx, request: &ReadRequest) -> Result<Vec<u8>> {
    let settings = state.parts.process.settings();
    let limit = state.limits.read_samples;
    let mut writer = ResponseWriter::new();
    let mut memory = ctx.budget.reserve(0)?;
    for query in &request.queries {
        let mut seen = 0u64;
        each(state, ctx, query, &settings.external_labels, |labels, series| {
            seen += (series.t.len() + series.histograms.len()) as u64;
            if limit > 0 && seen > limit {
                return Err(Error::invalid(format_args!("exceeded sample limit ({limit})")));
            }
            let before = writer.len();
            writer.series(&labels, series);
            memory.grow((writer.len() - before) as u64)
        })?;
        writer.end_query();
    }
    compress(&writer.into_bytes()).map_err(|e| Error::new(e.kind(), e))
}

fn chunks(
    state: &state::State,
    ctx: &Ctx,
    request: &ReadRequest,
    frames: &mpsc::Sender<Result<Bytes>>,
) -> Result<()> {
    let settings = state.parts.process.settings();
    let most = state.limits.read_frame_bytes;
    for (index, query) in request.queries.iter().enumerate() {
        // A stream is sorted, and partitions are not: the encoded series wait, within the budget of the request.
        let mut memory = ctx.budget.reserve(0)?;
        let mut encoded: Vec<(Labels, Vec<chunk::Chunk>)> = Vec::new();
        each(state, ctx, query, &settings.external_labels, |labels, series| {
            let mut all = Vec::new();
            chunk::encode(series, chunk::Options::default(), |chunk| all.push(chunk));
            let bytes: usize = all.iter().map(|c| c.bytes.len() + 64).sum();
            memory.grow((bytes + labels.canonical().len() + 64) as u64)?;
            encoded.push((labels, all));
            Ok(())
        })?;
        encoded.sort_by(|a, b| a.0.cmp(&b.0));
        for (labels, all) in encoded {
            for part in parts(&all, most.saturating_sub(labels.canonical().len())) {
                let part = part.iter().map(|c| ChunkRef {
                    min_time: c.min_time,
                    max_time: c.max_time,
                    encoding: c.encoding.code(),
                    bytes: &c.bytes,
                });
                let mut frame = Vec::new();
                put_frame(&mut frame, &write_chunked(index as i64, &labels, part));
                ctx.check()?;
                if frames.blocking_send(Ok(frame.into())).is_err() {
                    return Ok(()); // the client has gone
                }
            }
        }
    }
    Ok(())
}

/// Chunks frame by frame: each frame is over `most` bytes by at most one chunk.
fn parts(chunks: &[chunk::Chunk], most: usize) -> Vec<&[chunk::Chunk]> {
    let (mut parts, mut from, mut size) = (Vec::new(), 0, 0);
    for (at, chunk) in chunks.iter().enumerate() {
        size += chunk.bytes.len() + 16;
        if size >= most {
            parts.push(&chunks[from..=at]); // `from` never passes `at`
            (from, size) = (at + 1, 0);
        }
    }
    if from < chunks.len() {
        parts.push(&chunks[from..]);
    }
    parts
}
