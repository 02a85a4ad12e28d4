//! What an HTTP request gets that is not carried out: `{"error": "…"}`, with what would be right.
//!
//! Owns which status code goes with which error.

use axum::{
    Json,
    extract::rejection::{PathRejection, QueryRejection},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use stoker_proto::json;

/// Why a request is not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The address is no page's.
    #[error("there is no page {0}; the API's pages are described at /api/v1/openapi.json")]
    NoPage(String),
    /// The page is only for reading.
    #[error("{0} is not possible here: every page of this API is read with GET")]
    Method(Method),
    /// A part of the address cannot be read.
    #[error("{0}")]
    Invalid(String),
    /// There is nothing by that name.
    #[error("{0}")]
    Unknown(String),
    /// The master cannot answer now.
    #[error("{0}")]
    Unavailable(&'static str),
    /// A defect of Stoker.
    #[error("the page could not be written; this is a defect of stoker")]
    Defect,
}

impl From<QueryRejection> for HttpError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

impl From<PathRejection> for HttpError {
    fn from(rejection: PathRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let code = match &self {
            Self::NoPage(_) | Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Defect => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let allows = matches!(self, Self::Method(_));
        let mut response = (
            code,
            Json(json::Error {
                error: self.to_string(),
            }),
        )
            .into_response();
        if allows {
            let only_reading = header::HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, only_reading);
        }
        response
    }
}
