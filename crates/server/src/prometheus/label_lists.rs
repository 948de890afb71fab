//! `labels` and `label/<name>/values`.

use std::collections::BTreeSet;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use model::{Ctx, Listing, Matcher, Result, TimeRange};

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use super::selector;
use super::time::parse_time;
use crate::params::Params;
use crate::state::{self, Shared};

/// The range of `start` and `end`, each of which may be missing. As in Prometheus one that ends before it starts holds
/// nothing.
pub(super) fn range(params: &Params) -> Result<TimeRange, ApiError> {
    let time = |name: &str, default: i64| match params.get(name) {
        "" => Ok(default),
        text => parse_time(text).map_err(|e| ApiError::parameter(name, e)),
    };
    Ok(TimeRange::new(time("start", i64::MIN)?, time("end", i64::MAX)?))
}

pub(crate) async fn names(State(state): State<Shared>, Form(params): Form) -> Answer {
    list(state, params, |state, ctx, matchers, range, limit| {
        state.parts.metrics.label_names(ctx, matchers, range, limit)
    })
    .await
}

pub(crate) async fn values(
    State(state): State<Shared>,
    path: std::result::Result<Path<String>, PathRejection>,
    Form(params): Form,
) -> Answer {
    let Path(name) = path.map_err(|_| ApiError::bad_data("invalid label name: it is not valid UTF-8"))?;
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format_args!("invalid label name: {name:?}")));
    }
    list(state, params, move |state, ctx, matchers, range, limit| {
        state.parts.metrics.label_values(ctx, &name, matchers, range, limit)
    })
    .await
}

async fn list(
    state: Shared,
    params: Params,
    ask: impl Fn(&state::State, &Ctx, &[Matcher], TimeRange, usize) -> Result<Listing> + Send + 'static,
) -> Answer {
    let sets = selector::all(&params)?;
    let range = range(&params)?;
    let limit = params.limit()?;
    if range.is_empty() {
        return Ok(success([(); 0], Vec::new()));
    }
    let found = state.read(params.timeout()?, move |state, ctx| {
        if sets.is_empty() {
            return ask(state, ctx, &[], range, limit);
        }
        let mut union = BTreeSet::new();
        let mut all = Listing::default();
        for matchers in &sets {
            let one = ask(state, ctx, matchers, range, limit)?;
            union.extend(one.items);
            all.warnings.extend(one.warnings);
            all.truncated |= one.truncated;
        }
        all.items = union.into_iter().collect();
        Ok(all)
    });
    let mut found = found.await??;
    if limit > 0 && found.items.len() > limit {
        found.items.truncate(limit);
        found.truncated = true;
    }
    if found.truncated {
        found.warnings.push("results truncated due to limit".to_owned());
    }
    Ok(success(found.items, found.warnings))
}

/// Undoes Prometheus' "values" escaping of names that are no plain identifiers: `U__http_2e_status` is `http.status`.
/// What is not such a form stays as it is.
fn unescape(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut out = String::new();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '_' {
            out.push(c);
            continue;
        }
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let Some((digits, after)) = rest.split_once('_') else { return name.to_owned() };
        let hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let character = u32::from_str_radix(digits, 16).ok().filter(|_| hex).and_then(char::from_u32);
        let Some(character) = character else { return name.to_owned() };
        out.push(character);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read_and_others_left_alone() {
        assert_eq!(unescape("U__http_2e_status_3a_sum"), "http.status:sum");
        assert_eq!(unescape("U__a__b"), "a_b");
        assert_eq!(unescape("U___d55c_"), "한");
        for plain in ["job", "U__a_zz_b", "U__a_2e", "U__a_110000_b", "U__a_+2e_b"] {
            assert_eq!(unescape(plain), plain);
        }
    }
}
