//! Addresses of Prometheus' older and newer pages. The interface's own router understands `/graph`, `/targets` and the
//! like; what stood below `/classic` and `/new` leads there, with the query it carried.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{HeaderValue, LOCATION};
use http::{Method, StatusCode, Uri};

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

/// The path of the API that was meant, where one has a slash too many: a base URL with a slash at its end makes such.
pub(crate) fn of_the_same_path(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let clean =
        path.split('/').filter(|part| !part.is_empty()).fold(String::new(), |all, part| all + "/" + part);
    let served = ["/api/", "/-/", "/metrics", "/federate", "/version"];
    if clean == path || !served.iter().any(|start| clean.starts_with(start)) {
        return None;
    }
    Some(uri.query().map_or_else(|| clean.clone(), |query| format!("{clean}?{query}")))
}

/// Leads there for good; what is not a GET keeps its method and body.
pub(crate) fn to(base: &str, target: &str, method: &Method) -> Response {
    let read = matches!(*method, Method::GET | Method::HEAD);
    let status = if read { StatusCode::MOVED_PERMANENTLY } else { StatusCode::PERMANENT_REDIRECT };
    match HeaderValue::from_str(&format!("{base}{target}")) {
        Ok(target) => (status, [(LOCATION, target)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
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

    #[test]
    fn a_slash_too_many_leads_to_the_api_and_nowhere_else() {
        let of = |path: &'static str| of_the_same_path(&Uri::from_static(path));
        assert_eq!(of("//api/v1/query?query=1").unwrap(), "/api/v1/query?query=1");
        assert_eq!(of("/api/v1/query/").unwrap(), "/api/v1/query");
        assert_eq!(of("/metrics//job/x").unwrap(), "/metrics/job/x");
        for path in ["/api/v1/none", "//example.com/api/", "/", "/nodes/"] {
            assert_eq!(of(path), None, "{path}");
        }
        assert_eq!(to("/p", "/api/x", &Method::GET).status(), 301);
        let post = to("/p", "/api/x", &Method::POST);
        assert_eq!(
            (post.status().as_u16(), &post.headers()[LOCATION]),
            (308, &HeaderValue::from_static("/p/api/x"))
        );
    }
}
