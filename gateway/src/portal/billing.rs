//! What a tenant pays for: its plan and subscription, and the way to Stripe's own pages, where money is dealt with.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    channels::CallError,
    db::{
        audit,
        billing::{self, Billing, Current},
        customers,
        plans::{self, PLANS, Plan},
    },
    jobs::Job,
    queue,
    stripe::{Checkout, Stripe},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::ToSchema;

use crate::{
    Gateway,
    auth::{Admin, Operator},
    error::{ApiError, Problem},
};

/// Below the public URL: where Stripe's pages lead back to.
const PAGE: &str = "billing";

#[derive(Serialize, ToSchema)]
pub struct BillingBody {
    /// Plans are sold here. Otherwise they are given out by who looks after the platform.
    sells: bool,
    /// The plan whose limits hold.
    #[schema(example = "pro")]
    plan: &'static str,
    /// `full`; `paused`: the agent is silent, everything else works; `read_only`: and nothing can be added.
    access: &'static str,
    /// The newest that has not ended, otherwise the newest; `null`: there never was one.
    subscription: Option<SubscriptionBody>,
    plans: Vec<PlanBody>,
}

#[derive(Serialize, ToSchema)]
pub struct SubscriptionBody {
    /// Stripe's word.
    #[schema(example = "active")]
    status: String,
    plan: Option<String>,
    current_period_end: Option<String>,
    /// When it ends for good, if that is decided; until then everything works.
    cancel_at: Option<String>,
    past_due_since: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PlanBody {
    #[schema(example = "starter")]
    name: &'static str,
    /// `null`: as many as you like.
    agents: Option<i64>,
    seats: Option<i64>,
    channels: Option<i64>,
    /// It can be bought here.
    sold: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheckout {
    #[schema(example = "pro")]
    plan: String,
}

/// A page of Stripe's, to be opened by full navigation.
#[derive(Serialize, ToSchema)]
pub struct PageBody {
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_live_a1b2c3")]
    url: String,
}

/// The tenant's plan, its subscription, and what can be bought.
#[utoipa::path(get, path = "/api/v1/billing",
    responses((status = 200, body = BillingBody), (status = 401, body = Problem)))]
pub async fn show(operator: Operator, State(gateway): State<Gateway>) -> Result<Json<BillingBody>, ApiError> {
    let mut tx = operator.db.begin().await?;
    let billing = billing::show(&mut tx).await?;
    tx.close().await?;
    body(&gateway, billing).map(Json)
}

/// Begins a subscription: answers with the address of Stripe's page for it.
#[utoipa::path(post, path = "/api/v1/billing/checkout", request_body = NewCheckout,
    responses((status = 200, body = PageBody), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn checkout(
    Admin(admin): Admin,
    State(gateway): State<Gateway>,
    request: Result<Json<NewCheckout>, JsonRejection>,
) -> Result<Json<PageBody>, ApiError> {
    let Json(request) = request?;
    let stripe = selling(&gateway)?;
    let Some(price) = stripe.config.price_of(&request.plan) else {
        let sold: Vec<&str> = stripe.config.prices.iter().map(|price| price.plan).collect();
        return Err(ApiError::invalid(format!("`plan` must be one of: {}.", sold.join(", "))));
    };
    let mut tx = admin.db.begin().await?;
    let known = billing::show(&mut tx).await?;
    tx.close().await?;
    if known.subscription.as_ref().is_some_and(|current| !current.has_ended() && current.status != "incomplete") {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "subscribed",
            "There is a subscription already: change its plan on Stripe's page, by `billing/portal`.",
        ));
    }
    let tenant = admin.tenant.to_string();
    let customer = match known.customer {
        Some(customer) => customer,
        None => stripe.create_customer(&tenant).await.map_err(failed)?,
    };
    let mut tx = admin.db.begin().await?;
    // Two at once asked Stripe with the same key, and have the same customer.
    let customer = customers::link(&mut tx, &customer).await?;
    let detail = json!({ "plan": request.plan });
    audit::append(&mut tx, &admin.actor, "billing.checkout", ("customer", &customer), detail).await?;
    tx.commit().await?;
    let (back, done) = (page(&gateway, None), page(&gateway, Some("done")));
    let begun = Checkout { customer: &customer, tenant: &tenant, price, success_url: &done, cancel_url: &back };
    let url = stripe.checkout(&begun).await.map_err(failed)?;
    Ok(Json(PageBody { url: url.into() }))
}

