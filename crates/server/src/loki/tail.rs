//! `tail`: the newest lines over a WebSocket, then those that come. The store is asked anew whenever lines were written, and
//! once in a while; lines that come late by up to a few seconds are found, too. A slow client is told everything later:
//! only where more lines have one time than an answer holds, the rest of them is left out, and said to be.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{self, RawQuery};
use query::logql::ast::LogExpr;
use query::logql::{self, Direction, Expr, LogQuery, LogStream};
use serde_json::json;

use super::error::{Answer, ApiError};
use super::query::run;
use super::response::Streams;
use crate::params::Params;
use crate::state::{Shared, StreamPermit};

const SECOND: i64 = 1_000_000_000;
/// How often the store is asked where nobody says that lines were written.
const EVERY: Duration = Duration::from_millis(500);
/// How often it is asked anyway.
const ANYWAY: Duration = Duration::from_secs(5);
/// The least time between two questions: a busy store is not asked for every line.
const LEAST: Duration = Duration::from_millis(50);
/// How late, or how far ahead of the clock, a line may come to be shown.
const LATE: i64 = 5 * SECOND;
/// How long a client may take for a message.
const SLOW: Duration = Duration::from_secs(30);

pub(crate) async fn tail(
    extract::State(state): extract::State<Shared>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Answer {
    let params = Params::of_query(query.as_deref())?;
    let Expr::Log(expr) = logql::parse(params.get("query"))? else {
        return Err(ApiError::bad("only log queries can be followed"));
    };
    let delay = params.integer("delay_for", 0)?;
    if !(0..=5).contains(&delay) {
        return Err(ApiError::bad("delay_for can't be greater than 5"));
    }
    let now = state.now_ms().saturating_mul(1_000_000);
    let start = params.ns("start", now.saturating_sub(3_600 * SECOND))?;
    let limit = params.count("limit", 100)?.min(state.logql.options().max_lines);
    if state.parts.records.is_none() {
        return Err(ApiError::no_logs());
    }
    let permit = state.stream()?;
    let tail = Tail {
        expr,
        start,
        limit,
        delay: delay * SECOND,
        seen: HashMap::new(),
        dropped: None,
        more: false,
        _permit: permit,
    };
    Ok(upgrade.max_message_size(64 << 10).on_upgrade(move |socket| tail.follow(state, socket)))
}

/// Until there may be new lines.
async fn pause(news: Option<&mut tokio::sync::watch::Receiver<u64>>) {
    let Some(news) = news else { return tokio::time::sleep(EVERY).await };
    tokio::time::sleep(LEAST).await;
    if !matches!(tokio::time::timeout(ANYWAY, news.changed()).await, Ok(Ok(())) | Err(_)) {
        // Nothing is written any more.
        tokio::time::sleep(ANYWAY).await;
    }
}

struct Tail {
    expr: LogExpr,
    /// From where lines are asked for.
    start: i64,
    limit: usize,
    delay: i64,
    /// Hashes of the lines that were sent from `start` on, with their times.
    seen: HashMap<u64, i64>,
    /// A time of which there were more lines than an answer holds.
    dropped: Option<i64>,
    /// Whether there were more lines than the last answer held.
    more: bool,
    _permit: StreamPermit,
}

impl Tail {
    async fn follow(mut self, state: Shared, mut socket: WebSocket) {
        let stopping = state.stopping.clone();
        let mut news = state.parts.record_news.clone();
        let delayed = self.delay > 0;
        let mut first = true;
        loop {
            let message = match self.new_lines(&state, first).await {
                Ok(streams) if streams.is_empty() && self.dropped.is_none() => None,
                Ok(streams) => {
                    let mut message = json!({"streams": Streams { streams: &streams, categorized: false }});
                    if let Some(time) = self.dropped.take() {
                        message["dropped_entries"] = json!([{"labels": {}, "timestamp": time.to_string()}]);
                    }
                    Some(message.to_string())
                }
                Err(error) => {
                    tracing::debug!(error = error.message(), "a tail ended");
                    return;
                }
            };
            first = false;
            if let Some(text) = message {
                let sent = tokio::time::timeout(SLOW, socket.send(Message::Text(text.into()))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            if self.more {
                continue;
            }
            // What is shown with a delay is not yet due when it is written.
            let wait = pause(if delayed { None } else { news.as_mut() });
            tokio::pin!(wait);
            loop {
                tokio::select! {
                    () = &mut wait => break,
                    () = stopping.cancelled() => return,
                    message = socket.recv() => match message {
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                        // Nobody says anything on this way.
                        Some(Ok(_)) => {}
                    },
                }
            }
        }
    }

    /// Lines that were not sent yet; at first the newest. Those that are written from now on are news.
    async fn new_lines(&mut self, state: &Shared, first: bool) -> Result<Vec<LogStream>, ApiError> {
        let now = state.now_ms().saturating_mul(1_000_000);
        let query = LogQuery {
            start_ns: self.start,
            // Clocks of senders may be ahead of this one; what is shown with a delay is never so new.
            end_ns: match self.delay {
                0 => now.saturating_add(LATE),
                delay => now.saturating_sub(delay),
            },
            limit: if first { self.limit } else { state.logql.options().max_lines },
            direction: if first { Direction::Backward } else { Direction::Forward },
            interval_ns: 0,
            by_stream: false,
        };
        let expr = self.expr.clone();
        let (mut streams, _) =
            run(state, move |state, ctx, records| Ok(state.logql.logs(ctx, records, &expr, query)?)).await?;
        let came = streams.iter().map(|s| s.entries.len()).sum::<usize>();
        let times = streams.iter().flat_map(|s| s.entries.iter().map(|entry| entry.time_ns));
        let reached = times.max().unwrap_or(i64::MIN);
        for stream in &mut streams {
            let labels = stream.labels.hash128() as u64;
            stream.entries.retain(|entry| {
                let key = xxhash_rust::xxh3::xxh3_64_with_seed(
                    entry.line.as_bytes(),
                    labels ^ entry.time_ns as u64,
                );
                self.seen.insert(key, entry.time_ns).is_none()
            });
            if first {
                stream.entries.reverse();
            }
        }
        streams.retain(|stream| !stream.entries.is_empty());
        let whole = came < query.limit;
        self.more = !first && !whole;
        // With more lines than one answer holds the next begins where this one ended.
        self.start = match first || whole {
            true => self.start.max(now.saturating_sub(self.delay).saturating_sub(LATE)),
            false if reached > self.start => reached,
            false => {
                self.dropped = Some(reached);
                reached.saturating_add(1)
            }
        };
        self.seen.retain(|_, time| *time >= self.start);
        Ok(streams)
    }
}
