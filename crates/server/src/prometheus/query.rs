//! `query`, `query_range`, `format_query`.

use std::convert::Infallible;
use std::time::Instant;

use axum::extract::{self, FromRequestParts};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use model::Ctx;
use query::promql::ast::ValueType;
use query::promql::{
    Engine, EngineOptions, Expr, LoggedQuery, QueryError, QueryOrigin, QueryOutput, QueryStats, Value,
};

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::stream;
use super::targets::duration;
use crate::access::Peer;
use crate::metrics::named::slice;
use crate::params::Params;
use crate::state::{Shared, State, Where};

/// Points a series of a range query may have, as in Prometheus.
const MOST_POINTS: i64 = 11_000;

/// Who asks, for the record of queries.
pub(crate) struct Asker {
    client: String,
    method: Method,
    path: String,
}

impl FromRequestParts<Shared> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        let client = parts.extensions.get::<Peer>().map_or_else(String::new, |peer| peer.0.to_string());
        Ok(Self { client, method: parts.method.clone(), path: parts.uri.path().to_owned() })
    }
}

/// What was asked.
struct Asked {
    query: String,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    began: Instant,
}

impl Asked {
    /// Counts the parts of a query's time, and records it where a record is kept.
    fn done(&self, state: &Shared, asker: &Asker, result: &Result<QueryOutput, QueryError>) {
        let none = QueryStats::default();
        let stats = result.as_ref().map_or(&none, |output| &output.stats);
        let seconds = &state.metrics.named.query_seconds;
        for (part, took) in [
            ("prepare_time", stats.preparation),
            ("inner_eval", stats.evaluation),
            ("result_sort", stats.sorting),
        ] {
            seconds.observe(&slice(part), took.as_secs_f64());
        }
        let Some(log) = state.parts.engine.options().logs.on() else { return };
        let error = result.as_ref().err().map(ToString::to_string);
        log.log(&LoggedQuery {
            query: &self.query,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            step_ms: self.step_ms,
            error: error.as_deref(),
            stats,
            total: self.began.elapsed(),
            origin: QueryOrigin::Http {
                client: &asker.client,
                method: asker.method.as_str(),
                path: &asker.path,
            },
        });
    }
}

pub(crate) async fn instant(
    extract::State(state): extract::State<Shared>,
    asker: Asker,
    Form(params): Form,
) -> Answer {
    let t = params.time("time", state.now_ms())?;
    let limit = params.limit()?;
    let timeout = params.timeout()?;
    let engine = engine(&state, &params)?;
    let text = params.get("query").to_owned();
    let asked = Asked { query: text.clone(), start_ms: t, end_ms: t, step_ms: 0, began: Instant::now() };
    state.parts.process.ready()?;
    let (mut warnings, result) = match engine.parse(&text) {
        Err(error) => (Vec::new(), Err(error)),
        Ok(expr) => {
            let warnings = state.note_query(&expr);
            let place = place(&state, &engine, &expr, (t, t, 0));
            let work = move |state: &State, ctx: &Ctx| {
                engine.instant_expr(ctx, &*state.parts.metrics, &text, expr, t)
            };
            (warnings, state.query(timeout, place, work).await?)
        }
    };
    asked.done(&state, &asker, &result);
    let mut output = result?;
    output.warnings.append(&mut warnings);
    let stats = stats(&params, asked.began, &output);
    Ok(answer(shortened(limited(output, limit)), stats))
}

pub(crate) async fn range(
    extract::State(state): extract::State<Shared>,
    asker: Asker,
    Form(params): Form,
) -> Answer {
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
    let parsed = state.parts.engine.parse(params.get("query"));
    parsed.as_ref().map_or(Ok(()), check_type)?;
    let limit = params.limit()?;
    let timeout = params.timeout()?;
    let engine = engine(&state, &params)?;
    let text = params.get("query").to_owned();
    let asked =
        Asked { query: text.clone(), start_ms: start, end_ms: end, step_ms: step, began: Instant::now() };
    state.parts.process.ready()?;
    let (mut warnings, result) = match parsed {
        Err(error) => (Vec::new(), Err(error)),
        Ok(expr) => {
            let warnings = state.note_query(&expr);
            let times = (start, end, step);
            let result = match engine.kept(&*state.parts.metrics, &text, &expr, times) {
                Some(output) => {
                    state.metrics.query_seconds.observe(asked.began.elapsed().as_secs_f64());
                    Ok(output)
                }
                None => {
                    let place = place(&state, &engine, &expr, times);
                    let work = move |state: &State, ctx: &Ctx| {
                        engine.range_expr(ctx, &*state.parts.metrics, &text, expr, times)
                    };
                    state.query(timeout, place, work).await?
                }
            };
            (warnings, result)
        }
    };
    asked.done(&state, &asker, &result);
    let mut output = result?;
    output.warnings.append(&mut warnings);
    let stats = stats(&params, asked.began, &output);
    Ok(answer(shortened(limited(output, limit)), stats))
}

/// A range query has a number or an instant vector at each step.
fn check_type(expr: &Expr) -> Result<(), ApiError> {
    match expr.value_type() {
        kind @ (ValueType::String | ValueType::Matrix) => Err(ApiError::parameter(
            "query",
            format_args!(
                "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                kind.describe()
            ),
        )),
        _ => Ok(()),
    }
}

/// Where a query from `start` to `end` is evaluated.
fn place(state: &Shared, engine: &Engine, expr: &Expr, times: (i64, i64, i64)) -> Where {
    match engine.is_little(&*state.parts.metrics, expr, times) {
        true => Where::Here,
        false => Where::Aside,
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
    options.summaries &= params.get("downsampling") != "off";
    options.sample_stats = !params.get("stats").is_empty();
    options.per_step_stats &= params.get("stats") == "all";
    let engine = state.parts.engine.with_options(options);
    // As with VictoriaMetrics: everything is computed anew.
    Ok(if params.get("nocache") == "1" { engine.without_results() } else { engine })
}

/// Names the lengths of the spans whose summaries the answer is made of.
const RESOLUTION: HeaderName = HeaderName::from_static("bonghwa-resolution");

fn answer(output: QueryOutput, stats: Option<serde_json::Value>) -> Response {
    let spans: Vec<String> = output.resolutions.iter().map(|ms| duration(*ms)).collect();
    let mut response = stream(output, stats);
    if let Ok(value) = HeaderValue::from_str(&spans.join(", "))
        && !spans.is_empty()
    {
        response.headers_mut().insert(RESOLUTION, value);
    }
    response
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
