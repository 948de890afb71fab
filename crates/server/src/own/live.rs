//! The stream behind the home page: whole rows when a container came, went or changed, otherwise the newest second of
//! each container.
//!
//! The index' generation grows with every second's figures, so what a page must draw anew is told by a fingerprint of
//! the rows without those figures. What is sent is the same for every page: it is written once a second however many
//! pages watch.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use model::container::ContainerRow;
use parking_lot::Mutex;

use super::containers::container_list;
use super::error::Answer;
use super::shapes::{LiveTick, SharedText, TickRow};
use crate::params::Params;
use crate::state::{self, Shared, StreamPermit};

const INTERVAL: Duration = Duration::from_secs(1);

/// Whole rows are sent at least every so many ticks: sparklines and the figures of verdicts are in them.
const TICKS: u32 = 10;

/// What was written last.
#[derive(Default)]
pub(crate) struct LiveCache {
    tick: Mutex<Option<(Instant, Tick)>>,
    rows: [Mutex<Option<(Instant, SharedText)>>; 2],
}

#[derive(Clone)]
struct Tick {
    fingerprint: u64,
    text: SharedText,
}

/// Half an interval; by the monotonic clock, since the other may be set.
fn is_fresh(written: Instant) -> bool {
    written.elapsed() < INTERVAL / 2
}

impl LiveCache {
    /// A tick that is at most half an interval old.
    fn tick(&self, state: &state::State) -> Tick {
        let now_ms = state.now_ms();
        let mut slot = self.tick.lock();
        if let Some((at, tick)) = slot.as_ref()
            && is_fresh(*at)
        {
            return tick.clone();
        }
        let generation = state.parts.containers.generation();
        let rows = state.parts.containers.rows(false);
        let fingerprint = fingerprint(&rows);
        let rows =
            rows.into_iter().filter_map(|row| Some(TickRow { id: row.facts.id.clone(), live: row.live? }));
        let tick = Tick { fingerprint, text: json(&LiveTick { now_ms, generation, rows: rows.collect() }) };
        *slot = Some((Instant::now(), tick.clone()));
        tick
    }

    /// All rows, at most half an interval old.
    fn rows(&self, state: &state::State, gone: bool) -> SharedText {
        let mut slot = self.rows[usize::from(gone)].lock();
        if let Some((at, text)) = slot.as_ref()
            && is_fresh(*at)
        {
            return text.clone();
        }
        let text = json(&container_list(state, gone));
        *slot = Some((Instant::now(), text.clone()));
        text
    }

    /// Forgets the rows: they have changed since.
    fn renew(&self) {
        for slot in &self.rows {
            *slot.lock() = None;
        }
    }
}

/// What a row says apart from the figures of each second.
fn fingerprint(rows: &[ContainerRow]) -> u64 {
    // Rows come in no particular order: the sum of their hashes does not depend on it.
    rows.iter().fold(rows.len() as u64, |sum, row| sum.wrapping_add(fingerprint_of(row)))
}

fn fingerprint_of(row: &ContainerRow) -> u64 {
    let facts = &*row.facts;
    let mut hasher = DefaultHasher::new();
    (&facts.id, &facts.name, &facts.image, &facts.image_digest, facts.state, &facts.health).hash(&mut hasher);
    (facts.created_ms, facts.started_ms, facts.finished_ms, facts.removed_ms, facts.exit_code)
        .hash(&mut hasher);
    (facts.oom_killed, &facts.exit_reason, &facts.error, facts.restart_count).hash(&mut hasher);
    (facts.memory_limit, facts.cpu_limit.to_bits(), facts.pids_limit, row.oom_kills).hash(&mut hasher);
    for verdict in &row.verdicts {
        (&verdict.code, verdict.severity).hash(&mut hasher);
    }
    hasher.finish()
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
    let watcher = Watcher { permit: state.stream()?, state, gone, seen: None, ticks: 0 };
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
    /// The fingerprint of the rows that were sent last.
    seen: Option<u64>,
    /// Ticks since then.
    ticks: u32,
}

impl Watcher {
    async fn next(&mut self) -> Event {
        if self.seen.is_some() {
            tokio::time::sleep(INTERVAL).await;
        }
        self.state.parts.containers.touch();
        let live = &self.state.live;
        let tick = live.tick(&self.state);
        if self.seen == Some(tick.fingerprint) && self.ticks + 1 < TICKS {
            self.ticks += 1;
            return Event::default().event("tick").data(&*tick.text);
        }
        if self.seen != Some(tick.fingerprint) {
            live.renew();
        }
        self.seen = Some(tick.fingerprint);
        self.ticks = 0;
        Event::default().event("rows").data(&*live.rows(&self.state, self.gone))
    }
}
