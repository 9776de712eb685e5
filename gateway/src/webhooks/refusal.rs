//! Why a webhook gets no 200. What is not said here is that something was not stored: then it is always [`Refusal::Unavailable`],
//! and the sender must send it again.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use shared::db::DbError;

use crate::error::Reason;

const NO_RETRY: HeaderName = HeaderName::from_static("x-slack-no-retry");

#[derive(Debug)]
pub enum Refusal {
    /// Nothing is received here, as the sentence says.
    Off(&'static str),
    /// Not the provider's, or not now.
    Forged,
    /// More than so many bytes.
    TooLarge(usize),
    TooSlow(Duration),
    Malformed(&'static str),
    Unavailable,
}

impl Refusal {
    /// For Slack, which tries three times more unless it is told that the same bytes will do no better.
    pub fn for_slack(self) -> Response {
        let is_final = matches!(self, Self::Malformed(_) | Self::TooLarge(_));
        let mut response = self.into_response();
        if is_final {
            response.headers_mut().insert(NO_RETRY, HeaderValue::from_static("1"));
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let reason = Reason(self.reason());
        let mut response = self.said();
        response.extensions_mut().insert(reason);
        response
    }
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::Off(_) => "off",
            Self::Forged => "forged",
            Self::TooLarge(_) => "too_large",
            Self::TooSlow(_) => "too_slow",
            Self::Malformed(_) => "malformed",
            Self::Unavailable => "unavailable",
        }
    }

    fn said(self) -> Response {
        match self {
            Self::Off(why) => (StatusCode::NOT_FOUND, why).into_response(),
            Self::Forged => {
                (StatusCode::UNAUTHORIZED, "The signature is missing, wrong or too old.").into_response()
            }
            Self::TooLarge(max) => {
                let sentence = format!("A webhook may have {} MiB.", max / 1024 / 1024);
                (StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response()
            }
            Self::TooSlow(within) => {
                let sentence = format!("The webhook did not arrive within {} s.", within.as_secs());
                (StatusCode::REQUEST_TIMEOUT, sentence).into_response()
            }
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Unavailable => {
                let sentence = "The webhook could not be stored; send it again.";
                (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response()
            }
        }
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "A webhook could not be stored");
        Self::Unavailable
    }
}
