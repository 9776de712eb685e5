//! One visit to Slack's consent page, from opening the link to the connection.
//!
//! The link brings a tenant and the person who asked for it; opening it binds the visit to that browser by a cookie. What
//! Slack sends back counts only with the visit's state, in that browser, once, within ten minutes, and while the key that
//! asked still speaks for an admin. No transaction is open while Slack is asked.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use shared::{
    channels::{CallError, slack_app, slack_oauth::Grant},
    crypto::{new_token, token_hash},
    db::{
        DbError, TenantDb, audit,
        connections::{self, Connection, NewSlackConnection},
        install_links::{self, OwnApp, Refused, Visit},
        system, tenants,
    },
    ids::TenantId,
};
use url::Url;

use super::page::{Page, page};
use crate::{Gateway, cookies};

/// Which browser a visit belongs to.
const COOKIE: &str = "__Host-konstruct-install";
const COOKIE_SECONDS: u32 = 10 * 60;
/// Longest code, state or link in bytes; ours and Slack's have about 100.
const PARAMETER_MAX: usize = 512;

#[derive(Deserialize)]
pub struct Link {
    tenant: TenantId,
    link: String,
}

/// Opens a link: from here on the visit belongs to this browser.
pub async fn open(
    State(gateway): State<Gateway>,
    method: Method,
    link: Result<Query<Link>, QueryRejection>,
) -> Response {
    let Ok(Query(link)) = link else { return page(Page::NoSuchLink) };
    // Whoever only looks at addresses (mail filters, previews) opens nothing.
    if method == Method::HEAD {
        return StatusCode::NO_CONTENT.into_response();
    }
    let (state, browser) = (new_token(""), new_token("ksb_"));
    match opened(&gateway, &link, &state, &browser).await {
        Ok(Some(target)) => to_slack(&target, &browser),
        Ok(None) => page(Page::NoSuchLink),
        Err(error) => page(trouble(&error)),
    }
}

async fn opened(gateway: &Gateway, link: &Link, state: &str, browser: &str) -> Result<Option<Url>, DbError> {
    let mut tx = gateway.db.tenant(link.tenant).begin().await?;
    let hashes = [link.link.as_str(), state, browser].map(token_hash);
    let opened = install_links::open(&mut tx, &hashes[0], &hashes[1], &hashes[2]).await?;
    tx.commit().await?;
    let platform = gateway.slack_client.as_ref().map_or("", |client| client.id.as_str());
    Ok(opened.map(|opened| {
        let client = if opened.client_id.is_empty() { platform } else { &opened.client_id };
        let redirect = slack_app::redirect_url(&gateway.public_url);
        let state = format!("{}.{state}", link.tenant);
        gateway.slack.authorize_url(client, &redirect, &state, opened.workspace.as_deref())
    }))
}

fn cookie(value: &str, seconds: u32) -> Option<HeaderValue> {
    // Lax: Slack's page leads here by a link, which must bring it.
    let text = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::try_from(text).ok()
}

