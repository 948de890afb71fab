//! The stream behind the home page: whole rows when something changed, otherwise the newest second of each container.
//!
//! What is sent is the same for every page, so it is written once a second however many pages watch.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use parking_lot::Mutex;

use super::containers::container_list;
use super::error::Answer;
use super::shapes::{LiveTick, SharedText, TickRow};
use crate::params::Params;
use crate::state::{self, Shared, StreamPermit};

const INTERVAL: Duration = Duration::from_secs(1);

/// What was written last.
#[derive(Default)]
pub(crate) struct LiveCache {
    tick: Mutex<Option<(i64, SharedText)>>,
    rows: [Mutex<Option<(u64, i64, SharedText)>>; 2],
}

impl LiveCache {
    /// A tick that is at most half an interval old.
    fn tick(&self, state: &state::State) -> SharedText {
        let now_ms = state.now_ms();
        let mut slot = self.tick.lock();
        if let Some((at, text)) = slot.as_ref()
            && (0..500).contains(&(now_ms - at))
        {
            return text.clone();
        }
        let containers = &state.parts.containers;
        let generation = containers.generation();
        let rows = containers
            .rows(false)
            .into_iter()
            .filter_map(|row| Some(TickRow { id: row.facts.id.clone(), live: row.live? }));
        let text = json(&LiveTick { now_ms, generation, rows: rows.collect() });
        *slot = Some((now_ms, text.clone()));
        text
    }

    /// All rows as of the newest generation.
    fn rows(&self, state: &state::State, gone: bool) -> (u64, SharedText) {
        let now_ms = state.now_ms();
        let generation = state.parts.containers.generation();
        let mut slot = self.rows[usize::from(gone)].lock();
        if let Some((known, at, text)) = slot.as_ref()
            && *known == generation
            && (0..500).contains(&(now_ms - at))
        {
            return (generation, text.clone());
        }
        let text = json(&container_list(state, gone));
        *slot = Some((generation, now_ms, text.clone()));
        (generation, text)
    }
}

fn json(value: &impl serde::Serialize) -> SharedText {
    // Maps have text keys and nothing here fails to serialise; an empty object is what a reader ignores.
    Arc::from(serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned()))
}

pub(crate) async fn watch(
    State(state): State<Shared>,
    RawQuery(query): RawQuery,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let gone = Params::of_query(query.as_deref())?.switch("gone")?;
    let watcher = Watcher { permit: state.stream()?, state, gone, seen: None };
    let stopping = watcher.state.stopping.clone();
    let events = futures::stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await;
        Some((Ok(event), watcher))
    });
    let events = futures::StreamExt::take_until(futures::StreamExt::fuse(events), async move {
        stopping.cancelled().await
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

struct Watcher {
    #[allow(dead_code, reason = "held while the stream is open")]
    permit: StreamPermit,
    state: Shared,
    gone: bool,
    seen: Option<u64>,
}

impl Watcher {
    async fn next(&mut self) -> Event {
        if self.seen.is_some() {
            tokio::time::sleep(INTERVAL).await;
        }
        self.state.parts.containers.touch();
        if self.seen == Some(self.state.parts.containers.generation()) {
            return Event::default().event("tick").data(&*self.state.live.tick(&self.state));
        }
        let (generation, rows) = self.state.live.rows(&self.state, self.gone);
        self.seen = Some(generation);
        Event::default().event("rows").data(&*rows)
    }
}
