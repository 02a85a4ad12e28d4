//! The HTTP rim: health, metrics and the operator's API as JSON.
//!
//! Owns the routes and what each reads from where. Every page is read-only and comes from the read
//! model; `app` needs no socket. The schema is `stoker_proto::json`'s, its description `openapi`'s.

mod agents;
mod error;
mod frameworks;
mod health;
mod metrics;
mod offers;
mod openapi;
mod query;
mod state;
mod tasks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Request,
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::{
    blobs::BlobStore, driver::MasterHandle, grpc, metrics::Metrics, read_model::ReadModel,
};
use error::HttpError;

/// What the pages read.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    /// What readers see.
    pub model: Arc<ReadModel>,
    /// The loop: its counts, and whether it is there.
    pub master: MasterHandle,
    /// The blob store's usage.
    pub blobs: BlobStore,
    /// The counters of this process.
    pub metrics: Metrics,
}

/// All pages.
pub(crate) fn app(pages: Pages) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/state", get(state::state))
        .route("/api/v1/agents", get(agents::list))
        .route("/api/v1/agents/{agent_id}", get(agents::show))
        .route("/api/v1/frameworks", get(frameworks::list))
        .route("/api/v1/frameworks/{framework_id}", get(frameworks::show))
        .route("/api/v1/tasks", get(tasks::list))
        .route("/api/v1/tasks/{framework_id}/{task_id}", get(tasks::show))
        .route("/api/v1/offers", get(offers::list))
        .route("/api/v1/offers/{offer_id}", get(offers::show))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(pages)
}

/// What no route takes: of gRPC an unknown method, else an unknown page.
async fn not_found(request: Request) -> Response {
    let content_type = request.headers().get(axum::http::header::CONTENT_TYPE);
    let is_grpc =
        content_type.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc"));
    if is_grpc {
        return grpc::unimplemented(request.uri().path());
    }
    HttpError::NoPage(cut(request.uri().path())).into_response()
}

async fn method_not_allowed(request: Request) -> Response {
    HttpError::Method(request.method().clone()).into_response()
}

/// What a stranger wrote, short enough to be shown.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

type JsonResult<T> = Result<Json<T>, HttpError>;
