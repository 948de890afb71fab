//! Silences.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use model::alerts::{Silence, SilenceMatcher, SilenceState};
use model::labels::Quoted;
use model::{ErrorKind, Matcher};
use query::matchers::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::time::{self, Time};
use super::{Answer, answer, asked, filter, params};
use crate::receive::{receive, unpack};
use crate::state::Shared;

fn shown(silence: &Silence, now_ms: i64) -> Value {
    let state = match silence.state(now_ms) {
        SilenceState::Active => "active",
        SilenceState::Pending => "pending",
        SilenceState::Expired => "expired",
    };
    json!({
        "id": silence.id,
        "status": {"state": state},
        "updatedAt": time::write(silence.updated_at_ms),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": time::write(silence.ends_at_ms),
        "matchers": silence.matchers,
        "startsAt": time::write(silence.starts_at_ms),
    })
}

pub(super) async fn list(State(state): State<Shared>, uri: Uri) -> Answer {
    let alertmanager = asked(&state)?;
    let params = params(&uri)?;
    let wanted: Vec<Json> = filter::matchers(&params)?.iter().map(Json::from).collect();
    let (active, expired, pending) = (
        filter::switch(&params, "active")?,
        filter::switch(&params, "expired")?,
        filter::switch(&params, "pending")?,
    );
    let now_ms = state.now_ms();
    let mut all = alertmanager.silences();
    all.retain(|silence| {
        let state = match silence.state(now_ms) {
            SilenceState::Active => active,
            SilenceState::Pending => pending,
            SilenceState::Expired => expired,
        };
        state && wanted.iter().all(|wanted| silence.matchers.iter().any(|has| is(has, wanted)))
    });
    // The next to change comes first; of those that are over, the last.
    all.sort_by_key(|silence| match silence.state(now_ms) {
        state @ SilenceState::Active => (state, silence.ends_at_ms),
        state @ SilenceState::Pending => (state, silence.starts_at_ms),
        state @ SilenceState::Expired => (state, silence.ends_at_ms.saturating_neg()),
    });
    answer(all.iter().map(|silence| shown(silence, now_ms)).collect::<Vec<_>>())
}

fn is(has: &SilenceMatcher, wanted: &Json) -> bool {
    has.name == wanted.name
        && has.value == wanted.value
        && has.is_regex == wanted.is_regex
        && has.is_equal == wanted.is_equal
}

/// Refuses what is no UUID.
fn check_id(id: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = id.split('-').collect();
    let lengths = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]);
    if lengths && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(());
    }
    Err(ApiError::form(601, format!("silenceID in path must be of type uuid: {}", Quoted(id))))
}

pub(super) async fn one(State(state): State<Shared>, Path(id): Path<String>) -> Answer {
    let alertmanager = asked(&state)?;
    check_id(&id)?;
    let silence = alertmanager.silence(&id).ok_or(ApiError::Empty(StatusCode::NOT_FOUND))?;
    answer(shown(&silence, state.now_ms()))
}

pub(super) async fn delete(
    State(state): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let alertmanager = asked(&state)?;
    check_id(&id)?;
    // It waits for the disk.
    let expired = tokio::task::spawn_blocking(move || alertmanager.expire_silence(&id)).await;
    match expired.map_err(|e| model::Error::internal("the request ended unexpectedly").with_detail(e))? {
        Err(e) if e.kind == ErrorKind::NotFound => Err(ApiError::Empty(StatusCode::NOT_FOUND)),
        // One that is over can end once more.
        Err(e) if e.kind != ErrorKind::Conflict => Err(e.into()),
        _ => Ok(StatusCode::OK.into_response()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    #[serde(default)]
    id: String,
    matchers: Option<Vec<PostedMatcher>>,
    #[serde(default)]
    starts_at: Time,
    #[serde(default)]
    ends_at: Time,
    created_by: Option<String>,
    comment: Option<String>,
}

/// A matcher as it is sent: only name and value must be there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedMatcher {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    is_equal: Option<bool>,
}

impl Posted {
    fn silence(self, now_ms: i64) -> Result<Silence, ApiError> {
        let missing = |name: &str| ApiError::form(602, format!("silence.{name} in body is required"));
        let posted = self.matchers.ok_or_else(|| missing("matchers"))?;
        let silence = Silence {
            id: self.id,
            comment: self.comment.ok_or_else(|| missing("comment"))?,
            created_by: self.created_by.ok_or_else(|| missing("createdBy"))?,
            ends_at_ms: self.ends_at.0.ok_or_else(|| missing("endsAt"))?,
            starts_at_ms: self.starts_at.0.ok_or_else(|| missing("startsAt"))?,
            updated_at_ms: now_ms,
            matchers: posted
                .into_iter()
                .map(|m| SilenceMatcher {
                    name: m.name,
                    value: m.value,
                    is_regex: m.is_regex,
                    is_equal: m.is_equal.unwrap_or(true),
                })
                .collect(),
        };
        if silence.matchers.is_empty() {
            return Err(ApiError::form(612, "silence.matchers in body should have at least 1 items"));
        }
        if silence.starts_at_ms >= silence.ends_at_ms {
            return Err(ApiError::bad("Failed to create silence: start time must be before end time"));
        }
        if silence.ends_at_ms < now_ms {
            return Err(ApiError::bad("Failed to create silence: end time can't be in the past"));
        }
        check_matchers(&silence.matchers).map_err(|e| ApiError::bad(format!("invalid silence: {e}")))?;
        Ok(silence)
    }
}

fn check_matchers(matchers: &[SilenceMatcher]) -> Result<(), String> {
    let mut all_match_empty = true;
    for (at, posted) in matchers.iter().enumerate() {
        let refuse = |e: String| format!("invalid label matcher {at} in set 0: {e}");
        if posted.name.is_empty() {
            return Err(refuse("invalid label name \"\"".to_owned()));
        }
        let json = Json {
            name: posted.name.clone(),
            value: posted.value.clone(),
            is_regex: posted.is_regex,
            is_equal: posted.is_equal,
        };
        let matcher = Matcher::try_from(json)
            .map_err(|e| refuse(format!("invalid regular expression {}: {e}", Quoted(&posted.value))))?;
        all_match_empty &= matcher.matches_empty();
    }
    match all_match_empty {
        true => Err("matcher set 0: at least one matcher must not match the empty string".to_owned()),
        false => Ok(()),
    }
}

pub(super) async fn post(State(state): State<Shared>, headers: HeaderMap, body: Body) -> Answer {
    let alertmanager = asked(&state)?;
    let sent = headers.clone();
    let taken = receive(&state, &headers, body, move |state, body| {
        let plain = unpack(state, &sent, body)?;
        let posted: Posted = match serde_json::from_slice(&plain.bytes) {
            Ok(posted) => posted,
            Err(e) => {
                let message = format!("parsing silence body from \"\" failed, because {e}");
                return Ok(Err(ApiError::shaped(StatusCode::BAD_REQUEST, 400, message)));
            }
        };
        let silence = match posted.silence(state.now_ms()) {
            Ok(silence) => silence,
            Err(e) => return Ok(Err(e)),
        };
        Ok(alertmanager.set_silence(silence).map_err(|e| match e.kind {
            ErrorKind::NotFound => ApiError::Text(StatusCode::NOT_FOUND, "silence not found".to_owned()),
            ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Limited => ApiError::bad(e.message),
            _ => e.into(),
        }))
    });
    let id = taken.await??;
    answer(json!({"silenceID": id}))
}
