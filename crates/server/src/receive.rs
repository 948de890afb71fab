//! What all receivers of samples do alike: wait for a place, read the body, unpack it, work on a blocking thread. Every
//! step has a bound.

use std::cell::RefCell;
use std::io::Read as _;

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use model::{Error, ErrorKind, Load, Reservation, Result};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::limits::read_body_into;
use crate::metrics::ReasonLabels;
use crate::state::{Shared, State};

/// Bytes unpacked between two looks at the budget.
const STEP: usize = 256 << 10;
/// A thread keeps so much memory for bodies to come. Agents send a megabyte of lines, and what belongs to them.
const KEPT: usize = 2 << 20;

/// Reads the body and hands it to `work` on a blocking thread. Writes at one time are bounded; the place is taken before
/// the body is read, so that bodies in memory are bounded together.
pub(crate) async fn receive<T: Send + 'static>(
    state: &Shared,
    headers: &HeaderMap,
    body: Body,
    work: impl FnOnce(&State, Bytes) -> Result<T> + Send + 'static,
) -> Result<T> {
    let result = receive_inside(state, headers, body, work).await;
    if let Err(error) = &result
        && error.kind == ErrorKind::Limited
    {
        state.parts.budget.sheds().note(Load::Writes, 1, &error.message, state.now_ms());
    }
    result
}

async fn receive_inside<T: Send + 'static>(
    state: &Shared,
    headers: &HeaderMap,
    body: Body,
    work: impl FnOnce(&State, Bytes) -> Result<T> + Send + 'static,
) -> Result<T> {
    state.parts.process.ready()?;
    let limits = &state.limits;
    let place = tokio::time::timeout(limits.body_idle, state.writes.clone().acquire_owned())
        .await
        .map_err(|_| Error::unavailable("too many write requests at one time"))?
        .map_err(|_| Error::unavailable("the server is stopping"))?;
    let mut memory = state.parts.budget.reserve(0)?;
    let mut room = |bytes| memory.grow(bytes);
    let body = read_body_into(headers, body, limits.write_bytes, limits, &mut room).await?;
    let worker = state.clone();
    tokio::task::spawn_blocking(move || {
        let result = work(&worker, body);
        drop((place, memory));
        result
    })
    .await
    .map_err(|e| Error::internal("the write ended unexpectedly").with_detail(e))?
}

/// A body as it was meant, and the memory reserved for it.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) bytes: Bytes,
    _memory: Reservation,
}

/// Undoes the `Content-Encoding`: gzip, deflate (zlib), snappy (block format) or none. Another one is of kind `Invalid`.
pub(crate) fn unpack(state: &State, headers: &HeaderMap, body: Bytes) -> Result<Unpacked> {
    let encoding = header(headers, &http::header::CONTENT_ENCODING);
    let limit = state.limits.write_decompressed_bytes;
    let mut memory = state.parts.budget.reserve(0)?;
    let bytes = match encoding.as_str() {
        "" | "identity" => body,
        "gzip" | "x-gzip" => grow(flate2::read::MultiGzDecoder::new(&*body), limit, &mut memory)?,
        "deflate" => grow(flate2::read::ZlibDecoder::new(&*body), limit, &mut memory)?,
        "snappy" => {
            let mut plain = Vec::new();
            unpack_snappy(&body, limit, &mut memory, &mut plain)?;
            plain.into()
        }
        other => {
            return Err(Error::invalid(format_args!(
                "unsupported content encoding {other:?}; gzip, deflate, snappy and identity are known"
            )));
        }
    };
    Ok(Unpacked { bytes, _memory: memory })
}

/// Hands what a snappy body holds to `work`. It lies in memory of this thread, which is used again: fresh memory for
/// each request would be cleared before it is filled.
pub(crate) fn with_snappy<T>(
    state: &State,
    body: &Bytes,
    work: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    thread_local! {
        static PLAIN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let mut memory = state.parts.budget.reserve(0)?;
    PLAIN.with_borrow_mut(|plain| {
        let limit = state.limits.write_decompressed_bytes;
        let result = unpack_snappy(body, limit, &mut memory, plain).and_then(|()| work(plain));
        if plain.capacity() > KEPT {
            *plain = Vec::new();
        }
        result
    })
}

fn unpack_snappy(body: &Bytes, limit: usize, memory: &mut Reservation, plain: &mut Vec<u8>) -> Result<()> {
    // What is refused whatever there is room for needs none.
    if let Ok(declared @ 1..) = snap::raw::decompress_len(body)
        && declared <= limit
    {
        // Beside the body: references, times and values of what it holds.
        memory.grow(2 * declared as u64)?;
    }
    wire::remote_write::decompress(body, limit, plain).map_err(|e| Error::new(e.kind(), e))
}

fn grow(mut reader: impl std::io::Read, limit: usize, memory: &mut Reservation) -> Result<Bytes> {
    let mut plain = Vec::new();
    loop {
        memory.grow(STEP as u64)?;
        let before = plain.len();
        let taken = reader.by_ref().take(STEP as u64).read_to_end(&mut plain);
        taken.map_err(|e| Error::invalid(format_args!("the compressed body cannot be read: {e}")))?;
        if plain.len() > limit {
            let text = format_args!("the decompressed body is larger than {limit} bytes");
            return Err(Error::too_large(text));
        }
        if plain.len() - before < STEP {
            return Ok(plain.into());
        }
    }
}

/// A header in lower case without blanks around it, or `""`.
pub(crate) fn header(headers: &HeaderMap, name: &http::HeaderName) -> String {
    headers.get(name).map_or_else(String::new, |v| v.to_str().unwrap_or("?").trim().to_ascii_lowercase())
}

/// Counts what a receiver could not store.
pub(crate) fn count_rejected(family: &Family<ReasonLabels, Counter>, reason: &'static str, samples: usize) {
    if samples > 0 {
        family.get_or_create(&ReasonLabels { reason }).inc_by(samples as u64);
    }
}
