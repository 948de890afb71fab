//! History into the running server: a body of any length, read as it comes, stored in blocks past the head.
//!
//! What is sent twice is stored once, so an import that was cut off is simply sent again. Each block appears whole; one
//! that holds a time already keeps what it has. The body waits while blocks are written: memory is bounded by what
//! [`model::MetricHistory`] reserves and a few pieces.

mod body;
mod running;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use model::{Ctx, Error, HistoryWriter, Imported, Reservation, Result, SeriesData, Tenant};
use serde::Serialize;
use std::io::Read;
use std::sync::Arc;

pub(crate) use running::{Imports, Running};

use self::body::{Pieces, feed};
use super::error::Answer;
use super::id;
use crate::receive::{count_rejected, header};
use crate::state::{self, Shared};

/// Samples of one series that go to the store together.
const RUN: usize = 4096;
/// What is read of a body at once.
const PIECE: usize = 256 << 10;

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Frames of `wire::history`.
    Frames,
    /// OpenMetrics text; every sample has a timestamp.
    OpenMetrics,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let kind = header(headers, &CONTENT_TYPE);
        match kind.split(';').next().unwrap_or_default().trim() {
            wire::history::CONTENT_TYPE => Ok(Self::Frames),
            "application/openmetrics-text" | "text/plain" => Ok(Self::OpenMetrics),
            other => Err(Error::invalid(format_args!(
                "content type {other:?} is not history: application/openmetrics-text (every sample with a timestamp, `# EOF` \
                 at the end) and {} are",
                wire::history::CONTENT_TYPE
            ))),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::OpenMetrics => "openmetrics",
        }
    }
}

/// How far an import is, or how it ended.
#[derive(Debug, Serialize)]
pub(crate) struct ImportState {
    pub(crate) id: u64,
    pub(crate) format: &'static str,
    pub(crate) started_ms: i64,
    pub(crate) received_bytes: u64,
    pub(crate) series: u64,
    pub(crate) samples: u64,
    pub(crate) known: u64,
    pub(crate) expired: u64,
    pub(crate) refused: u64,
    pub(crate) first_refusal: Option<String>,
    pub(crate) blocks: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ImportList {
    pub(crate) imports: Vec<ImportState>,
    /// Samples before this time are left out, ms; `null`: none are.
    pub(crate) retained_since_ms: Option<i64>,
}

pub(crate) async fn list(State(state): State<Shared>) -> Json<ImportList> {
    let retention = state.parts.process.storage().retention_ms;
    let retained_since_ms = (retention > 0).then(|| state.now_ms().saturating_sub(retention));
    Json(ImportList { imports: state.imports.list(), retained_since_ms })
}

pub(crate) async fn cancel(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
) -> Answer<Json<ImportState>> {
    let id = id(path)?;
    let found = id.parse().ok().and_then(|id| state.imports.cancel(id));
    let shown: String = id.chars().take(40).collect();
    Ok(Json(found.ok_or_else(|| Error::not_found(format_args!("no import {shown:?} is under way")))?))
}

pub(crate) async fn import(State(state): State<Shared>, request: Request) -> Answer<Json<ImportState>> {
    state.parts.process.ready()?;
    let (parts, body) = request.into_parts();
    let format = Format::of(&parts.headers)?;
    let gzip = match header(&parts.headers, &CONTENT_ENCODING).as_str() {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        other => {
            let text = format_args!("content encoding {other:?} is not known here; gzip and identity are");
            return Err(Error::invalid(text).into());
        }
    };
    let running = state.imports.begin(format.as_str(), state.now_ms())?;
    let place = Place { state: state.clone(), id: running.id };
    let (sender, pieces) = Pieces::channel();
    let (worker, shared) = (running.clone(), state.clone());
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut input: Box<dyn Read> =
            if gzip { Box::new(MultiGzDecoder::new(pieces)) } else { Box::new(pieces) };
        take_all(&shared, &worker, format, &mut *input)
    });
    let fed = feed(body, sender, &running, &state).await;
    let ended = work.await.map_err(|e| Error::internal("the import ended unexpectedly").with_detail(e))?;
    let samples = running.state().samples;
    state.metrics.received("history", usize::try_from(samples).unwrap_or(usize::MAX));
    let refused = usize::try_from(running.state().refused).unwrap_or(usize::MAX);
    count_rejected(&state.metrics.received_rejected, "history_refused", refused);
    if running.is_cancelled() {
        let text = format_args!("the import was cancelled; the {samples} samples that are in blocks stay");
        return Err(Error::conflict(text).into());
    }
    // Why the body ended early says more than that it did.
    fed?;
    ended?;
    tracing::info!(
        samples,
        bytes = running.state().received_bytes,
        format = format.as_str(),
        "history taken in"
    );
    Ok(Json(running.state()))
}

