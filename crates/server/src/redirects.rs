//! Addresses of Prometheus' older and newer pages. The interface's own router understands `/graph`, `/targets` and the
//! like; what stood below `/classic` and `/new` leads there, with the query it carried.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};

use crate::state::Shared;

const PAGES: [&str; 8] =
    ["/graph", "/alerts", "/rules", "/targets", "/service-discovery", "/config", "/flags", "/tsdb-status"];

pub(crate) fn routes() -> Router<Shared> {
    PAGES.into_iter().fold(Router::new(), |router, page| {
        let handler = move |State(state): State<Shared>, request: Request| async move {
            lead(&state.web.external_path, page, request.uri().query())
        };
        router.route(&format!("/classic{page}"), get(handler)).route(&format!("/new{page}"), get(handler))
    })
}

fn lead(base: &str, page: &str, query: Option<&str>) -> Response {
    let target = query.map_or_else(|| format!("{base}{page}"), |query| format!("{base}{page}?{query}"));
    match HeaderValue::from_str(&target) {
        Ok(target) => (StatusCode::FOUND, [(LOCATION, target)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_bookmark_is_kept() {
        let response = lead("", "/graph", Some("g0.expr=up%20%3E%200&g0.tab=1"));
        assert_eq!(response.headers()[LOCATION], "/graph?g0.expr=up%20%3E%200&g0.tab=1");
        assert_eq!(lead("/prom", "/targets", None).headers()[LOCATION], "/prom/targets");
    }
}
