//! Every URL of the product, on one page.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{any, get, post, put},
};
use tower_http::{
    catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};

use crate::{
    Gateway, assets,
    error::ApiError,
    openapi,
    portal::{agents, connections, me, signup_whatsapp, templates},
    webhooks::{slack, whatsapp},
};

const API_TIMEOUT: Duration = Duration::from_secs(15);
const API_BODY_MAX: usize = 256 * 1024;
/// Nothing but our own files: no inline script, no third party.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; \
                              frame-ancestors 'none'; form-action 'self'";

pub fn router(gateway: Gateway) -> Router {
    let webhooks = Router::new()
        .route("/webhooks/slack/events", post(slack::receive))
        .route("/webhooks/whatsapp", get(whatsapp::verify).post(whatsapp::receive));
    let api = Router::new()
        .route("/api/v1/me", get(me::show))
        .route("/api/v1/agents", get(agents::list).put(agents::shape))
        .route("/api/v1/connections", get(connections::list).post(connections::connect))
        .route("/api/v1/connections/whatsapp-signup", get(signup_whatsapp::show).post(signup_whatsapp::finish))
        .route("/api/v1/connections/{id}/templates", get(templates::list))
        .route("/api/v1/connections/{id}/fallback-template", put(templates::choose))
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/{*rest}", any(missing))
        .layer(RequestBodyLimitLayer::new(API_BODY_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, API_TIMEOUT))
        .layer(map_response(refusal));
    let health = shared::health::routes(gateway.health.clone());
    Router::new()
        .merge(webhooks)
        .merge(api)
        .fallback(assets::serve)
        .with_state(gateway)
        .merge(health)
        // Below the headers: the answer to a panic carries them, too.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(header(header::CONTENT_SECURITY_POLICY.as_str(), CONTENT_POLICY))
}

fn header(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(header::HeaderName::from_static(name), HeaderValue::from_static(value))
}

async fn missing() -> ApiError {
    ApiError::not_found()
}

/// What the layers and axum itself refuse in plain words becomes a problem document like any other.
async fn refusal(response: Response) -> Response {
    let problem = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => ApiError::method_not_allowed(),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(),
        StatusCode::GATEWAY_TIMEOUT => ApiError::too_slow(),
        _ => return response,
    };
    let allowed = response.headers().get(header::ALLOW).cloned();
    let mut response = problem.into_response();
    if let Some(allowed) = allowed {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// The panic hook has logged the place; the caller gets a problem document like for any other failure.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    ApiError::internal().into_response()
}
