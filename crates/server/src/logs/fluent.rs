//! Fluentd's forward protocol.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use wire::fluent::{Partials, Scan, acknowledgement, handshake, read};

use super::door::Batch;
use super::link::{Filled, Link};

/// Until when a client must have proved that it knows the key.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long acknowledgements wait for the rest of a line while nothing comes: it may come over another connection, or only
/// once what it waits for is acknowledged.
const HOLD: Duration = Duration::from_secs(1);
/// A greeting is short.
const MOST_GREETING: usize = 16 << 10;

/// Reads until the client ends. With a key, clients that do not know it are turned away; with users, those that are none.
pub(super) async fn run(mut link: Link, key: Option<String>, users: &[(String, String)]) -> io::Result<()> {
    if let Some(key) = key {
        let greeted = tokio::time::timeout(HANDSHAKE, greet(&mut link, &key, users)).await;
        if !greeted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
            return Ok(());
        }
    }
    let mut partials = Partials::default();
    let ended = receive(&mut link, &mut partials).await;
    if !partials.is_empty() {
        let mut batch = Batch::default();
        link.door.fill(&mut batch, |rows| partials.finish(rows));
        link.deliver(batch).await;
    }
    ended
}

async fn receive(link: &mut Link, partials: &mut Partials) -> io::Result<()> {
    let mut scan = Scan::default();
    // Chunks that are not acknowledged yet, with the numbers of their messages.
    let mut chunks: VecDeque<(u64, String)> = VecDeque::new();
    loop {
        let mut batch = Batch::default();
        let door = link.door.clone();
        let filled = match chunks.is_empty() {
            true => link.fill().await?,
            false => match tokio::time::timeout(HOLD, link.fill()).await {
                Ok(filled) => filled?,
                Err(_) => {
                    door.fill(&mut batch, |rows| partials.finish(rows));
                    Filled::More
                }
            },
        };
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
            match door.fill(&mut batch, |rows| read(message, link.most, rows, partials)) {
                Ok(asked) => {
                    door.metrics.malformed(link.input, "entry", asked.malformed);
                    chunks.extend(asked.chunk.map(|chunk| (asked.number, chunk)));
                }
                Err(error) => link.malformed("message", &error),
            }
            link.advance(end);
        };
        if !link.deliver(batch).await {
            return Ok(());
        }
        let first = partials.waits_for().unwrap_or(u64::MAX);
        while let Some((_, chunk)) = chunks.pop_front_if(|(number, _)| *number < first) {
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

/// Whether the client knows the key, and is a user where there are any.
async fn greet(link: &mut Link, key: &str, users: &[(String, String)]) -> io::Result<bool> {
    let (mut nonce, mut salt) = ([0; 16], [0; 16]);
    let random = rustls::crypto::ring::default_provider().secure_random;
    let filled = random.fill(&mut nonce).and_then(|()| random.fill(&mut salt));
    filled.map_err(|_| io::Error::other("no random numbers are to be had"))?;
    link.send(&handshake::hello(&nonce, if users.is_empty() { &[] } else { &salt })).await?;
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
    let is_user = users.is_empty() || users.iter().any(|(name, word)| ping.is_user(&salt, name, word));
    let refused = match (knows, is_user) {
        (false, _) => Some("shared_key mismatch"),
        (true, false) => Some("username/password mismatch"),
        (true, true) => None,
    };
    match refused {
        Some(why) if knows => link.malformed("user", &why),
        Some(why) => link.malformed("shared_key", &why),
        None => {}
    }
    link.send(&ping.pong(&nonce, key, &host, refused)).await?;
    Ok(refused.is_none())
}
