//! `/metrics`: our own figures, as OpenMetrics or in Prometheus' text format.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use prometheus_client::registry::Registry;

use crate::metrics::named::Code;
use crate::state::{self, Counted, Shared};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) async fn serve(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let _running = Counted::new(&state.metrics.named.pages_running);
    let response = answer(&state, &headers);
    state.metrics.named.pages.get_or_create(&Code { code: response.status().as_u16() }).inc();
    response
}

fn answer(state: &state::State, headers: &HeaderMap) -> Response {
    let Some(text) = all(state) else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response();
    };
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    if accept.contains("application/openmetrics-text") {
        ([(CONTENT_TYPE, OPENMETRICS)], text).into_response()
    } else {
        ([(CONTENT_TYPE, TEXT)], prometheus_text(&text)).into_response()
    }
}

/// Everything that is counted, as OpenMetrics text.
pub(crate) fn all(state: &state::State) -> Option<String> {
    openmetrics(&[&state.parts.registry, &state.parts.process.changing_metrics()])
}

/// Registries as one OpenMetrics text; no name may be in two of them.
pub fn openmetrics(registries: &[&Registry]) -> Option<String> {
    let mut text = String::new();
    for registry in registries {
        prometheus_client::encoding::text::encode_registry(&mut text, registry).ok()?;
    }
    prometheus_client::encoding::text::encode_eof(&mut text).ok()?;
    // See `model::Summary`.
    Some(text.replace(" unknown\n", " summary\n"))
}

/// Counters of what came in and what was dropped: (series, value), for the status page.
pub(crate) fn ingestion(state: &state::State) -> Vec<(String, u64)> {
    ingestion_of(&all(state).unwrap_or_default())
}

fn ingestion_of(text: &str) -> Vec<(String, u64)> {
    const OF_INTEREST: [&str; 6] = [
        "bonghwa_received_",
        "bonghwa_intake_",
        "bonghwa_remote_write_",
        "bonghwa_scrape_",
        "bonghwa_log_",
        "bonghwa_containers_",
    ];
    text.lines()
        .filter(|line| OF_INTEREST.iter().any(|prefix| line.starts_with(prefix)))
        .filter_map(|line| line.rsplit_once(' '))
        .filter(|(series, _)| series.split('{').next().is_some_and(|name| name.ends_with("_total")))
        .filter_map(|(series, value)| Some((series.to_owned(), value.parse().ok()?)))
        .collect()
}

/// OpenMetrics to format 0.0.4: counters are typed under their sample's name, units, exemplars and the end mark are
/// left out, types that 0.0.4 lacks become `gauge` or `untyped`.
pub fn prometheus_text(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    // HELP comes before TYPE or after it, the name is known only with the type: it is held back.
    let mut family = (String::new(), String::new(), String::new());
    let write = |family: &mut (String, String, String), out: &mut String| {
        let (name, help, kind) = std::mem::take(family);
        if name.is_empty() {
            return;
        }
        let (name, kind) = match kind.as_str() {
            "counter" => (format!("{name}_total"), "counter"),
            "info" => (format!("{name}_info"), "gauge"),
            "stateset" | "gauge" => (name, "gauge"),
            "histogram" => (name, "histogram"),
            "summary" => (name, "summary"),
            _ => (name, "untyped"),
        };
        if !help.is_empty() {
            let _ = writeln!(out, "# HELP {name} {}", help.replace("\\\"", "\""));
        }
        let _ = writeln!(out, "# TYPE {name} {kind}");
    };
    for line in openmetrics.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            write(&mut family, &mut out);
            let sample = line.split(" # ").next().unwrap_or(line);
            out.push_str(sample);
            out.push('\n');
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        let (what, name, rest) = (words.next(), words.next().unwrap_or(""), words.next().unwrap_or(""));
        if matches!(what, Some("HELP" | "TYPE")) && family.0 != name {
            write(&mut family, &mut out);
            name.clone_into(&mut family.0);
        }
        match what {
            Some("HELP") => rest.clone_into(&mut family.1),
            Some("TYPE") => rest.clone_into(&mut family.2),
            _ => {}
        }
    }
    write(&mut family, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    #[test]
    fn counters_are_typed_under_the_name_of_their_sample() {
        let mut registry = Registry::default();
        let requests: Counter = Counter::default();
        requests.inc_by(3);
        registry.register("bonghwa_remote_write_samples", "Samples", requests);
        registry.register("bonghwa_queries", "Queries", Gauge::<i64>::default());
        let text = openmetrics(&[&registry]).unwrap();
        assert!(text.contains("# TYPE bonghwa_remote_write_samples counter\n") && text.ends_with("# EOF\n"));
        let classic = prometheus_text(&text);
        assert_eq!(
            classic,
            "# HELP bonghwa_remote_write_samples_total Samples.\n# TYPE bonghwa_remote_write_samples_total counter\n\
             bonghwa_remote_write_samples_total 3\n# HELP bonghwa_queries Queries.\n# TYPE bonghwa_queries gauge\n\
             bonghwa_queries 0\n"
        );
        assert_eq!(ingestion_of(&text), [("bonghwa_remote_write_samples_total".to_owned(), 3)]);
    }
}
