//! `/metrics`: the counters as OpenMetrics text.

use std::time::Duration;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{Pages, error::HttpError};
use crate::metrics::Scrape;

/// A scrape waits this long for the core's counts; then it goes without.
const COUNTS_TIMEOUT: Duration = Duration::from_secs(2);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The master's metrics.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((
        status = 200, description = "The metrics as OpenMetrics text.", body = String,
        content_type = "application/openmetrics-text"
    ))
)]
pub(super) async fn metrics(State(pages): State<Pages>) -> Result<Response, HttpError> {
    let counts = tokio::time::timeout(COUNTS_TIMEOUT, pages.master.counts()).await;
    let counts = counts.ok().and_then(Result::ok);
    let used = pages.model.used();
    let scrape = Scrape {
        counts: counts.as_ref(),
        blobs: pages.blobs.usage(),
        used: &used,
        epoch: pages.master.epoch(),
    };
    let page = pages
        .metrics
        .render(scrape)
        .map_err(|_| HttpError::Defect)?;
    Ok(([(header::CONTENT_TYPE, OPENMETRICS)], page).into_response())
}
