//! `/api/v1/agents`: the machines.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use stoker_proto::json;
use stoker_types::AgentId;

use super::{
    JsonResult, Pages,
    error::HttpError,
    query::{PageQuery, read_id},
};

/// The agents, by id.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "agents",
    params(PageQuery),
    responses((status = 200, body = [json::Agent]), (status = 400, body = json::Error))
)]
pub(super) async fn list(
    State(pages): State<Pages>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> JsonResult<Vec<json::Agent>> {
    Ok(Json(pages.model.agents(query?.page()?)))
}

/// One agent.
#[utoipa::path(
    get, path = "/api/v1/agents/{agent_id}", tag = "agents",
    params(("agent_id" = String, Path, description = "Its id.")),
    responses(
        (status = 200, body = json::Agent),
        (status = 400, body = json::Error),
        (status = 404, body = json::Error),
    )
)]
pub(super) async fn show(
    State(pages): State<Pages>,
    path: Result<Path<String>, PathRejection>,
) -> JsonResult<json::Agent> {
    let id: AgentId = read_id(&path?)?;
    pages
        .model
        .agent(id)
        .map(Json)
        .ok_or_else(|| HttpError::Unknown(format!("no agent {id} is known; see /api/v1/agents")))
}
