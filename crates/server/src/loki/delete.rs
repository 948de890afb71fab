//! `delete`: lines are deleted while the request waits; what was asked is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract;
use axum::response::IntoResponse;
use http::StatusCode;
use parking_lot::Mutex;
use query::logql::{self, Expr};
use serde::{Deserialize, Serialize};

use super::error::{Answer, ApiError};
use super::params::{Bounds, Form};
use super::query::run;
use crate::parts::PushStore;
use crate::state::Shared;

const SECOND: i64 = 1_000_000_000;
/// How many requests are kept.
const MOST: usize = 1_000;

/// A request that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deletion {
    request_id: String,
    /// Seconds, as Loki shows them.
    start_time: f64,
    end_time: f64,
    query: String,
    status: String,
    created_at: f64,
}

/// The newest requests, by when they were made.
#[derive(Default)]
pub(crate) struct Deletions {
    all: Mutex<BTreeMap<String, Deletion>>,
    store: Option<Arc<dyn PushStore>>,
}

impl Deletions {
    /// Those that were kept. One that cannot be read is left where it is.
    pub(crate) fn open(store: Option<Arc<dyn PushStore>>) -> Self {
        let kept = store.as_ref().map(|store| store.entries()).unwrap_or_default();
        let read = |(key, text): (String, String)| match serde_json::from_str(&text) {
            Ok(deletion) => Some((key, deletion)),
            Err(error) => {
                tracing::warn!(%error, key, "a request to delete lines cannot be read");
                None
            }
        };
        Self { all: Mutex::new(kept.into_iter().filter_map(read).collect()), store }
    }

    /// Keeps a request, and forgets the oldest where there are too many. Lines are gone already: what fails here is said in
    /// the log.
    fn add(&self, now_ms: i64, deletion: Deletion) {
        let mut all = self.all.lock();
        let key = format!("{now_ms:020}-{}", deletion.request_id);
        let text = serde_json::to_string(&deletion).unwrap_or_default();
        all.insert(key.clone(), deletion);
        let oldest = if all.len() > MOST { all.pop_first() } else { None };
        if let Some(store) = &self.store {
            let kept =
                oldest.map_or(Ok(()), |(key, _)| store.remove(&key)).and_then(|()| store.put(&key, &text));
            if let Err(error) = kept {
                tracing::warn!(%error, "a request to delete lines is not kept");
            }
        }
    }
}

pub(crate) async fn delete(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let text = params.get("query").to_owned();
    if text.is_empty() {
        return Err(ApiError::bad("query not set"));
    }
    let Expr::Log(expr) = logql::parse(&text)? else {
        return Err(ApiError::bad("unsupported query expression: only lines can be deleted"));
    };
    if params.get("start").is_empty() {
        return Err(ApiError::bad("start time not set"));
    }
    let now_ms = state.now_ms();
    let now = now_ms.saturating_mul(1_000_000);
    let bounds = Bounds { start: params.ns("start", now)?, end: params.ns("end", now)? };
    if bounds.end > now.saturating_add(SECOND) {
        return Err(ApiError::bad("deletes in the future are not allowed"));
    }
    if bounds.start > bounds.end {
        return Err(ApiError::bad("start time can't be greater than end time"));
    }
    let deleted = run(&state, move |state, ctx, records| {
        let scan = state.logql.exact_scan(ctx, records, &expr, (bounds.start, bounds.end))?;
        let scan = scan.ok_or_else(|| {
            ApiError::bad(
                "only line filters (no ip or patterns) and comparisons of fields with texts, before any other stage, \
                 can say what is deleted",
            )
        })?;
        Ok(records.delete(ctx, &scan)?)
    })
    .await?;
    tracing::info!(query = text, deleted, "lines were deleted");
    let seconds = |ns: i64| ns as f64 / SECOND as f64;
    let number = state.deletions.all.lock().len();
    let id = xxhash_rust::xxh3::xxh3_64(format!("{text} {bounds:?} {now_ms} {number}").as_bytes());
    let deletion = Deletion {
        request_id: format!("{:08x}", id as u32),
        start_time: seconds(bounds.start),
        end_time: seconds(bounds.end),
        query: text,
        status: "processed".to_owned(),
        created_at: now_ms as f64 / 1000.0,
    };
    // It waits for the disk.
    let keep = state.clone();
    let kept = tokio::task::spawn_blocking(move || keep.deletions.add(now_ms, deletion)).await;
    if let Err(error) = kept {
        tracing::warn!(%error, "a request to delete lines is not kept");
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn list(extract::State(state): extract::State<Shared>) -> Answer {
    let all: Vec<Deletion> = state.deletions.all.lock().values().cloned().collect();
    Ok(Json(all).into_response())
}

pub(crate) async fn cancel(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let id = params.get("request_id");
    match state.deletions.all.lock().values().any(|one| one.request_id == id) {
        true => {
            Err(ApiError::bad("deletion of request which is in process or already processed is not allowed"))
        }
        false => Err(ApiError::not_found("could not find delete request with given id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<BTreeMap<String, String>>);

    impl PushStore for Kept {
        fn entries(&self) -> Vec<(String, String)> {
            self.0.lock().iter().map(|(key, text)| (key.clone(), text.clone())).collect()
        }

        fn put(&self, key: &str, text: &str) -> model::Result<()> {
            self.0.lock().insert(key.to_owned(), text.to_owned());
            Ok(())
        }

        fn remove(&self, key: &str) -> model::Result<()> {
            self.0.lock().remove(key);
            Ok(())
        }
    }

    #[test]
    fn the_newest_requests_are_there_after_a_restart() {
        let store = Arc::new(Kept::default());
        let deletions = Deletions::open(Some(store.clone()));
        for n in 0..MOST as i64 + 5 {
            let deletion = Deletion {
                request_id: format!("{n:08x}"),
                start_time: 1.0,
                end_time: 2.5,
                query: "{a=\"b\"} |= `c`".to_owned(),
                status: "processed".to_owned(),
                created_at: n as f64,
            };
            deletions.add(n, deletion);
        }
        let again = Deletions::open(Some(store));
        let times: Vec<f64> = again.all.lock().values().map(|one| one.created_at).collect();
        assert_eq!((times.len(), times[0], times[MOST - 1]), (MOST, 5.0, MOST as f64 + 4.0));
        assert_eq!(again.all.lock().values().next().unwrap().query, "{a=\"b\"} |= `c`");
    }
}
