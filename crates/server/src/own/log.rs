//! Follows a container's log as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use model::Error;
use model::container::LogLine;
use tokio::sync::mpsc;

use super::containers::find;
use super::error::Answer;
use super::id;
use super::shapes::Line;
use crate::params::Params;
use crate::state::{Shared, StreamPermit};

/// Lines that wait for a slow reader; more are dropped and counted.
const WAITING: usize = 4096;

pub(crate) async fn tail(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let backlog = Params::of_query(query.as_deref())?.integer("backlog", 200)?;
    let backlog = usize::try_from(backlog)
        .ok()
        .filter(|n| *n <= 10_000)
        .ok_or_else(|| Error::invalid("invalid parameter \"backlog\": it must be between 0 and 10000"))?;
    let row = find(&state, &id(path)?)?;
    let permit = state.stream()?;
    let (sender, receiver) = mpsc::channel(WAITING.max(backlog));
    let dropped = Arc::new(AtomicU64::new(0));
    state.parts.containers.tail_log(&row.facts.id, backlog, sink(sender, dropped.clone()))?;
    let stopping = state.stopping.clone();
    let reader = Reader { _permit: permit, state, receiver, dropped, ended: false };
    let events = futures::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    let events = futures::StreamExt::take_until(futures::StreamExt::fuse(events), async move {
        stopping.cancelled().await
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

enum Item {
    Line(LogLine),
    End(Option<String>),
}

fn sink(sender: mpsc::Sender<Item>, dropped: Arc<AtomicU64>) -> model::container::LogSink {
    Box::new(move |item| {
        let item = match item {
            Ok(line) => Item::Line(line),
            Err(error) => Item::End(Some(error.message)),
        };
        match sender.try_send(item) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    })
}

struct Reader {
    _permit: StreamPermit,
    state: Shared,
    receiver: mpsc::Receiver<Item>,
    dropped: Arc<AtomicU64>,
    ended: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            self.state.metrics.log_lines_dropped.inc_by(dropped);
            return Some(event("dropped", &serde_json::json!({ "lines": dropped })));
        }
        // The sink went away without a word: the log has ended.
        match self.receiver.recv().await.unwrap_or(Item::End(None)) {
            Item::Line(line) => Some(event("line", &Line::from(line))),
            Item::End(error) => {
                self.ended = true;
                Some(event("end", &serde_json::json!({ "error": error })))
            }
        }
    }
}

fn event(name: &str, data: &impl serde::Serialize) -> Event {
    // JSON text has no line breaks outside strings and escapes them inside: it is one data line.
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned()))
}
