//! A connection: what was read and not yet understood, within bounds.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use model::{Budget, Reservation};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::door::{Batch, Door};

/// Bytes asked for at one time.
const STEP: usize = 64 << 10;
/// Bytes taken together where they are there at once: a write costs the same for few and for many.
const TOGETHER: usize = 1 << 20;
/// While there is no memory.
const PAUSE: Duration = Duration::from_millis(200);
/// A client takes an acknowledgement of a few bytes within this.
const WRITE: Duration = Duration::from_secs(30);

/// A socket, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// What a read led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// There are more bytes.
    More,
    /// The client has closed its side.
    End,
    /// The server stops.
    Stopping,
}

pub(crate) struct Link {
    io: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    done: usize,
    memory: Reservation,
    pub(crate) input: &'static str,
    /// The client's address.
    pub(crate) peer: String,
    pub(crate) door: Arc<Door>,
    pub(crate) stop: CancellationToken,
    /// Bytes of a frame.
    pub(crate) most: usize,
}

impl Link {
    pub(crate) fn new(
        io: Box<dyn Stream>,
        input: &'static str,
        peer: String,
        door: Arc<Door>,
        budget: &Budget,
        stop: CancellationToken,
        most: usize,
    ) -> model::Result<Self> {
        let memory = budget.reserve(0)?;
        Ok(Self { io, buffer: Vec::new(), done: 0, memory, input, peer, door, stop, most })
    }

    /// What is not done with.
    pub(crate) fn unread(&self) -> &[u8] {
        self.buffer.get(self.done..).unwrap_or_default()
    }

    /// So many bytes are done with.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.done = (self.done + bytes).min(self.buffer.len());
    }

    /// Waits for bytes, and takes all that are there.
    pub(crate) async fn fill(&mut self) -> io::Result<Filled> {
        self.buffer.drain(..self.done);
        self.done = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > TOGETHER + STEP {
            self.buffer = Vec::new();
        }
        let before = self.buffer.len();
        loop {
            if !self.room().await {
                return Ok(Filled::Stopping);
            }
            let read = if self.buffer.len() == before {
                tokio::select! {
                    read = self.io.read_buf(&mut self.buffer) => Some(read?),
                    () = self.stop.cancelled() => return Ok(Filled::Stopping),
                }
            } else {
                self.io.read_buf(&mut self.buffer).now_or_never().transpose()?
            };
            match read {
                Some(0) if self.buffer.len() == before => return Ok(Filled::End),
                // What ended is seen at the next call.
                Some(0) | None => return Ok(Filled::More),
                Some(_) if self.buffer.len() - before >= TOGETHER => return Ok(Filled::More),
                Some(_) => {}
            }
        }
    }

    /// Makes room for a step; without memory nothing is read until there is some. `false`: the server stops.
    async fn room(&mut self) -> bool {
        let needed = self.buffer.len() + STEP;
        if needed <= self.buffer.capacity() {
            return true;
        }
        let grown = needed.max(self.buffer.capacity() * 2);
        // What is made of the bytes takes about as much once more.
        let more = (2 * grown as u64).saturating_sub(self.memory.bytes());
        while self.memory.grow(more).is_err() {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.stop.cancelled() => return false,
            }
        }
        self.buffer.reserve(grown - self.buffer.len());
        true
    }

    /// Writes a batch, however long it takes; `false`: the server stops, and it was not written.
    pub(crate) async fn deliver(&self, batch: Batch) -> bool {
        batch.records.is_empty() || self.door.deliver(self.input, batch, &self.stop).await
    }

    /// Sends bytes to the client.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        };
        tokio::time::timeout(WRITE, sent).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Counts a frame that cannot be read, and says so once in the log.
    pub(crate) fn malformed(&self, reason: &'static str, error: &dyn std::fmt::Display) {
        self.door.metrics.malformed(self.input, reason, 1);
        tracing::debug!(input = self.input, peer = self.peer, %error, "a frame cannot be read");
    }
}
