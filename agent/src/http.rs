//! The agent's own page: `/healthz`, `/readyz`, `/metrics`.
//!
//! Reads what the driver shows; never asks the core, and never changes anything.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use stoker_agent_core::View;
use tokio::sync::watch;

use crate::metrics::Sources;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug)]
struct Page {
    view: watch::Receiver<View>,
    sources: Sources,
}

/// The routes.
pub(crate) fn app(view: watch::Receiver<View>, sources: Sources) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Page { view, sources })
}

/// Ready is an agent that a master has admitted.
async fn ready(State(page): State<Page>) -> (StatusCode, &'static str) {
    let view = page.view.borrow();
    if view.is_stopping {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if view.epoch.is_none() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not registered with a master\n",
        )
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn metrics(State(page): State<Page>) -> impl IntoResponse {
    let view = page.view.borrow().clone();
    match page.sources.render(&view) {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, OPEN_METRICS)], text),
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain")],
            "the page could not be written; this is a defect of stoker\n".to_owned(),
        ),
    }
}