/// Answers with the address of Stripe's page for plan, card, invoices and cancelling.
#[utoipa::path(post, path = "/api/v1/billing/portal",
    responses((status = 200, body = PageBody), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 409, body = Problem), (status = 502, body = Problem)))]
pub async fn portal(Admin(admin): Admin, State(gateway): State<Gateway>) -> Result<Json<PageBody>, ApiError> {
    let stripe = selling(&gateway)?;
    let mut tx = admin.db.begin().await?;
    let customer = customers::of(&mut tx).await?.ok_or_else(no_customer)?;
    audit::append(&mut tx, &admin.actor, "billing.portal", ("customer", &customer), json!({})).await?;
    tx.commit().await?;
    let url = stripe.portal(&customer, &page(&gateway, None)).await.map_err(failed)?;
    Ok(Json(PageBody { url: url.into() }))
}

/// Looks at Stripe now instead of waiting for its webhook: for whoever comes back from its pages.
#[utoipa::path(post, path = "/api/v1/billing/refresh",
    responses((status = 202), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 409, body = Problem)))]
pub async fn refresh(Admin(admin): Admin, State(gateway): State<Gateway>) -> Result<StatusCode, ApiError> {
    selling(&gateway)?;
    let mut tx = admin.db.begin().await?;
    customers::of(&mut tx).await?.ok_or_else(no_customer)?;
    queue::enqueue(&mut tx, &Job::RefreshBilling).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

fn selling(gateway: &Gateway) -> Result<&Stripe, ApiError> {
    gateway.stripe.as_ref().ok_or_else(|| {
        ApiError::new(
            StatusCode::CONFLICT,
            "billing_off",
            "Nothing is sold here: ask who looks after the platform for another plan.",
        )
    })
}

fn no_customer() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "no_customer",
        "There is no subscription yet: begin one by `billing/checkout`.",
    )
}

fn failed(error: CallError) -> ApiError {
    tracing::warn!(%error, "Stripe could not be asked");
    ApiError::new(
        StatusCode::BAD_GATEWAY,
        "stripe_unavailable",
        "Stripe did not answer as expected. Try again in a moment; if it stays so, `konstruct doctor --live` says why.",
    )
}

fn page(gateway: &Gateway, came_back: Option<&str>) -> String {
    let mut url = gateway.public_url.clone();
    url.set_path(PAGE);
    if let Some(how) = came_back {
        url.query_pairs_mut().append_pair("checkout", how);
    }
    url.into()
}

fn body(gateway: &Gateway, billing: Billing) -> Result<BillingBody, ApiError> {
    let stripe = gateway.stripe.as_ref();
    let sold = |plan: &Plan| stripe.is_some_and(|stripe| stripe.config.price_of(plan.name).is_some());
    Ok(BillingBody {
        sells: stripe.is_some(),
        plan: plans::in_force(&billing.plan_given, &billing.plans_paid)?.name,
        access: billing.access.as_str(),
        subscription: billing.subscription.map(SubscriptionBody::from),
        plans: PLANS
            .iter()
            .map(|plan| PlanBody {
                name: plan.name,
                agents: plan.agents,
                seats: plan.seats,
                channels: plan.channels,
                sold: sold(plan),
            })
            .collect(),
    })
}

impl From<Current> for SubscriptionBody {
    fn from(current: Current) -> Self {
        let text = |at: Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok());
        Self {
            status: current.status,
            plan: current.plan,
            current_period_end: text(current.current_period_end),
            cancel_at: text(current.cancel_at),
            past_due_since: text(current.past_due_since),
        }
    }
}
