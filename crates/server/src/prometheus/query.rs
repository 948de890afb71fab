//! `query`, `query_range`, `format_query`.

use std::time::Instant;

use axum::extract::State;
use query::promql::ast::ValueType;
use query::promql::{Engine, EngineOptions, QueryOutput, Value};

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::stream;
use crate::params::Params;
use crate::state::Shared;

/// Points a series of a range query may have, as in Prometheus.
const MOST_POINTS: i64 = 11_000;

pub(crate) async fn instant(State(state): State<Shared>, Form(params): Form) -> Answer {
    let t = params.time("time", state.now_ms())?;
    let limit = params.limit()?;
    let timeout = params.timeout()?;
    let engine = engine(&state, &params)?;
    let text = params.get("query").to_owned();
    let started = Instant::now();
    let warnings = state.note_query(&text);
    let mut output =
        state.read(timeout, move |state, ctx| engine.instant(ctx, &*state.parts.metrics, &text, t)).await??;
    output.warnings.extend(warnings);
    let stats = stats(&params, started, &output);
    Ok(stream(shortened(limited(output, limit)), stats))
}

pub(crate) async fn range(State(state): State<Shared>, Form(params): Form) -> Answer {
    let start = params.required_time("start")?;
    let end = params.required_time("end")?;
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step = super::time::parse_duration(params.get("step")).map_err(|e| ApiError::parameter("step", e))?;
    if step <= 0 {
        return Err(ApiError::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if (end - start) / step > MOST_POINTS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution \
             (?step=XX)",
        ));
    }
    check_type(&state.parts.engine, params.get("query"))?;
    let limit = params.limit()?;
    let timeout = params.timeout()?;
    let engine = engine(&state, &params)?;
    let text = params.get("query").to_owned();
    let started = Instant::now();
    let warnings = state.note_query(&text);
    let mut output = state
        .read(timeout, move |state, ctx| engine.range(ctx, &*state.parts.metrics, &text, start, end, step))
        .await??;
    output.warnings.extend(warnings);
    let stats = stats(&params, started, &output);
    Ok(stream(shortened(limited(output, limit)), stats))
}

/// A range query has a number or an instant vector at each step. What does not parse is left to the engine to report.
fn check_type(engine: &Engine, query: &str) -> Result<(), ApiError> {
    match engine.parse(query).map(|expr| expr.value_type()) {
        Ok(kind @ (ValueType::String | ValueType::Matrix)) => Err(ApiError::parameter(
            "query",
            format_args!(
                "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                kind.describe()
            ),
        )),
        _ => Ok(()),
    }
}

/// The shared engine's settings with the lookback and the statistics that the request asks for.
fn engine(state: &Shared, params: &Params) -> Result<Engine, ApiError> {
    let mut options: EngineOptions = state.parts.engine.options().clone();
    match params.duration("lookback_delta")? {
        None => {}
        Some(lookback_ms) if lookback_ms > 0 => options.lookback_ms = lookback_ms,
        Some(_) => return Err(ApiError::bad_data("lookback delta must be positive")),
    }
    options.sample_stats = !params.get("stats").is_empty();
    options.per_step_stats &= params.get("stats") == "all";
    Ok(Engine::new(options))
}

/// Leaves the first ten notes of each kind, as Prometheus does, and says how many more there are.
fn shortened(mut output: QueryOutput) -> QueryOutput {
    const MOST: usize = 10;
    for (texts, kind) in [(&mut output.warnings, "warning"), (&mut output.infos, "info")] {
        if let Some(more) = texts.len().checked_sub(MOST).filter(|more| *more > 0) {
            texts.truncate(MOST);
            texts.push(format!("{more} more {kind} annotations omitted"));
        }
    }
    output
}

/// Cuts a result to `limit` series and says so.
fn limited(mut output: QueryOutput, limit: usize) -> QueryOutput {
    let cut = match &mut output.value {
        Value::Vector(samples) if limit > 0 && samples.len() > limit => {
            samples.truncate(limit);
            true
        }
        Value::Matrix(series) if limit > 0 && series.len() > limit => {
            series.truncate(limit);
            true
        }
        _ => false,
    };
    if cut {
        output.warnings.push("results truncated due to limit".to_owned());
    }
    output
}

/// What the query cost, in Prometheus' words, where `stats` asks for it.
fn stats(params: &Params, started: Instant, output: &QueryOutput) -> Option<serde_json::Value> {
    if params.get("stats").is_empty() {
        return None;
    }
    let all = started.elapsed();
    let stats = &output.stats;
    let evaluated = stats.preparation + stats.evaluation + stats.sorting;
    let counts = stats.samples.clone().unwrap_or_default();
    let mut samples = serde_json::json!({
        "totalQueryableSamples": counts.total,
        "samplesRead": counts.read,
        "peakSamples": stats.peak_samples,
    });
    for (name, steps) in [
        ("totalQueryableSamplesPerStep", counts.total_per_step),
        ("samplesReadPerStep", counts.read_per_step),
    ] {
        if !steps.is_empty() {
            samples[name] =
                steps.into_iter().map(|(t, count)| serde_json::json!([t as f64 / 1000.0, count])).collect();
        }
    }
    Some(serde_json::json!({
        "timings": {
            "evalTotalTime": evaluated.as_secs_f64(),
            "resultSortTime": stats.sorting.as_secs_f64(),
            "queryPreparationTime": stats.preparation.as_secs_f64(),
            "innerEvalTime": stats.evaluation.as_secs_f64(),
            "execQueueTime": all.saturating_sub(evaluated).as_secs_f64(),
            "execTotalTime": all.as_secs_f64(),
        },
        "samples": samples,
        "series": output.cost.series,
        "bytes": output.cost.bytes,
    }))
}
