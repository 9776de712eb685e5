//! Stripe, as far as Konstruct sells: customers, Checkout, the customer's own pages, subscriptions, meters, and the
//! signature of its webhooks. By plain HTTP, see decision 0085.
//!
//! Answers are read leniently: only the fields that are used, unknown values kept as text. Stripe adds to its objects all
//! the time, and a state that can't be read can't be followed.

mod objects;
mod signature;

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, header};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use url::Url;

pub use objects::{Event, Invoice, Subscription};
pub use signature::{Signature, TOLERANCE_SECONDS};

use crate::{
    channels::{CallError, brief, not_sent},
    config::StripeConfig,
    egress,
    providers::{self, Provider},
};
use objects::{Customer, List, Page, Refusal};

/// The version whose objects are read here; the webhook endpoint should have the same.
pub const API_VERSION: &str = "2026-07-29.dahlia";
const TIMEOUT: Duration = Duration::from_secs(20);
/// Where Stripe does not say how long.
const WAIT: Duration = Duration::from_secs(2);
/// Of one customer; more than one is rare already.
const SUBSCRIPTIONS_MAX: &str = "100";

/// Cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    http: Client,
    pub config: StripeConfig,
}

/// What Checkout is begun with.
pub struct Checkout<'a> {
    pub customer: &'a str,
    /// The tenant's id, as text.
    pub tenant: &'a str,
    pub price: &'a str,
    pub success_url: &'a str,
    pub cancel_url: &'a str,
}

/// So many of something happened.
pub struct MeterEvent<'a> {
    pub customer: &'a str,
    /// The same for the same fact: Stripe counts it once.
    pub identifier: &'a str,
    /// Seconds since 1970; at most 35 days ago.
    pub timestamp: i64,
    pub value: i64,
}

impl Stripe {
    pub fn new(config: &StripeConfig) -> Self {
        Self { http: egress::provider_client(Some(TIMEOUT)), config: config.clone() }
    }

    /// Makes a customer. Asked again for the same tenant within a day, Stripe answers with the same one.
    pub async fn create_customer(&self, tenant: &str) -> Result<String, CallError> {
        let form = [("metadata[tenant_id]", tenant)];
        let key = format!("customer-{tenant}");
        let request = self.post("v1/customers")?.header("idempotency-key", key).form(&form);
        Ok(self.call::<Customer>(request).await?.id)
    }

    /// The address of a page where the customer subscribes.
    pub async fn checkout(&self, checkout: &Checkout<'_>) -> Result<Url, CallError> {
        let mut form = vec![
            ("mode", "subscription"),
            ("customer", checkout.customer),
            ("client_reference_id", checkout.tenant),
            ("line_items[0][price]", checkout.price),
            ("line_items[0][quantity]", "1"),
            ("subscription_data[metadata][tenant_id]", checkout.tenant),
            ("customer_update[name]", "auto"),
            ("customer_update[address]", "auto"),
            ("success_url", checkout.success_url),
            ("cancel_url", checkout.cancel_url),
        ];
        // A price by usage has no quantity.
        if let Some(price) = &self.config.usage_price {
            form.push(("line_items[1][price]", price));
        }
        self.page(self.post("v1/checkout/sessions")?.form(&form)).await
    }

    /// The address of a page where the customer changes plan and card, cancels, and finds invoices.
    pub async fn portal(&self, customer: &str, return_url: &str) -> Result<Url, CallError> {
        let form = [("customer", customer), ("return_url", return_url)];
        self.page(self.post("v1/billing_portal/sessions")?.form(&form)).await
    }

    /// The customer's subscriptions, ended ones included, each with its last invoice.
    pub async fn subscriptions(&self, customer: &str) -> Result<Vec<Subscription>, CallError> {
        let query = [
            ("customer", customer),
            ("status", "all"),
            ("limit", SUBSCRIPTIONS_MAX),
            ("expand[]", "data.latest_invoice"),
        ];
        let request = self.http.get(self.url("v1/subscriptions")?).query(&query);
        Ok(self.call::<List<Subscription>>(request).await?.data)
    }

