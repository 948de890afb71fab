//! `query`, `query_range`, `format_query`.

use std::time::Instant;

use axum::extract;
use http::HeaderMap;
use model::{Ctx, Labels, RecordReader};
use query::logql::{self, Expr, LogQuery};

use super::error::{Answer, ApiError};
use super::params::Form;
use super::response;
use crate::params::Params;
use crate::state::{Shared, State, Where};

const MS: i64 = 1_000_000;
/// Lines of an answer where no limit is given.
const LINES: usize = 100;
/// Points a series may have.
const MOST_POINTS: i64 = 11_000;

/// Runs a query of the store of logs on a thread for work.
pub(crate) async fn run<T: Send + 'static>(
    state: &Shared,
    work: impl FnOnce(&State, &Ctx, &dyn RecordReader) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let records = state.parts.records.clone().ok_or_else(ApiError::no_logs)?;
    state.query(None, Where::Aside, move |state, ctx| work(state, ctx, &*records)).await?
}

pub(crate) async fn instant(extract::State(state): extract::State<Shared>, Form(params): Form) -> Answer {
    let expr = logql::parse(params.get("query"))?;
    let t = params.ns("time", state.now_ms().saturating_mul(MS))? / MS;
    params.count("limit", LINES)?;
    let Expr::Metric(expr) = expr else {
        return Err(ApiError::bad(
            "log queries are not supported as an instant query type, please change your query to a range query type",
        ));
    };
    let began = Instant::now();
    let (output, stats) =
        run(&state, move |state, ctx, records| Ok(state.logql.instant(ctx, records, &expr, t)?)).await?;
    Ok(response::value(&output.value, stats, began.elapsed()))
}

pub(crate) async fn range(
    extract::State(state): extract::State<Shared>,
    headers: HeaderMap,
    Form(params): Form,
) -> Answer {
    match logql::parse(params.get("query"))? {
        Expr::Log(expr) => lines(&state, &headers, &params, expr).await,
        Expr::Metric(expr) => {
            let bounds = params.bounds(&state)?;
            let step = (params.step(bounds)? / MS).max(1);
            let (start, end) = (bounds.start / MS, bounds.end / MS);
            if (end - start) / step > MOST_POINTS {
                return Err(ApiError::bad(
                    "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the \
                     step parameter",
                ));
            }
            let began = Instant::now();
            let times = (start, end, step);
            let (output, stats) =
                run(&state, move |state, ctx, records| Ok(state.logql.range(ctx, records, &expr, times)?))
                    .await?;
            Ok(response::value(&output.value, stats, began.elapsed()))
        }
    }
}

async fn lines(state: &Shared, headers: &HeaderMap, params: &Params, expr: logql::ast::LogExpr) -> Answer {
    let bounds = params.bounds(state)?;
    let flags = headers.get("x-loki-response-encoding-flags").and_then(|v| v.to_str().ok()).unwrap_or("");
    let categorized = flags.split(',').any(|flag| flag.trim() == "categorize-labels");
    let query = LogQuery {
        start_ns: bounds.start,
        end_ns: bounds.end,
        limit: params.count("limit", LINES)?,
        direction: params.direction()?,
        interval_ns: params.length("interval")?.unwrap_or(0),
        by_stream: categorized,
    };
    let began = Instant::now();
    let (mut streams, stats) =
        run(state, move |state, ctx, records| Ok(state.logql.logs(ctx, records, &expr, query)?)).await?;
    // Our own pages ask for it; Loki's answers have no such part.
    if !flags.split(',').any(|flag| flag.trim() == "detected") {
        streams.iter_mut().flat_map(|s| &mut s.entries).for_each(|entry| entry.detected = Labels::default());
    }
    Ok(response::streams(&streams, categorized, stats, began.elapsed()))
}

pub(crate) async fn format(Form(params): Form) -> Answer {
    let expr = logql::parse(params.get("query"))?;
    Ok(response::success(logql::format(&expr)))
}