/// A place among the imports under way, given back however the work ends.
struct Place {
    state: Shared,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.state.imports.end(self.id);
    }
}

fn take_all(
    state: &state::State,
    running: &Arc<Running>,
    format: Format,
    input: &mut dyn Read,
) -> Result<()> {
    let none = || Error::invalid("this metric store takes no history in");
    let history = state.parts.history.clone().ok_or_else(none)?;
    let ctx = Ctx {
        tenant: Tenant::default(),
        deadline: None,
        cancel: running.cancel_flag(),
        budget: state.parts.budget.clone(),
    };
    let mut reading = ctx.budget.reserve(match format {
        Format::Frames => PIECE as u64,
        Format::OpenMetrics => wire::openmetrics::pieces::MEMORY,
    })?;
    let mut taker = Taker { writer: history.begin(&ctx)?, running };
    match format {
        Format::Frames => frames(input, &mut taker, &mut reading)?,
        Format::OpenMetrics => openmetrics(input, &mut taker)?,
    }
    let report = taker.writer.finish()?;
    running.report(report);
    Ok(())
}

struct Taker<'a> {
    writer: Box<dyn HistoryWriter + 'a>,
    running: &'a Running,
}

impl Taker<'_> {
    fn add(&mut self, data: &SeriesData) -> Result<()> {
        let result = self.writer.add(data);
        self.running.report(self.writer.report());
        result
    }
}

fn openmetrics(input: &mut dyn Read, taker: &mut Taker<'_>) -> Result<()> {
    let mut run = SeriesData::default();
    wire::openmetrics::pieces::read(input, &[], &mut |labels, t, v, _| {
        if run.labels != *labels || run.t.len() >= RUN {
            if !run.is_empty() {
                taker.add(&run)?;
            }
            run.clear();
            run.labels = labels.clone();
        }
        run.push_float(0, t, v);
        Ok(())
    })?;
    if run.is_empty() { Ok(()) } else { taker.add(&run) }
}

fn frames(input: &mut dyn Read, taker: &mut Taker<'_>, reading: &mut Reservation) -> Result<()> {
    let mut frames = wire::history::Frames::default();
    let mut piece = vec![0; PIECE];
    let wrong = |e: wire::remote_write::Error| Error::new(e.kind(), e);
    loop {
        let n = input
            .read(&mut piece)
            .map_err(|e| Error::invalid(format_args!("the request body cannot be read: {e}")))?;
        if n == 0 {
            break;
        }
        frames.push(&piece[..n]); // `read` says how much of it was filled
        let more = (frames.memory() + PIECE as u64).saturating_sub(reading.bytes());
        if more > 0 {
            reading.grow(more)?;
        }
        while let Some(frame) = frames.next_frame().map_err(wrong)? {
            wire::history::read_frame::<Stopped>(frame, &mut |data, problem| match problem {
                None => taker.add(data).map_err(Stopped),
                Some(problem) => {
                    taker.running.refuse(data.len() as u64, problem);
                    Ok(())
                }
            })
            .map_err(|stopped| stopped.0)?;
        }
    }
    if frames.has_ended() { Ok(()) } else { Err(Error::invalid("the history was cut off; send it again")) }
}

/// Why reading a frame ended: its own error, or that of the store.
struct Stopped(Error);

impl From<wire::remote_write::Error> for Stopped {
    fn from(error: wire::remote_write::Error) -> Self {
        Self(Error::new(error.kind(), error))
    }
}

/// The figures of an import.
fn shown(running: &Running, report: Imported, first_refusal: Option<String>) -> ImportState {
    ImportState {
        id: running.id,
        format: running.format,
        started_ms: running.started_ms,
        received_bytes: running.received(),
        series: report.series,
        samples: report.samples,
        known: report.known,
        expired: report.expired,
        refused: report.refused,
        first_refusal,
        blocks: report.blocks,
    }
}
