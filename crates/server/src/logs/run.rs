//! Listeners at work: accept, limit, shake hands, and give each connection to its protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Budget;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Protocol;
use super::door::Door;
use super::link::{Link, Stream};
use super::metrics::InputLabels;
use super::open::{Receiver, Secrets, Socket, Tls};
use super::{beats, fluent, lines, udp};

/// Until when a TLS handshake must be done.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What all listeners share.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) door: Arc<Door>,
    pub(crate) budget: Budget,
    /// Bytes of a frame, and of a message.
    pub(crate) frame_bytes: usize,
    pub(crate) line_bytes: usize,
    pub(crate) places: usize,
    pub(crate) connections: TaskTracker,
    /// Set when the listener is to end, or the server.
    pub(crate) stopping: CancellationToken,
    /// Set when the grace of a stop is over.
    pub(crate) cut: CancellationToken,
}

struct Kind {
    protocol: Protocol,
    tls: Option<Tls>,
    secrets: Secrets,
    zone: jiff::tz::TimeZone,
}

/// Starts a listener of a protocol that is not HTTP.
pub(crate) fn start(receiver: Receiver, running: &Running) -> std::io::Result<()> {
    let Receiver { protocol, socket, tls, secrets, zone, .. } = receiver;
    match socket {
        Socket::Stream(listener) => {
            let listener = TcpListener::from_std(listener)?;
            let kind = Arc::new(Kind { protocol, tls, secrets, zone });
            let (one, stop) = (running.clone(), running.stopping.clone());
            running.connections.spawn(async move {
                tokio::select! {
                    () = accept(listener, kind, one) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        Socket::Datagrams(socket) => {
            let socket = UdpSocket::from_std(socket)?;
            let (sender, receiver) = udp::queue();
            let (door, stop) = (running.door.clone(), running.stopping.clone());
            let received = udp::receive(socket, protocol.as_str(), door.clone(), sender, stop.clone());
            let stored = udp::store(protocol, zone, door, receiver, running.frame_bytes, stop);
            running.connections.spawn(received);
            running.connections.spawn(stored);
        }
    }
    Ok(())
}

async fn accept(listener: TcpListener, kind: Arc<Kind>, running: Running) {
    let places = Arc::new(Semaphore::new(running.places));
    loop {
        // Waiting for a place leaves new connections in the kernel's queue.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, peer)) => {
                let (kind, one) = (kind.clone(), running.clone());
                running.connections.spawn(async move {
                    let labels = InputLabels { input: kind.protocol.as_str() };
                    let open = one.door.metrics.connections.get_or_create_owned(&labels);
                    open.inc();
                    tokio::select! {
                        () = connection(socket, peer, &kind, &one) => {}
                        () = one.cut.cancelled() => {}
                    }
                    open.dec();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, input = kind.protocol.as_str(), "accept failed");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, peer: SocketAddr, kind: &Kind, running: &Running) {
    let input = kind.protocol.as_str();
    // Senders may be silent for days; those that are gone are not to take their place for ever.
    let _ = rustix::net::sockopt::set_socket_keepalive(&socket, true);
    let _ = socket.set_nodelay(true);
    let io: Box<dyn Stream> = match &kind.tls {
        None => Box::new(socket),
        Some(tls) => {
            let tls = tls.read().clone();
            let shaken = tokio_rustls::TlsAcceptor::from(tls).accept(socket);
            match tokio::time::timeout(HANDSHAKE, shaken).await {
                Ok(Ok(io)) => Box::new(io),
                Ok(Err(error)) => {
                    tracing::debug!(%error, input, %peer, "TLS handshake failed");
                    return running.door.metrics.malformed(input, "tls", 1);
                }
                Err(_) => return running.door.metrics.malformed(input, "tls", 1),
            }
        }
    };
    let peer = peer.ip().to_canonical().to_string();
    let (door, stop) = (running.door.clone(), running.stopping.clone());
    let link = Link::new(io, input, peer, door, &running.budget, stop, running.frame_bytes);
    let Ok(link) = link else { return };
    let ended = match kind.protocol {
        Protocol::Fluent => fluent::run(link, kind.secrets.key.clone(), &kind.secrets.users).await,
        Protocol::Beats => beats::run(link).await,
        protocol => lines::run(link, protocol, kind.zone.clone(), running.line_bytes).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, input, "a connection ended");
    }
}
