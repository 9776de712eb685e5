//! A tenant's own systems that are told what its audit log says, and of messages and notices, by Standard Webhooks.

use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use shared::{
    db::{
        notices,
        webhook_endpoints::{
            self, ACTIONS_MAX, Change, Endpoint, New,
            deliveries::{self, Delivery},
            subjects::{OF_MESSAGES, OF_NOTICES},
        },
    },
    ids::{WebhookDeliveryId, WebhookEndpointId},
    standard_webhooks,
};
use utoipa::{IntoParams, ToSchema};

use super::{conversations::written, mcp_servers::address};
use crate::{
    Gateway,
    auth::Admin,
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    paging,
    path_id::PathId,
};

const ACTION_MAX: usize = 80;

#[derive(Serialize, ToSchema)]
pub struct WebhookEndpointBody {
    #[schema(example = "whe_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    url: String,
    /// Acts of the audit log, or words with which their names begin; `log`, or none: all of them. Beside them what is told only
    /// to who names it: `message`, `message.received` and so on, `notice`, `notice.budget_alert` and so on.
    actions: Vec<String>,
    /// Whether the words of a message go along.
    with_text: bool,
    enabled: bool,
    /// Since when what it was told is given up; `null`: it hears.
    failing_since: Option<String>,
    created_by: String,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct WebhookEndpointList {
    /// Oldest first.
    items: Vec<WebhookEndpointBody>,
}

#[derive(Serialize, ToSchema)]
pub struct MadeWebhookEndpoint {
    #[serde(flatten)]
    endpoint: WebhookEndpointBody,
    /// Shown this once: what is sent is signed with it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhookEndpoint {
    #[schema(example = "https://crm.example.com/hooks/konstruct")]
    url: String,
    /// Acts such as `conversation.escalate`, or words with which their names begin: `conversation`. `log`, or none: the whole
    /// audit log. Beside them `message` or `message.received`, `.answered`, `.replied`, `.edited`, `.deleted`, and `notice` or
    /// `notice.` with its kind.
    #[serde(default)]
    actions: Vec<String>,
    /// Whether the words of a message go along. They don't, unless it is asked for.
    #[serde(default)]
    with_text: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhookEndpoint {
    url: Option<String>,
    actions: Option<Vec<String>>,
    with_text: Option<bool>,
    /// One that is switched on again is told of what is done from then on.
    enabled: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct WebhookDeliveryBody {
    #[schema(example = "whd_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    id: String,
    /// The act's place in the audit log; `null`: it is about the message or the notice.
    n: Option<i64>,
    #[schema(example = "conversation.escalate")]
    action: String,
    #[schema(example = "msg_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    message: Option<String>,
    #[schema(example = "not_01k9z3w6h8f2m5x7q4r1t0v9sb")]
    notice: Option<String>,
    /// `waiting`, `delivered` or `failed`.
    state: String,
    attempts: i32,
    /// The HTTP status that was answered last.
    status: Option<i32>,
    /// Why it did not arrive the last time. A sentence for people.
    error: Option<String>,
    created_at: String,
    finished_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct WebhookDeliveryList {
    /// The newest first.
    items: Vec<WebhookDeliveryBody>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WebhookDeliveriesAsked {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 by default.
    limit: Option<i64>,
}

/// The tenant's systems that are told what happens here.
#[utoipa::path(get, path = "/api/v1/webhook-endpoints",
    responses((status = 200, body = WebhookEndpointList), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(Admin(admin): Admin) -> Result<Json<WebhookEndpointList>, ApiError> {
    let mut tx = admin.db.begin().await?;
    let items = webhook_endpoints::list(&mut tx).await?;
    tx.close().await?;
    Ok(Json(WebhookEndpointList { items: items.into_iter().map(WebhookEndpointBody::from).collect() }))
}

/// Names a system that is told from now on. It is told by POST, signed with the secret that the answer shows.
#[utoipa::path(post, path = "/api/v1/webhook-endpoints", request_body = NewWebhookEndpoint, params(OnceKey),
    responses((status = 201, body = MadeWebhookEndpoint), (status = 400, body = Problem),
              (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn create(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    once: Once,
    body: Result<Json<NewWebhookEndpoint>, JsonRejection>,
) -> Result<(StatusCode, Json<MadeWebhookEndpoint>), ApiError> {
    let Json(body) = body?;
    let url = reachable(&gateway, &body.url)?;
    let actions = named(&body.actions)?;
    let secret = standard_webhooks::new_secret();
    let mut tx = admin.db.begin().await?;
    let new = New { url: &url, actions, with_text: body.with_text };
    let made = webhook_endpoints::create(&mut tx, &gateway.keys, &admin.actor, &new, &secret).await?;
    let answer = MadeWebhookEndpoint { endpoint: made.into(), secret: secret.expose_secret().to_owned() };
    once.commit(tx, StatusCode::CREATED, answer).await
}

/// Changes where or of what a system is told, or switches it on or off.
#[utoipa::path(patch, path = "/api/v1/webhook-endpoints/{endpoint_id}", params(("endpoint_id" = String, Path)),
    request_body = ChangeWebhookEndpoint,
    responses((status = 200, body = WebhookEndpointBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn change(
    State(gateway): State<Gateway>,
    Admin(admin): Admin,
    PathId(id): PathId<WebhookEndpointId>,
    body: Result<Json<ChangeWebhookEndpoint>, JsonRejection>,
) -> Result<Json<WebhookEndpointBody>, ApiError> {
    let Json(body) = body?;
    let url = body.url.as_deref().map(|url| reachable(&gateway, url)).transpose()?;
    let actions = body.actions.as_deref().map(named).transpose()?;
    let mut tx = admin.db.begin().await?;
    let to = Change { url: url.as_deref(), actions, with_text: body.with_text, enabled: body.enabled };
    let changed = webhook_endpoints::change(&mut tx, &admin.actor, id, &to).await?;
    tx.commit().await?;
    Ok(Json(changed.into()))
}

/// Deletes an endpoint with its secret.
#[utoipa::path(delete, path = "/api/v1/webhook-endpoints/{endpoint_id}", params(("endpoint_id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn remove(Admin(admin): Admin, PathId(id): PathId<WebhookEndpointId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    webhook_endpoints::remove(&mut tx, &admin.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells an endpoint `webhook_endpoint.ping`, whatever it asked for, to see whether it hears.
#[utoipa::path(post, path = "/api/v1/webhook-endpoints/{endpoint_id}/ping", params(("endpoint_id" = String, Path)),
    responses((status = 202), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem)))]
pub async fn ping(Admin(admin): Admin, PathId(id): PathId<WebhookEndpointId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    webhook_endpoints::ping(&mut tx, &admin.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

/// What an endpoint was told, and whether it arrived.
#[utoipa::path(get, path = "/api/v1/webhook-endpoints/{endpoint_id}/deliveries",
    params(("endpoint_id" = String, Path), WebhookDeliveriesAsked),
    responses((status = 200, body = WebhookDeliveryList), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn deliveries(
    Admin(admin): Admin,
    PathId(id): PathId<WebhookEndpointId>,
    asked: Result<Query<WebhookDeliveriesAsked>, QueryRejection>,
) -> Result<Json<WebhookDeliveryList>, ApiError> {
    let Query(asked) =
        asked.map_err(|_| ApiError::invalid("The query may have `cursor` and `limit`, and nothing else."))?;
    let limit = paging::limit(asked.limit)?;
    let before = paging::cursor(asked.cursor.as_deref(), |id| id.parse().ok())?;
    let mut tx = admin.db.begin().await?;
    if !webhook_endpoints::exists(&mut tx, id).await? {
        return Err(ApiError::not_found());
    }
    let mut found = deliveries::list(&mut tx, id, before, limit + 1).await?;
    tx.close().await?;
    let next_cursor = paging::next(&mut found, limit, |last| last.id.to_string());
    Ok(Json(WebhookDeliveryList {
        items: found.into_iter().map(WebhookDeliveryBody::from).collect(),
        next_cursor,
    }))
}

/// Sends a delivery again that is over, by the same id.
#[utoipa::path(post, path = "/api/v1/webhook-deliveries/{delivery_id}/retry", params(("delivery_id" = String, Path)),
    responses((status = 202), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn retry(Admin(admin): Admin, PathId(id): PathId<WebhookDeliveryId>) -> Result<StatusCode, ApiError> {
    let mut tx = admin.db.begin().await?;
    deliveries::again(&mut tx, &admin.actor, id).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

/// The address, if it may be called from here.
fn reachable(gateway: &Gateway, text: &str) -> Result<String, ApiError> {
    let url = address(text)?;
    gateway
        .guard
        .client(&url)
        .map_err(|refusal| ApiError::new(StatusCode::BAD_REQUEST, "address_refused", refusal.to_string()))?;
    Ok(url.into())
}

fn named(actions: &[String]) -> Result<&[String], ApiError> {
    let plain = |name: &String| {
        (1..=ACTION_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte))
    };
    if actions.len() > ACTIONS_MAX || !actions.iter().all(plain) {
        return Err(ApiError::invalid(format!(
            "`actions` may have {ACTIONS_MAX} names such as `conversation.escalate` or `conversation`: small letters, digits, \
             `_` and `.`, {ACTION_MAX} at most."
        )));
    }
    if let Some(unknown) = actions.iter().find(|name| is_no_event(name)) {
        return Err(ApiError::invalid(format!(
            "Nothing is called `{unknown}`: of messages there are `{}`, of notices `{OF_NOTICES}` and `{OF_NOTICES}.` with a kind.",
            OF_MESSAGES.join("`, `")
        )));
    }
    Ok(actions)
}

/// Acts of the log have many names, which a newer version may add to; what is no act has few.
fn is_no_event(name: &str) -> bool {
    let (noun, kind) = name.split_once('.').map_or((name, None), |(noun, kind)| (noun, Some(kind)));
    match noun {
        "message" => !OF_MESSAGES.contains(&name),
        OF_NOTICES => kind.is_some_and(|kind| notices::Kind::of(kind).is_none()),
        _ => false,
    }
}

impl From<Endpoint> for WebhookEndpointBody {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            url: endpoint.url,
            actions: endpoint.actions,
            with_text: endpoint.with_text,
            enabled: endpoint.enabled,
            failing_since: endpoint.failing_since.map(written),
            created_by: endpoint.created_by,
            created_at: written(endpoint.created_at),
        }
    }
}

impl From<Delivery> for WebhookDeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            n: delivery.n,
            action: delivery.action,
            message: delivery.message.map(|id| id.to_string()),
            notice: delivery.notice.map(|id| id.to_string()),
            state: delivery.state,
            attempts: delivery.attempts,
            status: delivery.status,
            error: delivery.error,
            created_at: written(delivery.created_at),
            finished_at: delivery.finished_at.map(written),
        }
    }
}
