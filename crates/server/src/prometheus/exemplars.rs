//! `query_exemplars`: exemplars of the series that an expression selects.

use axum::extract::State;
use model::{Labels, Matcher, SeriesExemplars};
use query::promql::Expr;
use serde::Serialize;

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::number::value_text;
use super::response::success;
use crate::state::Shared;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    series_labels: Labels,
    exemplars: Vec<One>,
}

#[derive(Serialize)]
struct One {
    labels: Labels,
    value: String,
    /// Seconds.
    timestamp: f64,
}

pub(crate) async fn exemplars(State(state): State<Shared>, Form(params): Form) -> Answer {
    let range = super::label_lists::range(&params)?;
    if range.is_empty() {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let syntax = state.parts.engine.options().syntax;
    let expr = query::promql::parse_with(params.get("query"), &syntax).map_err(ApiError::bad_data)?;
    let mut sets = Vec::new();
    expr.walk(&mut |node| sets.extend(matchers(node)));
    if sets.is_empty() {
        return Ok(super::response::no_content());
    }
    if state.parts.exemplars.is_none() {
        return Err(ApiError::not_implemented("this metric store keeps no exemplars"));
    }
    let timeout = params.timeout()?;
    let found = state.read(timeout, move |state, ctx| match &state.parts.exemplars {
        Some(reader) => reader.exemplars(ctx, &sets, range),
        None => Ok(Vec::new()),
    });
    let found: Vec<Series> = found.await??.into_iter().map(Series::of).collect();
    Ok(success(found, Vec::new()))
}

fn matchers(node: &Expr) -> Option<Vec<Matcher>> {
    match node {
        Expr::Vector(selector) => Some(selector.matchers.clone()),
        Expr::Matrix(matrix) => Some(matrix.selector.matchers.clone()),
        _ => None,
    }
}

impl Series {
    fn of(found: SeriesExemplars) -> Self {
        let one = |e: model::Exemplar| One {
            labels: e.labels,
            value: value_text(e.v),
            timestamp: e.t as f64 / 1000.0,
        };
        Self { series_labels: found.series, exemplars: found.exemplars.into_iter().map(one).collect() }
    }
}
