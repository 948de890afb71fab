//! `patterns`. With `examples=true`, which Loki does not know, each has a message of it, and the exact times it was seen first and last.

use axum::extract;
use serde_json::json;

use super::error::{Answer, ApiError};
use super::params::{Form, scan};
use super::query::run;
use super::response::success;
use crate::state::Shared;

const SECOND: i64 = 1_000_000_000;
/// The most patterns of an answer.
const MOST: usize = 300;

pub(crate) async fn patterns(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let (matchers, bounds) = (params.selector("query")?, params.bounds(&state)?);
    if matchers.is_empty() {
        return Err(ApiError::bad("a selector of streams is needed: query={...}"));
    }
    let limit = params.count("limit", MOST)?.min(MOST);
    // Loki counts patterns by ten seconds.
    let step = params.step(bounds)?.max(10 * SECOND);
    let examples = params.switch("examples")?;
    let mut asked = scan(matchers, bounds);
    asked.wanted.body = examples;
    let mut found = run(&state, move |_, ctx, records| Ok(records.patterns(ctx, &asked, step)?)).await?;
    found.sort_by_cached_key(|p| {
        (std::cmp::Reverse(p.steps.iter().map(|s| s.1).sum::<u64>()), p.pattern.clone())
    });
    let list: Vec<_> = found
        .iter()
        .take(limit)
        .map(|p| {
            let samples: Vec<_> = p.steps.iter().map(|(t, count)| (t.div_euclid(SECOND), count)).collect();
            let mut one =
                json!({"pattern": p.pattern, "level": p.level.to_ascii_lowercase(), "samples": samples});
            if examples {
                one["example"] = p.example.as_str().into();
                one["first"] = p.seen.0.to_string().into();
                one["last"] = p.seen.1.to_string().into();
            }
            one
        })
        .collect();
    Ok(success(list))
}
