//! `notifications` and `notifications/live`: what the operator should know now, once or as it changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use super::error::Answer;
use super::response::success;
use super::targets::rfc3339;
use crate::state::{self, Shared};

/// How often the state is looked at for a client that waits.
const LOOK: Duration = Duration::from_secs(1);

/// How often a client that waits hears anything: proxies close connections that stand still.
const STILL_HERE: u32 = 25;

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Notification {
    text: String,
    date: String,
    active: bool,
}

fn now(state: &state::State) -> Vec<Notification> {
    let process = &state.parts.process;
    let config = process.config();
    let mut all = Vec::new();
    let mut add = |text: String, ms: i64| all.push(Notification { text, date: rfc3339(ms), active: true });
    if !config.reload_ok {
        add("Configuration reload has failed.".to_owned(), config.failed_ms);
    }
    if let Err(error) = process.ready() {
        add(format!("Bonghwa is starting: {error}"), process.started_ms());
    }
    if state.stopping.is_cancelled() {
        add("Bonghwa is shutting down and gracefully stopping all operations.".to_owned(), state.now_ms());
    }
    all
}

pub(crate) async fn list(State(state): State<Shared>) -> Answer {
    Ok(success(now(&state), Vec::new()))
}

/// Server-sent events: one for each notification that is there, and for each that comes or goes.
pub(crate) async fn live(State(state): State<Shared>) -> Response {
    let Ok(place) = state.notification_places.clone().try_acquire_owned() else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let start = Live { state, known: Vec::new(), quiet: 0, ended: false, first: true, _place: place };
    let stream = futures::stream::unfold(start, |mut live| async move {
        let text = live.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), live))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(stream)).into_response()
}

struct Live {
    state: Shared,
    known: Vec<Notification>,
    quiet: u32,
    ended: bool,
    first: bool,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Live {
    /// The next piece of the stream; `None` once the server stops.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.first) {
            // Something at once: the client then knows that it is connected.
            return Some(self.changes().unwrap_or_else(|| ":\n\n".to_owned()));
        }
        while !self.ended {
            tokio::select! {
                () = self.state.stopping.cancelled() => self.ended = true,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Some(text) = self.changes() {
                return Some(text);
            }
            self.quiet += 1;
            if self.quiet >= STILL_HERE {
                self.quiet = 0;
                return Some(":\n\n".to_owned());
            }
        }
        None
    }

    fn changes(&mut self) -> Option<String> {
        let now = now(&self.state);
        let text = changes(&self.known, &now);
        self.known = now;
        (!text.is_empty()).then_some(text)
    }
}

/// Events for what came or changed, and for what went.
fn changes(before: &[Notification], now: &[Notification]) -> String {
    let came = now.iter().filter(|n| !before.contains(n)).cloned();
    let went = before.iter().filter(|old| !now.iter().any(|n| n.text == old.text));
    let went = went.map(|old| Notification { active: false, ..old.clone() });
    came.chain(went)
        .filter_map(|notification| serde_json::to_string(&notification).ok())
        .map(|json| format!("data: {json}\n\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_what_went_is_told_once() {
        let one = |text: &str, active| Notification { text: text.to_owned(), date: rfc3339(1000), active };
        let (a, b) = ([one("a", true)], [one("b", true)]);
        let text = changes(&a, &b);
        let events: Vec<&str> = text.trim_end().split("\n\n").collect();
        assert_eq!(events[0], r#"data: {"text":"b","date":"1970-01-01T00:00:01Z","active":true}"#);
        assert!(events[1].contains(r#""text":"a""#) && events[1].contains(r#""active":false"#));
        assert_eq!(changes(&a, &a), "");
    }
}
