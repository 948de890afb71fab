//! Fluentd's forward protocol.

use std::io;
use std::time::Duration;

use wire::fluent::{Scan, acknowledgement, handshake, read};

use super::door::Batch;
use super::link::{Filled, Link};

/// Until when a client must have proved that it knows the key.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A greeting is short.
const MOST_GREETING: usize = 16 << 10;

/// Reads until the client ends. With a key, clients that do not know it are turned away.
pub(super) async fn run(mut link: Link, key: Option<String>) -> io::Result<()> {
    if let Some(key) = key {
        let greeted = tokio::time::timeout(HANDSHAKE, greet(&mut link, &key)).await;
        if !greeted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            return Ok(());
        }
    }
    let mut scan = Scan::default();
    loop {
        let filled = link.fill().await?;
        let mut batch = Batch::default();
        let mut chunks = Vec::new();
        let door = link.door.clone();
        let lost = loop {
            let end = match scan.end(link.unread(), link.most) {
                Ok(Some(end)) => end,
                Ok(None) => break false,
                Err(error) => {
                    link.malformed("frame", &error);
                    break true;
                }
            };
            scan = Scan::default();
            let message = link.unread().get(..end).unwrap_or_default();
            match door.fill(&mut batch, |rows| read(message, link.most, rows)) {
                Ok(asked) => {
                    door.metrics.malformed(link.input, "entry", asked.malformed);
                    chunks.extend(asked.chunk);
                }
                Err(error) => link.malformed("message", &error),
            }
            link.advance(end);
        };
        if !link.deliver(batch).await {
            return Ok(());
        }
        for chunk in chunks {
            link.send(&acknowledgement(&chunk)).await?;
        }
        if lost || filled != Filled::More {
            if filled == Filled::End && !lost && !link.unread().is_empty() {
                link.malformed("incomplete", &"the connection ended within a message");
            }
            return Ok(());
        }
    }
}

/// Whether the client knows the key.
async fn greet(link: &mut Link, key: &str) -> io::Result<bool> {
    let mut nonce = [0; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut nonce).map_err(|_| io::Error::other("no random numbers are to be had"))?;
    link.send(&handshake::hello(&nonce)).await?;
    let mut scan = Scan::default();
    let end = loop {
        if link.fill().await? != Filled::More {
            return Ok(false);
        }
        match scan.end(link.unread(), MOST_GREETING) {
            Ok(Some(end)) => break end,
            Ok(None) => {}
            Err(error) => {
                link.malformed("handshake", &error);
                return Ok(false);
            }
        }
    };
    let ping = match handshake::ping(link.unread().get(..end).unwrap_or_default()) {
        Ok(ping) => ping,
        Err(error) => {
            link.malformed("handshake", &error);
            return Ok(false);
        }
    };
    link.advance(end);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // A client takes its own name for a mistake.
    let host = if host == ping.host { format!("{host}-bonghwa") } else { host };
    let knows = ping.knows(&nonce, key);
    let refused = (!knows).then_some("shared_key mismatch");
    if !knows {
        link.malformed("shared_key", &"the client does not know the shared key");
    }
    link.send(&ping.pong(&nonce, key, &host, refused)).await?;
    Ok(knows)
}
