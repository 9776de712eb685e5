//! Embedded Signup: the customer clicks through Meta's dialogue, the browser brings a code, and the number is connected.
//!
//! Every step may be repeated: a customer whose signup broke off clicks again.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use shared::{channels::whatsapp_signup::Sync, config::WhatsAppApp};
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
    once::{Once, OnceKey},
    portal::{
        connect_whatsapp::{WhatsAppNumber, ask_meta, keep_number, refused},
        connections::ConnectionBody,
    },
};

const CODE_MAX: usize = 2_048;

/// What the browser needs to open Meta's dialogue.
#[derive(Serialize, ToSchema)]
pub struct WhatsAppSignup {
    /// `false`: the platform has no app for it; connect by hand.
    available: bool,
    app_id: Option<String>,
    config_id: Option<String>,
    #[schema(example = "v26.0")]
    graph_version: String,
}

/// What Meta's dialogue gives the browser.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signup {
    code: String,
    #[schema(example = "102290129340398")]
    account_id: String,
    #[schema(example = "106540352242922")]
    phone_number_id: String,
    /// Six digits that protect the number; left out for a number that stays in the phone app, too.
    pin: Option<String>,
}

/// The ids of an app that Embedded Signup works with.
fn ids(app: Option<&WhatsAppApp>) -> Option<(&WhatsAppApp, &str, &str)> {
    let app = app?;
    Some((app, app.app_id.as_deref()?, app.config_id.as_deref()?))
}

/// Whether numbers can be connected by a click, and with which app.
#[utoipa::path(get, path = "/api/v1/connections/whatsapp-signup",
    responses((status = 200, body = WhatsAppSignup), (status = 401, body = Problem)))]
pub async fn show(_operator: Operator, State(gateway): State<Gateway>) -> Json<WhatsAppSignup> {
    let known = ids(gateway.whatsapp.app.as_ref());
    Json(WhatsAppSignup {
        available: known.is_some(),
        app_id: known.map(|(_, app_id, _)| app_id.to_owned()),
        config_id: known.map(|(_, _, config_id)| config_id.to_owned()),
        graph_version: gateway.whatsapp.graph_version.clone(),
    })
}

/// Connects the number of a finished signup.
#[utoipa::path(post, path = "/api/v1/connections/whatsapp-signup", request_body = Signup, params(OnceKey),
    responses((status = 201, body = ConnectionBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn finish(
    admin: Admin,
    State(gateway): State<Gateway>,
    once: Once,
    body: Result<Json<Signup>, JsonRejection>,
) -> Result<(StatusCode, Json<ConnectionBody>), ApiError> {
    let Json(Signup { code, account_id, phone_number_id, pin }) = body?;
    let Some((app, app_id, _)) = ids(gateway.whatsapp.app.as_ref()) else {
        return Err(ApiError::invalid(
            "This platform has no Meta app for Embedded Signup: connect the number by hand, or set WHATSAPP_APP_ID and \
             WHATSAPP_CONFIG_ID.",
        ));
    };
    if code.is_empty() || code.len() > CODE_MAX || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("`code` must be what Meta's dialogue returned."));
    }
    if pin.as_ref().is_some_and(|pin| pin.len() != 6 || !pin.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(ApiError::invalid("`pin` must have six digits."));
    }
    let api = &gateway.whatsapp_api;
    let token = api.exchange(app_id, app, &code).await.map_err(refused)?;
    let number = WhatsAppNumber::checked(&phone_number_id, &token, Some(&account_id), None, None)?;
    api.subscribe(&token, &account_id, None).await.map_err(refused)?;
    match &pin {
        Some(pin) => api.register(&token, &phone_number_id, pin).await.map_err(refused)?,
        None => {
            for what in [Sync::Contacts, Sync::History] {
                // Meta allows it once, within a day: a repeated signup must not fail on it.
                if let Err(error) = api.sync(&token, &phone_number_id, what).await {
                    tracing::info!(%error, "The phone app was not asked for what it knows");
                }
            }
        }
    }
    let (keys, db, actor) = (&gateway.keys, &admin.0.db, &admin.0.actor);
    let new = ask_meta(api, number).await?;
    let mut tx = db.begin().await?;
    let connection = keep_number(&mut tx, keys, actor, &new).await?;
    let body = ConnectionBody::of(connection, db.id(), &gateway.public_url);
    let made = once.commit(tx, StatusCode::CREATED, body).await?;
    gateway.routes.invalidate_all();
    Ok(made)
}
