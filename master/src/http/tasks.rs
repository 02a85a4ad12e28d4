//! `/api/v1/tasks`: the tasks that the master knows.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use stoker_proto::json;
use stoker_types::TaskKey;

use super::{
    JsonResult, Pages,
    error::HttpError,
    query::{TaskQuery, read_id},
};

/// The tasks, by framework and id.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "tasks",
    params(TaskQuery),
    responses((status = 200, body = [json::Task]), (status = 400, body = json::Error))
)]
pub(super) async fn list(
    State(pages): State<Pages>,
    query: Result<Query<TaskQuery>, QueryRejection>,
) -> JsonResult<Vec<json::Task>> {
    let Query(query) = query?;
    Ok(Json(pages.model.tasks(&query.filter()?, query.page()?)))
}

/// One task.
#[utoipa::path(
    get, path = "/api/v1/tasks/{framework_id}/{task_id}", tag = "tasks",
    params(
        ("framework_id" = String, Path, description = "Whose task it is."),
        ("task_id" = String, Path, description = "What its framework calls it."),
    ),
    responses(
        (status = 200, body = json::Task),
        (status = 400, body = json::Error),
        (status = 404, body = json::Error),
    )
)]
pub(super) async fn show(
    State(pages): State<Pages>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> JsonResult<json::Task> {
    let Path((framework_id, task_id)) = path?;
    let key = TaskKey {
        framework_id: read_id(&framework_id)?,
        task_id: read_id(&task_id)?,
    };
    pages
        .model
        .task(&key)
        .map(Json)
        .ok_or_else(|| HttpError::Unknown(format!("no task {key} is known; see /api/v1/tasks")))
}
