//! `/api/v1/openapi.json`: the API's own description, OpenAPI 3.1.
//!
//! Owns the list of what is described; each page describes itself where it is written.

use axum::Json;
use utoipa::OpenApi;

use super::{agents, frameworks, health, metrics, offers, state, tasks};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stoker master",
        description = "The cluster as its master sees it. Read-only; lists are cut with `limit` \
                       and continued with `after`."
    ),
    paths(
        health::healthz,
        health::readyz,
        metrics::metrics,
        document,
        state::state,
        agents::list,
        agents::show,
        frameworks::list,
        frameworks::show,
        tasks::list,
        tasks::show,
        offers::list,
        offers::show,
    )
)]
struct Description;

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "state",
    responses((status = 200, description = "The description of the API."))
)]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}
