//! `/api/v1/offers`: the offers that are out.

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
};
use stoker_proto::json;
use stoker_types::OfferId;

use super::{
    JsonResult, Pages,
    error::HttpError,
    query::{PageQuery, read_id},
};

/// The offers, by id.
#[utoipa::path(
    get, path = "/api/v1/offers", tag = "offers",
    params(PageQuery),
    responses((status = 200, body = [json::Offer]), (status = 400, body = json::Error))
)]
pub(super) async fn list(
    State(pages): State<Pages>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> JsonResult<Vec<json::Offer>> {
    Ok(Json(pages.model.offers(query?.page()?)))
}

/// One offer.
#[utoipa::path(
    get, path = "/api/v1/offers/{offer_id}", tag = "offers",
    params(("offer_id" = String, Path, description = "Its id.")),
    responses(
        (status = 200, body = json::Offer),
        (status = 400, body = json::Error),
        (status = 404, body = json::Error),
    )
)]
pub(super) async fn show(
    State(pages): State<Pages>,
    path: Result<Path<String>, PathRejection>,
) -> JsonResult<json::Offer> {
    let id: OfferId = read_id(&path?)?;
    pages
        .model
        .offer(id)
        .map(Json)
        .ok_or_else(|| HttpError::Unknown(format!("no offer {id} is known; see /api/v1/offers")))
}
