//! `series`: label sets that match.

use std::collections::BTreeSet;

use axum::extract::State;
use model::{Ctx, Labels, Matcher, Result, SelectHints, Selected, SeriesData, TimeRange};

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use super::selector;
use crate::state::{self, Shared};

/// Memory one label set takes in the answer, at least: reserved in steps of a thousand.
const BYTES_EACH: u64 = 256;

pub(crate) async fn series(State(state): State<Shared>, Form(params): Form) -> Answer {
    let sets = selector::all(&params)?;
    if sets.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = super::label_lists::range(&params)?;
    let limit = params.limit()?;
    if range.is_empty() {
        return Ok(success([(); 0], Vec::new()));
    }
    let (found, warnings) =
        state.read(params.timeout()?, move |state, ctx| collect(state, ctx, &sets, range, limit)).await??;
    Ok(success(found, warnings))
}

fn collect(
    state: &state::State,
    ctx: &Ctx,
    sets: &[Vec<Matcher>],
    range: TimeRange,
    limit: usize,
) -> Result<(BTreeSet<Labels>, Vec<String>)> {
    let hints = SelectHints {
        function: Some("series".to_owned()),
        labels_only: false,
        // One more tells whether the list was cut.
        limit: if limit == 0 { 0 } else { limit + 1 },
        ..SelectHints::default()
    };
    let mut found = BTreeSet::new();
    let mut warnings = Vec::new();
    let mut memory = ctx.budget.reserve(0)?;
    let mut series = SeriesData::default();
    for matchers in sets {
        let selection = state.parts.metrics.select(ctx, matchers, range, &hints)?;
        warnings.extend(selection.warnings);
        let Selected::Series(partitions) = selection.data else { continue };
        for mut partition in partitions {
            while partition.next(&mut series)? {
                ctx.check()?;
                if found.len() % 1000 == 0 {
                    memory.grow(1000 * BYTES_EACH)?;
                }
                if limit > 0 && found.len() == limit && !found.contains(&series.labels) {
                    warnings.push("results truncated due to limit".to_owned());
                    return Ok((found, warnings));
                }
                found.insert(series.labels.clone());
            }
        }
    }
    Ok((found, warnings))
}
