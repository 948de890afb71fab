//! Datagrams: syslog and GELF. A sender cannot be made to wait, so there is a queue of fixed size, and what finds no room
//! in it is counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::gelf::{Chunks, Whole};

use super::config::Protocol;
use super::door::{Batch, Door};
use super::kernel;
use super::lines::Reader;
use super::metrics::PortLabels;

/// Datagrams and bytes that may wait.
const WAITING: usize = 32 << 10;
const WAITING_BYTES: usize = 32 << 20;
/// Datagrams that are written together.
const TOGETHER: usize = 4096;
/// Bytes of messages that lack some of their pieces.
const PIECES: usize = 16 << 20;
/// How often the kernel is asked what it dropped.
const ASK: Duration = Duration::from_secs(5);

pub(super) type Datagram = (Vec<u8>, SocketAddr);

/// Takes datagrams from the kernel until the server stops.
pub(super) async fn receive(
    socket: UdpSocket,
    input: &'static str,
    door: Arc<Door>,
    queue: Sending,
    stop: CancellationToken,
) {
    let (sender, waiting) = queue;
    let mut buffer = vec![0; 64 << 10];
    let mut ask = tokio::time::interval(ASK);
    let port = socket.local_addr().map_or(0, |address| address.port());
    loop {
        tokio::select! {
            received = socket.recv_from(&mut buffer) => match received {
                Ok((len, from)) => {
                    let room = waiting.load(Ordering::Relaxed) + len <= WAITING_BYTES;
                    if room && sender.try_send((buffer[..len].to_vec(), from)).is_ok() {
                        waiting.fetch_add(len, Ordering::Relaxed);
                    } else {
                        door.metrics.dropped(input, "queue_full", 1);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, input, "a datagram cannot be received");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            _ = ask.tick() => {
                if let Some(drops) = kernel::drops(port).await {
                    door.metrics.kernel_drops.get_or_create(&PortLabels { port }).set(drops);
                }
            }
            () = stop.cancelled() => return,
        }
    }
}

/// One end of a queue, and how many bytes wait in it.
pub(super) type Sending = (mpsc::Sender<Datagram>, Arc<AtomicUsize>);
pub(super) type Receiving = (mpsc::Receiver<Datagram>, Arc<AtomicUsize>);

/// A queue between [`receive`] and [`store`].
pub(super) fn queue() -> (Sending, Receiving) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let waiting = Arc::new(AtomicUsize::new(0));
    ((sender, waiting.clone()), (receiver, waiting))
}

/// Makes records of datagrams and writes them, until [`receive`] has ended and nothing waits any more.
pub(super) async fn store(
    protocol: Protocol,
    zone: TimeZone,
    door: Arc<Door>,
    queue: Receiving,
    most: usize,
    stop: CancellationToken,
) {
    let (mut receiver, waiting) = queue;
    let input = protocol.as_str();
    let mut chunks = Chunks::new(PIECES);
    let mut reader = Reader { protocol, peer: String::new(), zone };
    let mut some = Vec::new();
    while receiver.recv_many(&mut some, TOGETHER).await > 0 {
        let mut batch = Batch::default();
        let now = door.now_ns();
        let (mut bad, given_up) = (0, chunks.given_up);
        door.fill(&mut batch, |rows| {
            for (datagram, from) in some.drain(..) {
                waiting.fetch_sub(datagram.len(), Ordering::Relaxed);
                reader.peer = from.ip().to_canonical().to_string();
                let good = match protocol {
                    Protocol::Gelf => match chunks.add(&datagram, now) {
                        Whole::More => true,
                        Whole::Malformed => false,
                        Whole::Message(message) => match wire::gelf::unpack(&message, most) {
                            Ok(plain) => reader.read(&plain, rows),
                            Err(_) => false,
                        },
                    },
                    _ => reader.read(&datagram, rows),
                };
                bad += u64::from(!good);
            }
        });
        door.metrics.malformed(input, "message", bad);
        door.metrics.dropped(input, "incomplete", chunks.given_up - given_up);
        if !batch.records.is_empty() {
            door.deliver(input, batch, &stop).await;
        }
    }
}
