//! What a single client may cost: body sizes, decompressed sizes, and time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use model::{Error, Result};
use tokio::time::Instant;

/// Bounds on requests. Every one has a default that suits a server that others can reach.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a form body.
    pub form_bytes: usize,
    /// Bytes of a write body as sent.
    pub write_bytes: usize,
    /// Bytes of a write body once decompressed.
    pub write_decompressed_bytes: usize,
    /// Samples that one query of a remote read may return, 0: no limit. Streamed answers have none.
    pub read_samples: u64,
    /// Remote reads at one time, 0: no limit.
    pub remote_reads: usize,
    /// Bytes of one frame of a streamed remote read.
    pub read_frame_bytes: usize,
    /// How often what was pushed to the Pushgateway API is written to the store.
    pub push_interval: Duration,
    /// Series whose reference is remembered from write to write.
    pub write_series_cache: usize,
    /// Until when the headers of a request must have arrived.
    pub header_timeout: Duration,
    /// How long a request may take to arrive, however steadily it does.
    pub read_timeout: Duration,
    /// How long a client may let its body stand still.
    pub body_idle: Duration,
    /// How long a client may refuse to take a response's next bytes.
    pub write_idle: Duration,
    /// Connections at one time.
    pub connections: usize,
    /// Queries at one time.
    pub queries: usize,
    /// Write requests at one time.
    pub writes: usize,
    /// Event streams (live pages and log tails) at one time.
    pub streams: usize,
    /// Clients that wait for notifications at one time.
    pub notification_streams: usize,
    /// The longest a query may take, waiting for its turn included.
    pub query_timeout: Duration,
    /// How long requests may go on once the server stops.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            form_bytes: 4 << 20,
            write_bytes: 32 << 20,
            write_decompressed_bytes: 128 << 20,
            read_samples: 50_000_000,
            remote_reads: 10,
            read_frame_bytes: 1 << 20,
            push_interval: Duration::from_secs(15),
            write_series_cache: 10_000_000,
            header_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(300),
            body_idle: Duration::from_secs(30),
            write_idle: Duration::from_secs(60),
            connections: 512,
            queries: 20,
            writes: 16,
            streams: 64,
            notification_streams: 16,
            query_timeout: Duration::from_secs(120),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// A client's word for the length is taken up to here.
const MOST_AHEAD: usize = 1 << 20;

/// Reads a body of at most `limit` bytes; a client that lets it stand still, or does not come to its end, is given up.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    limits: &Limits,
) -> Result<Bytes> {
    read_body_into(headers, body, limit, limits, &mut |_| Ok(())).await
}

/// Like [`read_body`], asking before each piece whether there is memory for so many bytes more.
pub(crate) async fn read_body_into(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    limits: &Limits,
    room: &mut (dyn FnMut(u64) -> Result<()> + Send),
) -> Result<Bytes> {
    let declared =
        headers.get(http::header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|n| n > limit as u64) {
        return Err(too_large(limit));
    }
    let mut reserved = declared.unwrap_or(0);
    room(reserved)?;
    // At most `limit`.
    let declared = declared.map(|n| n as usize);
    let end = Instant::now() + limits.read_timeout;
    let mut stream = body.into_data_stream();
    let mut read = Vec::with_capacity(declared.unwrap_or(0).min(MOST_AHEAD));
    loop {
        let still = Instant::now() + limits.body_idle;
        match tokio::time::timeout_at(still.min(end), stream.next()).await {
            Err(_) if still < end => {
                return Err(Error::timeout("the request body stood still for too long"));
            }
            Err(_) => return Err(Error::timeout("the request took too long to arrive")),
            Ok(None) => return Ok(read.into()),
            Ok(Some(Err(error))) => {
                return Err(Error::invalid("the request body ended early").with_detail(error));
            }
            Ok(Some(Ok(chunk))) => {
                if read.len() + chunk.len() > limit {
                    return Err(too_large(limit));
                }
                let needed = read.len() + chunk.len();
                if needed > read.capacity() {
                    let grown = declared.unwrap_or(2 * read.capacity()).min(limit).max(needed);
                    // It is copied: both are there for a moment.
                    let both = (read.capacity() + grown) as u64;
                    room(both.saturating_sub(reserved))?;
                    reserved = reserved.max(both);
                    read.reserve_exact(grown - read.len());
                }
                read.extend_from_slice(&chunk);
            }
        }
    }
}

fn too_large(limit: usize) -> Error {
    Error::too_large(format_args!("the request body is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is reserved for a body of `pieces` kilobytes, and what is read.
    async fn reserved(pieces: usize, declared: bool) -> (u64, Bytes) {
        let mut headers = HeaderMap::new();
        if declared {
            headers.insert(http::header::CONTENT_LENGTH, (pieces * 1024).into());
        }
        let all = (0..pieces).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![n as u8; 1024])));
        let body = Body::from_stream(futures::stream::iter(all.collect::<Vec<_>>()));
        let mut sum = 0;
        let mut room = |bytes| {
            sum += bytes;
            Ok(())
        };
        let read = read_body_into(&headers, body, 32 << 20, &Limits::default(), &mut room).await;
        (sum, read.unwrap())
    }

    #[tokio::test]
    async fn memory_is_reserved_for_all_of_a_body_whether_its_length_is_told_or_not() {
        for pieces in [0, 1, 3, 1023, 1024, 1025, 9_000] {
            for declared in [true, false] {
                let (sum, read) = reserved(pieces, declared).await;
                let size = (pieces * 1024) as u64;
                assert_eq!(read.len() as u64, size);
                assert!(read.chunks(1024).enumerate().all(|(n, piece)| piece == [n as u8; 1024]));
                let most = if declared { size + MOST_AHEAD as u64 } else { 3 * size };
                assert!((size..=most).contains(&sum), "{sum} reserved for {size}, told: {declared}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_without_room_ends() {
        let body = Body::from(vec![0; 100]);
        let mut none = |bytes| if bytes > 0 { Err(Error::limited("none")) } else { Ok(()) };
        let limits = Limits::default();
        let read = read_body_into(&HeaderMap::new(), body, 1000, &limits, &mut none).await;
        assert_eq!(read.unwrap_err().kind, model::ErrorKind::Limited);
    }
}
