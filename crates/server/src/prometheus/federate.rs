//! `/federate`: the newest sample of every series that matches, for another Prometheus to scrape.

use std::collections::BTreeMap;

use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use model::labels::METRIC_NAME;
use model::{
    Ctx, Error, ErrorKind, Histogram, Labels, Matcher, Result, SelectHints, Selected, SeriesData, TimeRange,
    is_stale_nan,
};
use wire::federate::{Format, Value, Writer};

use crate::params::Params;
use crate::state::{self, Shared};

/// Memory one sample takes until it is written, at least.
const BYTES_EACH: u64 = 256;

enum Newest {
    Float(f64),
    Histogram(Box<Histogram>),
}

pub(crate) async fn federate(
    State(state): State<Shared>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let wrong = |text: String| (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response();
    let params = match Params::of_query(uri.query()) {
        Ok(params) => params,
        Err(error) => return wrong(error.message),
    };
    let sets: Result<Vec<Vec<Matcher>>, _> =
        params.all("match[]").map(query::promql::parse_selector).collect();
    let sets = match sets {
        Ok(sets) => sets,
        Err(error) => return wrong(error.to_string()),
    };
    sets.iter().for_each(|set| state.usage.note_selector(set));
    let accept = headers.get(ACCEPT).map_or("", |v| v.to_str().unwrap_or(""));
    let format = Format::negotiate(accept);
    let read = state.read(None, move |state, ctx| answer(state, ctx, &sets, format));
    match read.await {
        Ok(Ok(body)) => ([(CONTENT_TYPE, format.content_type())], body).into_response(),
        Ok(Err(error)) | Err(error) => {
            state.metrics.named.federation_errors.inc();
            refuse(&error)
        }
    }
}

fn refuse(error: &Error) -> Response {
    let status = match error.kind {
        ErrorKind::Unavailable | ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{}\n", error.message)).into_response()
}

fn answer(state: &state::State, ctx: &Ctx, sets: &[Vec<Matcher>], format: Format) -> Result<Vec<u8>> {
    let now = state.now_ms();
    let range = TimeRange::new(now.saturating_sub(state.parts.engine.options().lookback_ms), now);
    let mut memory = ctx.budget.reserve(0)?;
    // By name, then by all labels: samples of one name follow each other.
    let mut found: BTreeMap<(String, Labels), (i64, Newest)> = BTreeMap::new();
    let mut series = SeriesData::default();
    for matchers in sets {
        let selection = state.parts.metrics.select(ctx, matchers, range, &SelectHints::default())?;
        state.metrics.named.federation_warnings.inc_by(selection.warnings.len() as u64);
        let Selected::Series(partitions) = selection.data else { continue };
        for mut partition in partitions {
            while partition.next(&mut series)? {
                ctx.check()?;
                let Some(newest) = newest(&mut series) else { continue };
                memory.grow(BYTES_EACH + series.labels.canonical().len() as u64)?;
                found.insert((series.labels.metric_name().to_owned(), series.labels.clone()), newest);
            }
        }
    }
    let settings = state.parts.process.settings();
    let mut external: Vec<(&str, &str)> = settings.external_labels.iter().collect();
    if settings.external_labels.get("instance").is_none() {
        // An empty instance keeps the scraping server from adding its own.
        external.push(("instance", ""));
        external.sort_unstable();
    }
    let mut writer = Writer::new(format);
    for ((name, labels), (t, newest)) in &found {
        if name.is_empty() {
            continue;
        }
        let mut pairs: Vec<(&str, &str)> = labels.iter().filter(|(n, _)| *n != METRIC_NAME).collect();
        pairs.extend(external.iter().filter(|(n, _)| labels.get(n).is_none()));
        let value = match newest {
            Newest::Float(v) => Value::Float(*v),
            Newest::Histogram(h) => Value::Histogram(h),
        };
        let before = writer.len();
        writer.sample(name, &pairs, *t, value);
        memory.grow((writer.len() - before) as u64)?;
    }
    Ok(writer.finish())
}

/// The newest sample, unless it is a stale marker: the formats have none.
fn newest(series: &mut SeriesData) -> Option<(i64, Newest)> {
    let float = series.t.last().copied().zip(series.v.last().copied());
    let histogram = series.histograms.pop();
    match (float, histogram) {
        (Some((t, _)), Some((at, h))) if at > t => histogram_unless_stale(at, h),
        (Some((t, v)), _) => (!is_stale_nan(v)).then_some((t, Newest::Float(v))),
        (None, Some((at, h))) => histogram_unless_stale(at, h),
        (None, None) => None,
    }
}

fn histogram_unless_stale(t: i64, histogram: Histogram) -> Option<(i64, Newest)> {
    (!is_stale_nan(histogram.sum)).then(|| (t, Newest::Histogram(Box::new(histogram))))
}
