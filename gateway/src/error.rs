//! Problem documents (RFC 9457) with stable codes. Internal text never reaches a client.

use std::time::Duration;

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    channels::CallError,
    db::{DbError, suspensions::Suspension},
};
use utoipa::ToSchema;

/// Longest refusal that quotes what was sent, in characters.
const REFUSAL_MAX: usize = 400;

/// Why a request was refused, for who counts that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason(pub &'static str);

/// What a client is told when something can't be done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    #[schema(example = "Not Found")]
    title: &'static str,
    #[schema(example = 404)]
    status: u16,
    /// Stable, for programs.
    #[schema(example = "not_found")]
    code: &'static str,
    /// A sentence that says what to do.
    #[schema(example = "There is nothing here under this id.")]
    detail: String,
}

#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// How long to wait before trying again, in seconds.
    wait: Option<u64>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), wait: None }
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here under this address or id.")
    }

    /// `If-Match` named what it no longer is.
    pub fn changed_meanwhile() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "changed_meanwhile",
            "Somebody has changed it meanwhile. Look at what it is now, and send your change again.",
        )
    }

    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Sign in, or send a valid API key as `Authorization: Bearer kst_…`; `konstruct tenant create` prints one.",
        )
    }

    pub fn wrong_password() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "wrong_password",
            "Address and password don't fit, or the address is not confirmed yet: look for our mail, or reset the password.",
        )
    }

    /// Only said to somebody who knows the password.
    pub fn code_required() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "code_required",
            "Also send `code`: what your app shows, or a recovery code.",
        )
    }

    pub fn wrong_code() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "wrong_code",
            "The code does not fit, or was used: wait for the app's next one.",
        )
    }

    pub fn dead_link() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "dead_link",
            "This link was used, taken back or is too old, or the password does not fit. Ask for a new one.",
        )
    }

    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This role may not do that: an admin of the tenant may.")
    }

    pub fn read_only() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "read_only",
            "Your membership is for looking only: an admin of the tenant can change that.",
        )
    }

    pub fn not_in_a_name() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "impersonating",
            "Nobody may do that in somebody else's name: end the impersonation first.",
        )
    }

    pub fn impersonation_ended() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "impersonation_ended",
            "The impersonation is over, by time or because the consent was taken back: leave it to go on as yourself.",
        )
    }

    pub fn suspended(suspension: &Suspension) -> Self {
        let why = suspension.why.trim_end_matches('.');
        Self::new(
            StatusCode::FORBIDDEN,
            "suspended",
            format!(
                "This account is suspended: {why}. Its admins may still look and pay; ask whoever runs the platform to let it go on."
            ),
        )
    }

    pub fn no_tenant() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "no_tenant",
            "You are no member of this tenant (any more): switch to another of yours, or ask for an invitation.",
        )
    }

    pub fn foreign_page() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign_page",
            "Only Konstruct's own page may do that with this session: open it under KONSTRUCT_PUBLIC_URL, and send `Origin` and `x-csrf-token`.",
        )
    }

    pub fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        Self {
            wait: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                format!("That was tried too often. Try again in {seconds} seconds."),
            )
        }
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not take this method; the header `Allow` says which.",
        )
    }

    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request's body is too large.")
    }

    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "too_slow",
            "The request took too long. What it should change may have been changed: look before you try again.",
        )
    }

    /// The caller asked for something else with the same `Idempotency-Key`.
    pub fn key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This `Idempotency-Key` was sent with another request within the last 24 hours: take a new key for a new request.",
        )
    }

    pub fn in_flight() -> Self {
        Self {
            wait: Some(1),
            ..Self::new(
                StatusCode::CONFLICT,
                "in_flight",
                "A request with this `Idempotency-Key` is being worked on, or its process has died within the last minute. Ask \
                 again in a moment.",
            )
        }
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side and was recorded. Try again; if it persists, send the time to your operator.",
        )
    }

    fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The database does not answer at the moment. Try again in a few seconds.",
        )
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
        };
        let mut response =
            (self.status, [(header::CONTENT_TYPE, "application/problem+json")], Json(problem)).into_response();
        response.extensions_mut().insert(Reason(self.code));
        if let Some(seconds) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::not_found(),
            DbError::Limit(sentence) => Self::new(StatusCode::CONFLICT, "plan_limit", sentence),
            DbError::Conflict(sentence) => Self::new(StatusCode::CONFLICT, "conflict", sentence),
            ref unavailable if unavailable.is_unavailable() => {
                tracing::warn!(%error, "The database did not answer a request");
                Self::unavailable()
            }
            error => {
                tracing::error!(%error, "A request failed");
                Self::internal()
            }
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::too_large();
        }
        // It quotes what was sent: no line breaks of a stranger's, and no more than one reads.
        let quoted = rejection.body_text();
        let plain = quoted.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        Self::invalid(plain.take(REFUSAL_MAX).collect::<String>())
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Dead(reason) => Self::invalid(format!(
                "Slack does not accept this bot token ({reason}). Copy the `xoxb-…` token from your app's OAuth page again."
            )),
            CallError::Refused(reason) => Self::invalid(format!("Slack refused the check: {reason}.")),
            CallError::RateLimited(_) | CallError::Unreachable(_) | CallError::Ambiguous(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "provider_unavailable",
                "Slack did not answer the check. Nothing was changed; try again in a moment.",
            ),
        }
    }
}
