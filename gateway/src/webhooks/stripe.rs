//! `POST /webhooks/stripe`: verify, remember the event, enqueue a look, answer.
//!
//! An event is never believed beyond whose it is: the job fetches the customer's current state. What belongs to nobody here
//! is quarantined and answered with 200, for sending it again would not help; once its customer is a tenant's, the tenant is
//! looked at anyway.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    db::{DbError, TenantDb, billing, customers},
    jobs::Job,
    queue,
    stripe::{Event, Signature, Stripe},
};

use super::{
    aside::{self, Odd},
    body,
    refusal::Refusal,
};
use crate::Gateway;

const BODY_MAX: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const PROVIDER: &str = "stripe";
const OFF: &str = "Stripe is not set up here: STRIPE_SECRET_KEY is unset.";

pub async fn receive(State(gateway): State<Gateway>, headers: HeaderMap, body: Body) -> Response {
    accept(&gateway, &headers, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn accept(gateway: &Gateway, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
    let stripe = gateway.stripe.as_ref().ok_or(Refusal::Off(OFF))?;
    let mut given = headers.get_all("stripe-signature").iter();
    let header = given.next().and_then(|value| value.to_str().ok()).ok_or(Refusal::Forged)?;
    if given.next().is_some() {
        return Err(Refusal::Forged);
    }
    let signature = Signature::read(header, gateway.clock.now().unix_timestamp()).ok_or(Refusal::Forged)?;
    let raw = body::read(headers, body, BODY_MAX, BODY_TIMEOUT).await?;
    if !signature.fits(&stripe.config.webhook_secrets, &raw) {
        return Err(Refusal::Forged);
    }
    tokio::time::timeout(ANSWER_TIMEOUT, store(gateway, stripe, raw)).await.unwrap_or(Err(Refusal::Unavailable))
}

async fn store(gateway: &Gateway, stripe: &Stripe, raw: Bytes) -> Result<Response, Refusal> {
    let Some(event) = Event::parse(&raw) else {
        return put_aside(gateway, String::new(), "not readable as an event", raw).await;
    };
    if event.account.is_some() {
        return put_aside(gateway, String::new(), "of another account", raw).await;
    }
    if event.live != stripe.config.is_live() {
        return put_aside(gateway, String::new(), "of Stripe's other mode", raw).await;
    }
    // Of a price or a payout, say.
    let Some(customer) = event.customer.clone() else { return Ok(counted("not_kept")) };
    let Some(tenant) = customers::find(&gateway.db.system(), &customer).await? else {
        return put_aside(gateway, customer, "no tenant is this customer", raw).await;
    };
    let db = gateway.db.tenant(tenant);
    // Shielded: the sender may hang up while it is being written.
    let stored = tokio::spawn(async move { hear(&db, &event).await });
    let new = stored.await.map_err(|_| Refusal::Unavailable)??;
    Ok(counted(if new { "stored" } else { "duplicate" }))
}

async fn hear(db: &TenantDb, event: &Event) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let new = billing::hear(&mut tx, &event.id, &event.kind).await?;
    if new {
        queue::enqueue(&mut tx, &Job::RefreshBilling).await?;
    }
    tx.commit().await?;
    Ok(new)
}

fn counted(outcome: &'static str) -> Response {
    metrics::counter!("konstruct_billing_events_total", "outcome" => outcome).increment(1);
    StatusCode::OK.into_response()
}

async fn put_aside(
    gateway: &Gateway,
    customer: String,
    reason: &'static str,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let odd = Odd { provider: PROVIDER, reason, of: customer };
    Ok(counted(aside::sample(gateway, odd, raw).await?))
}
