//! All routes and what stands before them.

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;

use crate::state::Shared;
use crate::{
    alertmanager, elastic, exposition, gate, health, influx, loki, otlp, own, prometheus, pushgateway,
    redirects, ui, user_assets,
};

pub(crate) fn router(state: Shared) -> Router {
    Router::new()
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(health::ready))
        .route("/-/reload", post(health::reload).put(health::reload).get(health::only_post))
        .route("/-/quit", post(health::quit).put(health::quit).get(health::only_post))
        .route("/metrics", get(exposition::serve))
        .route("/version", get(prometheus::version))
        .merge(own::routes())
        .merge(prometheus::routes())
        .route("/user/{*path}", get(user_assets::serve))
        .merge(influx::routes())
        .merge(loki::routes())
        .merge(otlp::routes())
        .merge(loki::push::routes())
        .merge(elastic::nested())
        .merge(pushgateway::routes())
        .merge(alertmanager::routes())
        .merge(redirects::routes())
        .fallback(ui::serve)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(state.clone(), gate::pass))
        .with_state(state)
}
