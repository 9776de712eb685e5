//! Ids in addresses. What is no id of the kind is answered like one that nobody has.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::{Gateway, error::ApiError};

/// The id at the end of the address. Comes after the caller's extractor, so that strangers learn nothing.
pub struct PathId<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<Gateway> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, gateway).await.map_err(|_| ApiError::not_found())?;
        text.parse().map(Self).map_err(|_| ApiError::not_found())
    }
}
