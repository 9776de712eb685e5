//! `POST /webhooks/stripe`: verify, remember the event, enqueue a look, answer.
//!
//! An event is never believed beyond whose it is: the job fetches the customer's current state. What belongs to nobody here
//! is quarantined and answered with 200, for sending it again would not help; once its customer is a tenant's, the tenant is
//! looked at anyway.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    db::{DbError, TenantDb, billing, customers, inbox},
    jobs::Job,
    queue,
    stripe::{Event, Signature, Stripe},
};

use super::body::{self, Unread};
use crate::Gateway;

const BODY_MAX: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const PROVIDER: &str = "stripe";
/// Of one customer that is nobody's: what is kept to look at, a minute.
const SAMPLES_MAX: u32 = 20;

/// Why a request gets no 200.
enum Refusal {
    Off,
    Forged,
    TooLarge,
    TooSlow,
    EndedEarly,
    /// Not stored: Stripe must send it again.
    Unavailable,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, sentence) = match self {
            Self::Off => (StatusCode::NOT_FOUND, "Stripe is not set up here: STRIPE_SECRET_KEY is unset."),
            Self::Forged => (StatusCode::UNAUTHORIZED, "The signature is missing, wrong or too old."),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "An event may have 1 MiB."),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The event did not arrive within 10 s."),
            Self::EndedEarly => (StatusCode::BAD_REQUEST, "The body ended early."),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "The event could not be stored; send it again.")
            }
        };
        (status, sentence).into_response()
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::TooSlow => Self::TooSlow,
            Unread::EndedEarly => Self::EndedEarly,
        }
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "A Stripe event could not be stored");
        Self::Unavailable
    }
}

pub async fn receive(State(gateway): State<Gateway>, headers: HeaderMap, body: Body) -> Response {
    accept(&gateway, &headers, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn accept(gateway: &Gateway, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
    let stripe = gateway.stripe.as_ref().ok_or(Refusal::Off)?;
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

/// Keeps the first ones for an operator to look at: a flood must cost little, and the rest would tell nothing new.
async fn put_aside(
    gateway: &Gateway,
    customer: String,
    reason: &'static str,
    raw: Bytes,
) -> Result<Response, Refusal> {
    let count = gateway.samples.get_with((reason, customer), async { Arc::default() }).await;
    if count.fetch_add(1, Ordering::Relaxed) >= SAMPLES_MAX {
        return Ok(counted("dropped"));
    }
    let system = gateway.db.system();
    let stored = tokio::spawn(async move { inbox::quarantine(&system, PROVIDER, reason, &raw).await });
    stored.await.map_err(|_| Refusal::Unavailable)??;
    Ok(counted("quarantined"))
}
