//! `/healthz` and `/readyz`: whether the process lives, and whether it does its work.

use axum::extract::State;

use super::{Pages, error::HttpError};

/// Whether the process answers at all.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, description = "The process answers.", body = String))
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the master takes schedulers, agents and operators.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "The master does its work.", body = String),
        (status = 503, description = "It is going down.", body = stoker_proto::json::Error),
    )
)]
pub(super) async fn readyz(State(pages): State<Pages>) -> Result<&'static str, HttpError> {
    if pages.master.is_ended() {
        return Err(HttpError::Unavailable("the master is going down"));
    }
    Ok("ok\n")
}
