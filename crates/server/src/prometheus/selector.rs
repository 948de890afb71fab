//! `match[]` parameters.

use model::Matcher;

use super::error::ApiError;
use crate::params::Params;

/// One bare selector.
pub(crate) fn parse(text: &str) -> Result<Vec<Matcher>, ApiError> {
    query::promql::parse_selector(text).map_err(|e| ApiError::parameter("match[]", e))
}

/// All `match[]` parameters; each needs a condition that an absent label does not fulfil.
pub(crate) fn all(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let sets: Vec<Vec<Matcher>> = params.all("match[]").map(parse).collect::<Result<_, _>>()?;
    if sets.iter().any(|set| set.iter().all(Matcher::matches_empty)) {
        return Err(ApiError::bad_data("match[] must contain at least one non-empty matcher"));
    }
    Ok(sets)
}
