//! What was refused: counted by route and reason, and told to the log, with who and from where as far as that is known.
//!
//! Of what somebody sent, nothing is told: no address with its ids, no body, no token. A flood of refusals fills no disk: beyond
//! a number of lines a second they are only counted. docs/logs.md lists what else is logged, and where.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};
use shared::ids::{ApiKeyId, TenantId, UserId};

use crate::{Gateway, client, cookies, error::Reason};

const LINES_MAX: u32 = 50;
const LINES_EVERY: Duration = Duration::from_secs(1);
/// What is no security event: two people changed the same, or one asked for what can't be done now.
const ORDINARY: [StatusCode; 3] =
    [StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED, StatusCode::PRECONDITION_REQUIRED];
/// Reasons that nobody comes upon by mistake.
const ODD: [&str; 4] = ["forged", "foreign_page", "too_many_requests", "impersonating"];

/// Who asked, once their key or session was found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    Session(UserId, Option<TenantId>),
    Key(ApiKeyId, TenantId),
}

/// Filled while a request is judged; it outlives a refusal.
#[derive(Clone, Default)]
struct Caller(Arc<OnceLock<Known>>);

/// How many lines were written in the second that `since` began.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Option<(Instant, u32)>>);

impl Lines {
    /// Whether one more may be written; and how many were left out in a second that has just ended.
    fn take(&self, now: Instant) -> (bool, u32) {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = second.unwrap_or((now, 0));
        if now.duration_since(since) < LINES_EVERY {
            *second = Some((since, count + 1));
            return (count < LINES_MAX, 0);
        }
        *second = Some((now, 1));
        (true, count.saturating_sub(LINES_MAX))
    }
}

pub(crate) fn remember(parts: &Parts, known: Known) {
    if let Some(caller) = parts.extensions.get::<Caller>() {
        // The first one found is the one that is judged.
        let _ = caller.0.set(known);
    }
}

/// Below it every request of the API, of webhooks and of the way to providers and back.
pub(crate) async fn note(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let caller = Caller::default();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let address = client::address(request.extensions(), request.headers(), &gateway);
    let has_shown = request.headers().contains_key(header::AUTHORIZATION)
        || cookies::value(request.headers(), cookies::ACCESS).is_some();
    let method = request.method().clone();
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() || ORDINARY.contains(&status) {
        return response;
    }
    let reason = response.extensions().get::<Reason>().map_or("other", |reason| reason.0);
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    metrics::counter!("konstruct_refused_total", "route" => route.to_owned(), "reason" => reason).increment(1);
    // Every page that is opened asks once who it is.
    if reason == "unauthorized" && !has_shown {
        return response;
    }
    let (may, left_out) = gateway.refusal_lines.take(Instant::now());
    if left_out > 0 {
        tracing::warn!(left_out, "More requests were refused than are told one by one");
    }
    if may {
        let who = Who::of(caller.0.get());
        let (user, key, tenant) = (who.user.as_deref(), who.key.as_deref(), who.tenant.as_deref());
        let status = status.as_u16();
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    %method, route, status, reason, user.id = user, key.id = key, tenant.id = tenant, %address,
                    "A request was refused"
                )
            };
        }
        if ODD.contains(&reason) { tell!(warn) } else { tell!(info) }
    }
    response
}

#[derive(Default)]
struct Who {
    user: Option<String>,
    key: Option<String>,
    tenant: Option<String>,
}

impl Who {
    fn of(known: Option<&Known>) -> Self {
        match known {
            None => Self::default(),
            Some(Known::Session(user, tenant)) => {
                Self { user: Some(user.to_string()), key: None, tenant: tenant.map(|tenant| tenant.to_string()) }
            }
            Some(Known::Key(key, tenant)) => {
                Self { user: None, key: Some(key.to_string()), tenant: Some(tenant.to_string()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_writes_a_few_lines_a_second_and_says_how_many_it_left_out() {
        let (lines, begin) = (Lines::default(), Instant::now());
        let mut written = 0;
        for _ in 0..1_000 {
            let (may, left_out) = lines.take(begin);
            assert_eq!(left_out, 0);
            written += u32::from(may);
        }
        assert_eq!(written, LINES_MAX);
        assert_eq!(lines.take(begin + LINES_EVERY), (true, 1_000 - LINES_MAX));
        assert_eq!(lines.take(begin + LINES_EVERY), (true, 0));
    }
}
