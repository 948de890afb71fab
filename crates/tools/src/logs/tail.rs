//! `logs tail`: lines as they come, over a WebSocket. Where the connection ends, another one goes on behind the last line.

use std::time::Duration;

use futures::StreamExt;
use outbound::Method;
use serde_json::Value as Json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::client::{Loki, header};
use super::entries::{Entry, of_streams};
use super::{Asked, log_question};
use crate::http::{Answer, Server};
use crate::query::form;
use crate::{Context, Failed, Outcome};

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
/// Attempts in a row without one that worked.
const ATTEMPTS: usize = 30;
/// The most of a message.
const MOST: usize = 64 << 20;
/// The most that is read of a refusal.
const REFUSAL: usize = 1 << 20;

pub(super) fn run(asked: &Asked, words: &[String], context: &mut Context<'_>) -> Outcome {
    let loki = asked.server()?;
    let bounds = asked.between.bounds();
    let (query, _) = log_question(&loki, words, bounds)?;
    let server = Server::connect_for_upgrades(&asked.url, &asked.connection)?;
    let loki = Loki::new(server, &asked.token, &asked.headers)?;
    let mut tail = Tail { query, limit: asked.limit.clamp(1, 5_000), start: bounds.0, last: Vec::new() };
    let mut failures = 0;
    loop {
        match tail.follow(&loki, asked, context)? {
            Ended::Connection(came) => failures = if came { 1 } else { failures + 1 },
            Ended::Refused(reason) if failures == 0 => return Err(reason),
            Ended::Refused(reason) => {
                failures += 1;
                if failures > ATTEMPTS {
                    return Err(reason);
                }
            }
        }
        if failures == 1 {
            asked.say(context, "the connection has ended; trying again")?;
        }
        if failures > ATTEMPTS {
            return Err(Failed(format!("{} cannot be followed", loki.server().url())));
        }
        loki.server().wait(PAUSE);
    }
}

/// How a connection ended.
enum Ended {
    /// It was there; whether anything came.
    Connection(bool),
    /// There was none.
    Refused(Failed),
}

struct Tail {
    query: String,
    limit: usize,
    /// From where lines are asked for.
    start: i64,
    /// Lines of that time which were shown.
    last: Vec<Entry>,
}

impl Tail {
    /// Shows what comes over one connection.
    fn follow(&mut self, loki: &Loki, asked: &Asked, context: &mut Context<'_>) -> Result<Ended, Failed> {
        let parameters = [
            ("query", self.query.clone()),
            ("start", self.start.to_string()),
            ("limit", self.limit.to_string()),
        ];
        let path = format!("/loki/api/v1/tail?{}", form(&parameters));
        let key = generate_key();
        let mut request = loki.server().request(Method::GET, &path)?;
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", &key),
        ];
        for (name, value) in headers.into_iter().filter_map(|(name, value)| header(name, value)) {
            request = request.header(name, value);
        }
        let shown = asked.shown(context);
        let mut came = false;
        loki.server().block_on(async {
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Ok(Ended::Refused(Failed::new(error))),
            };
            if response.status().as_u16() != 101 {
                let status = response.status().as_u16();
                let body = response.body(REFUSAL).await.unwrap_or_default();
                return Ok(Ended::Refused(loki.refused(&Answer { status, body })));
            }
            let accepted = response
                .headers()
                .get("sec-websocket-accept")
                .is_some_and(|value| value == &derive_accept_key(key.as_bytes()));
            if !accepted {
                return Ok(Ended::Refused(Failed::new("the server speaks no WebSocket")));
            }
            let connection = response.upgrade().await.map_err(Failed::new)?;
            let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
            let mut socket = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await;
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let Ok(answer) = serde_json::from_str::<Json>(&text) else { continue };
                came = true;
                for entry in self.unseen(of_streams(&answer["streams"], true)) {
                    shown.entry(&entry, context.out)?;
                }
                context.out.flush()?;
                let dropped = answer["dropped_entries"].as_array().map_or(0, Vec::len);
                if dropped > 0 {
                    asked
                        .say(context, &format!("{dropped} lines or more came too fast and are not shown"))?;
                }
            }
            Ok(Ended::Connection(came))
        })
    }

    /// Those that were not shown; the next connection begins where they end.
    fn unseen(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let new: Vec<Entry> = entries.into_iter().filter(|entry| !self.last.contains(entry)).collect();
        if let Some(newest) = new.iter().map(|entry| entry.time).max()
            && newest >= self.start
        {
            if newest > self.start {
                self.last.clear();
            }
            self.start = newest;
            self.last.extend(new.iter().filter(|entry| entry.time == newest).cloned());
        }
        new
    }
}
