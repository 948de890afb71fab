//! `detected_fields` and `detected_field/<name>/values`: the fields that the newest lines have.

use axum::Json;
use axum::extract::{self, Path};
use axum::response::IntoResponse;
use query::logql::{self, Direction, Expr, Fields, LogQuery};
use serde_json::json;

use super::error::{Answer, ApiError};
use super::params::Form;
use super::query::run;
use crate::params::Params;
use crate::state::Shared;

/// Lines that are looked at, and fields that are shown, where nothing is said.
const LINES: usize = 1_000;
const FIELDS: usize = 1_000;
/// The most values of a field that are counted.
const VALUES: usize = 1_000;

/// The fields of the newest lines of a query.
async fn found(state: &Shared, params: &Params) -> Result<(Fields, usize), ApiError> {
    let Expr::Log(expr) = logql::parse(params.get("query"))? else {
        return Err(ApiError::bad("only log queries have fields"));
    };
    let bounds = params.bounds(state)?;
    let limit = match params.get("limit") {
        "" => params.count("field_limit", FIELDS)?,
        _ => params.count("limit", FIELDS)?,
    };
    let lines = params.count("line_limit", LINES)?.min(state.logql.options().max_lines);
    let query = LogQuery {
        start_ns: bounds.start,
        end_ns: bounds.end,
        limit: lines,
        direction: Direction::Backward,
        interval_ns: 0,
        by_stream: true,
    };
    let (streams, _) =
        run(state, move |state, ctx, records| Ok(state.logql.logs(ctx, records, &expr, query)?)).await?;
    let mut fields = Fields::new(FIELDS, VALUES);
    for stream in &streams {
        stream.entries.iter().for_each(|entry| fields.add(&stream.labels, entry));
    }
    Ok((fields, limit.min(FIELDS)))
}

pub(crate) async fn fields(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let (found, limit) = found(&state, &params).await?;
    let list: Vec<_> = found
        .found()
        .iter()
        .take(limit)
        .map(|(name, field)| {
            let parsers = (!field.parsers.is_empty()).then_some(&field.parsers);
            json!({"label": name, "type": field.kind.as_str(), "cardinality": field.values.len(), "parsers": parsers})
        })
        .collect();
    Ok(Json(json!({"fields": list, "limit": limit})).into_response())
}

pub(crate) async fn values(
    extract::State(state): extract::State<Shared>,
    Path(name): Path<String>,
    Form(params): Form,
) -> Answer {
    let (found, limit) = found(&state, &params).await?;
    let values: Vec<_> = found.found().get(&name).into_iter().flat_map(|f| &f.values).take(limit).collect();
    Ok(Json(json!({"values": values, "limit": limit})).into_response())
}