    pub async fn meter(&self, name: &str, event: &MeterEvent<'_>) -> Result<(), CallError> {
        let (timestamp, value) = (event.timestamp.to_string(), event.value.to_string());
        let form = [
            ("event_name", name),
            ("identifier", event.identifier),
            ("timestamp", &timestamp),
            ("payload[stripe_customer_id]", event.customer),
            ("payload[value]", &value),
        ];
        match self.call::<serde_json::Value>(self.post("v1/billing/meter_events")?.form(&form)).await {
            // It was counted before.
            Err(CallError::Refused(code)) if code == "duplicate_meter_event" => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Whether a price can be sold as a subscription; `None`: there is none by this id.
    pub async fn is_recurring(&self, price: &str) -> Result<Option<bool>, CallError> {
        let mut url = self.url("v1/prices")?;
        url.path_segments_mut().map_err(|()| unusable())?.push(price);
        match self.call::<objects::Price>(self.http.get(url)).await {
            Ok(price) => Ok(Some(price.active && price.kind == "recurring")),
            Err(CallError::Refused(code)) if code == "resource_missing" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn page(&self, request: RequestBuilder) -> Result<Url, CallError> {
        let page: Page = self.call(request).await?;
        page.url.parse().map_err(|_| CallError::Refused("the page's address is no URL".into()))
    }

    fn post(&self, path: &str) -> Result<RequestBuilder, CallError> {
        Ok(self.http.post(self.url(path)?))
    }

    fn url(&self, path: &str) -> Result<Url, CallError> {
        self.config.api_url.join(path).map_err(|_| unusable())
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let request =
            request.bearer_auth(self.config.secret_key.expose_secret()).header("stripe-version", API_VERSION);
        let outcome = asked(request).await;
        providers::note_call(Provider::Stripe, &outcome);
        outcome
    }
}

async fn asked<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    let response = request.send().await.map_err(|error| not_sent(&error))?;
    let (status, wait) = (response.status(), wait(response.headers()));
    let body = response.bytes().await.map_err(|error| CallError::Ambiguous(brief(&error)))?;
    judge(status, wait, &body)
}

fn unusable() -> CallError {
    CallError::Refused("STRIPE_API_URL is no base address".into())
}

fn wait(headers: &header::HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(WAIT, Duration::from_secs)
}

fn judge<T: DeserializeOwned>(status: StatusCode, wait: Duration, body: &[u8]) -> Result<T, CallError> {
    if status.is_success() {
        return serde_json::from_slice(body)
            .map_err(|error| CallError::Ambiguous(format!("an answer that can't be read: {error}")));
    }
    match status {
        StatusCode::TOO_MANY_REQUESTS => Err(CallError::RateLimited(wait)),
        // Two calls with one idempotency key at the same time.
        StatusCode::CONFLICT => Err(CallError::RateLimited(WAIT)),
        status if status.is_server_error() => Err(CallError::Ambiguous(format!("HTTP {}", status.as_u16()))),
        status => {
            // The code only: a message may repeat what was sent.
            let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
            let code = refusal.and_then(|refusal| refusal.error.code.or(refusal.error.kind));
            Err(CallError::Refused(code.unwrap_or_else(|| format!("HTTP {}", status.as_u16()))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> Result<Customer, CallError> {
        judge(StatusCode::from_u16(status).unwrap(), WAIT, body.as_bytes())
    }

    #[test]
    fn answers_are_told_apart_by_status_and_code() {
        assert_eq!(verdict(200, r#"{"id":"cus_1","object":"customer","new":{}}"#).unwrap().id, "cus_1");
        assert!(matches!(verdict(200, "<html>"), Err(CallError::Ambiguous(_))));
        assert_eq!(verdict(429, "{}").unwrap_err(), CallError::RateLimited(WAIT));
        assert!(matches!(verdict(503, ""), Err(CallError::Ambiguous(_))));
        let refused = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such price: 'x'"}}"#;
        assert_eq!(verdict(404, refused).unwrap_err(), CallError::Refused("resource_missing".into()));
        assert_eq!(verdict(402, "?").unwrap_err(), CallError::Refused("HTTP 402".into()));
    }
}
