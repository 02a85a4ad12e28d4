//! `/api/v1/state`: the cluster in one document.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use stoker_proto::json;

use super::{JsonResult, Pages, query::PageQuery};

/// The cluster: who leads it, how much there is, and the beginning of each list.
#[utoipa::path(
    get, path = "/api/v1/state", tag = "state",
    params(("limit" = Option<u32>, Query, description = "How many items of each list: 1 to 10,000; 1,000 if absent.")),
    responses((status = 200, body = json::State), (status = 400, body = json::Error))
)]
pub(super) async fn state(
    State(pages): State<Pages>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> JsonResult<json::State> {
    let limit = query?.limit()?;
    Ok(Json(pages.model.state(limit)))
}
