//! The way of a body from the connection to the thread that reads it.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Buf, Bytes};
use futures::StreamExt;
use model::{Error, Result};
use tokio::sync::mpsc;

use super::Running;
use crate::state;

/// Pieces that wait to be read.
const WAITING: usize = 4;
/// For so long a body is read on after an error, so that the client sees the answer and not a broken connection.
const LINGER: Duration = Duration::from_secs(2);

pub(super) enum Piece {
    Bytes(Bytes),
    /// The body is complete; without it, it was cut off.
    End,
}

/// The body as the reading thread sees it.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

impl Pieces {
    pub(super) fn channel() -> (mpsc::Sender<Piece>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (sender, Self { receiver, current: Bytes::new(), ended: false })
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.current = bytes,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended early")),
            }
        }
        let n = out.len().min(self.current.len());
        self.current.copy_to_slice(&mut out[..n]); // `n` is at most its length
        Ok(n)
    }
}

/// Passes the body on until it ends, nobody reads it any more, the import is cancelled, or the server stops.
pub(super) async fn feed(
    body: Body,
    sender: mpsc::Sender<Piece>,
    running: &Running,
    state: &state::State,
) -> Result<()> {
    let mut stream = body.into_data_stream();
    let result = tokio::select! {
        result = pass(&mut stream, &sender, running, state.limits.body_idle) => result,
        () = running.cancelled() => Ok(()),
        () = state.stopping.cancelled() => Err(Error::unavailable("the server is stopping")),
    };
    drop(sender);
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    // What comes now is of no interest, and neither is whether it comes to an end.
    let _ = tokio::time::timeout(LINGER, rest).await;
    result
}

async fn pass(
    stream: &mut BodyDataStream,
    sender: &mpsc::Sender<Piece>,
    running: &Running,
    idle: Duration,
) -> Result<()> {
    loop {
        match tokio::time::timeout(idle, stream.next()).await {
            Err(_) => return Err(Error::timeout("the request body stood still for too long")),
            Ok(None) => {
                // The reader may have seen the end in the data already.
                let _ = sender.send(Piece::End).await;
                return Ok(());
            }
            Ok(Some(Err(error))) => {
                return Err(Error::invalid("the request body ended early").with_detail(error));
            }
            Ok(Some(Ok(bytes))) => {
                running.came(bytes.len() as u64);
                if sender.send(Piece::Bytes(bytes)).await.is_err() {
                    return Ok(()); // the reader says why it ended
                }
            }
        }
    }
}
