//! `/api/v1/frameworks`: the frameworks.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use stoker_proto::json;
use stoker_types::FrameworkId;

use super::{
    JsonResult, Pages,
    error::HttpError,
    query::{PageQuery, read_id},
};

/// The frameworks, by id.
#[utoipa::path(
    get, path = "/api/v1/frameworks", tag = "frameworks",
    params(PageQuery),
    responses((status = 200, body = [json::Framework]), (status = 400, body = json::Error))
)]
pub(super) async fn list(
    State(pages): State<Pages>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> JsonResult<Vec<json::Framework>> {
    Ok(Json(pages.model.frameworks(query?.page()?)))
}

/// One framework.
#[utoipa::path(
    get, path = "/api/v1/frameworks/{framework_id}", tag = "frameworks",
    params(("framework_id" = String, Path, description = "Its id.")),
    responses(
        (status = 200, body = json::Framework),
        (status = 400, body = json::Error),
        (status = 404, body = json::Error),
    )
)]
pub(super) async fn show(
    State(pages): State<Pages>,
    path: Result<Path<String>, PathRejection>,
) -> JsonResult<json::Framework> {
    let id: FrameworkId = read_id(&path?)?;
    pages.model.framework(id).map(Json).ok_or_else(|| {
        HttpError::Unknown(format!(
            "no framework {id} is known; see /api/v1/frameworks"
        ))
    })
}