fn to_slack(target: &Url, browser: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let (Ok(target), Some(cookie)) = (HeaderValue::try_from(target.as_str()), cookie(browser, COOKIE_SECONDS)) {
        headers.insert(header::LOCATION, target);
        headers.insert(header::SET_COOKIE, cookie);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What Slack sends a person back with. `error`: they did not agree.
#[derive(Deserialize)]
pub struct Answer {
    state: String,
    code: Option<String>,
    error: Option<String>,
}

/// Takes the person back from Slack's consent page.
pub async fn finish(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let browser = cookies::value(&headers, COOKIE).map(str::to_owned);
    let (Ok(Query(answer)), Some(browser)) = (answer, browser) else { return page(Page::NotStarted) };
    // Shielded: a code works once, and whoever closes the window now should find the workspace connected.
    let ended = tokio::spawn(async move { connect(&gateway, answer, &browser).await }).await;
    let mut response = page(ended.unwrap_or(Page::OurFault));
    if let Some(gone) = cookie("", 0) {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    response
}

async fn connect(gateway: &Gateway, answer: Answer, browser: &str) -> Page {
    let parts = answer.state.split_once('.').filter(|_| answer.state.len() <= PARAMETER_MAX);
    let Some((tenant, state)) = parts.and_then(|(tenant, state)| Some((tenant.parse::<TenantId>().ok()?, state)))
    else {
        return Page::NotStarted;
    };
    let db = gateway.db.tenant(tenant);
    let visit = match take(gateway, &db, state, browser).await {
        Ok(Ok(visit)) => visit,
        Ok(Err(Refused::Unknown)) => return Page::NotStarted,
        Ok(Err(Refused::OtherBrowser)) => return Page::OtherBrowser,
        Ok(Err(Refused::Used)) => return Page::Used,
        Ok(Err(Refused::Late)) => return Page::Late,
        Err(error) => return trouble(&error),
    };
    if let Some(error) = answer.error {
        return if error == "access_denied" { Page::Denied } else { Page::SlackRefused(error) };
    }
    let Some(code) = answer.code.filter(|code| !code.is_empty() && code.len() <= PARAMETER_MAX) else {
        return Page::SlackRefused("no code was sent".into());
    };
    match exchange(gateway, &db, &visit, &code).await {
        Ok(new) => store(gateway, &db, &visit, new).await.unwrap_or_else(|error| trouble(&error)),
        Err(page) => page,
    }
}

async fn take(
    gateway: &Gateway,
    db: &TenantDb,
    state: &str,
    browser: &str,
) -> Result<Result<Visit, Refused>, DbError> {
    let mut tx = db.begin().await?;
    let taken = install_links::take(&mut tx, &gateway.keys, &token_hash(state), &token_hash(browser)).await?;
    tx.commit().await?;
    let Ok(visit) = taken else { return Ok(taken) };
    if !system::may_administer(&gateway.db.system(), db.id(), &visit.actor).await? {
        return Ok(Err(Refused::Unknown));
    }
    Ok(Ok(visit))
}

/// Asks Slack: the code for a token, and the token for the bot it belongs to.
async fn exchange(
    gateway: &Gateway,
    db: &TenantDb,
    visit: &Visit,
    code: &str,
) -> Result<NewSlackConnection, Page> {
    let own = visit.own_app.as_ref();
    let stored = match visit.renews.filter(|_| own.is_none()) {
        Some(connection) => {
            let mut tx = db.begin().await.map_err(|error| trouble(&error))?;
            connections::client(&mut tx, &gateway.keys, connection).await.map_err(|error| trouble(&error))?
        }
        None => None,
    };
    let client = own.map(|app| &app.client).or(stored.as_ref()).or(gateway.slack_client.as_ref());
    let client = client.ok_or(Page::OurFault)?;
    let redirect = slack_app::redirect_url(&gateway.public_url);
    let grant = gateway.slack.exchange_code(client, code, &redirect).await.map_err(said_no)?;
    if own.is_some_and(|app| app.app_id != grant.app_id) {
        return Err(Page::OtherApp);
    }
    let identity = gateway.slack.auth_test(&grant.bot_token).await.map_err(said_no)?;
    Ok(granted(grant, identity.bot_id, own))
}

fn granted(grant: Grant, bot_id: String, own: Option<&OwnApp>) -> NewSlackConnection {
    NewSlackConnection {
        team_id: grant.workspace_id,
        team_name: grant.workspace_name,
        bot_user_id: grant.bot_user_id,
        bot_id,
        bot_token: grant.bot_token,
        own_app: own.map(|app| (app.app_id.clone(), app.signing_secret.clone())),
        client: own.map(|app| app.client.clone()),
        org_wide: grant.org_wide,
        scopes: grant.scopes,
        rotation: grant.rotation,
    }
}

/// Connection, route and audit row together.
async fn store(
    gateway: &Gateway,
    db: &TenantDb,
    visit: &Visit,
    mut new: NewSlackConnection,
) -> Result<Page, DbError> {
    let mut tx = db.begin().await?;
    if let Some(renewed) = visit.renews {
        let before = connections::find(&mut tx, renewed).await?.ok_or(DbError::NotFound)?;
        if before.external_id != new.team_id {
            return Ok(Page::OtherWorkspace { expected: before.display_name, given: new.team_name });
        }
        if new.own_app.is_none() && !before.app_id.is_empty() {
            let secret = connections::signing_secret(&mut tx, &gateway.keys, renewed).await?;
            new.own_app = secret.map(|secret| (before.app_id, secret));
        }
    }
    let connection = match connections::connect_slack(&mut tx, &gateway.keys, &new).await {
        Ok(connection) => connection,
        Err(DbError::Conflict(_)) => return Ok(Page::Taken(new.team_name)),
        Err(error) => return Err(error),
    };
    let tenant_name = tenants::name(&mut tx).await?;
    let detail = json!({
        "channel": "slack", "team": connection.external_id, "own_app": connection.app_id, "by": "install_link",
        "org_wide": new.org_wide, "scopes": new.scopes, "rotates": new.rotation.is_some(),
    });
    let target = connection.id.to_string();
    audit::append(&mut tx, &visit.actor, "connection.connect", ("connection", &target), detail).await?;
    tx.commit().await?;
    gateway.routes.invalidate_all();
    Ok(connected(&new, connection, tenant_name))
}

fn connected(new: &NewSlackConnection, connection: Connection, tenant_name: String) -> Page {
    let missing = slack_app::missing_scopes(&new.scopes).into_iter().map(str::to_owned).collect();
    Page::Connected { workspace: connection.display_name, tenant: tenant_name, missing }
}

/// What Slack's refusal means for the person who waits.
fn said_no(error: CallError) -> Page {
    match error {
        CallError::Refused(reason)
            if matches!(reason.as_str(), "invalid_code" | "code_already_used" | "code_expired") =>
        {
            Page::Late
        }
        CallError::Refused(reason) | CallError::Dead(reason) => Page::SlackRefused(reason),
        CallError::RateLimited(_) | CallError::Unreachable(_) | CallError::Ambiguous(_) => Page::NoAnswer,
    }
}

fn trouble(error: &DbError) -> Page {
    if error.is_unavailable() {
        tracing::warn!(%error, "The database did not answer an installation");
    } else {
        tracing::error!(%error, "An installation failed");
    }
    Page::OurFault
}
