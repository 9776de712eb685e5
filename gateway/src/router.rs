//! Every URL of the product, on one page.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{any, delete, get, patch, post, put},
};
use shared::channels::fetch::BYTES_MAX;
use tower_http::{
    catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};

use crate::{
    Gateway, assets,
    error::ApiError,
    install, once, openapi,
    portal::{
        agents, analytics, api_keys, approvals, audit,
        auth::{accept, devices, identities, impersonation, login, password, provider, signup, totp},
        billing, bindings, budgets, cases, channels, connections, conversations, currency, dead_letters,
        escalation_desk, escalation_rules as rules, escalations, events, follow_ups, forks, happenings,
        invitations, knowledge, languages, llm_key_prices, llm_keys, mcp_servers, me, members, memories, notes,
        notices, office_hours, passages, people, privacy, related, replays, routines, signup_whatsapp, status,
        tables, takeovers, templates, tenants, tools, traces, usage, webhook_endpoints,
    },
    refusals,
    webhooks::{slack, slack_command, slack_interaction, stripe, whatsapp},
};

const API_TIMEOUT: Duration = Duration::from_secs(15);
/// Two calls to Slack of at most ten seconds, or four to a sign-in provider of at most five.
const OAUTH_TIMEOUT: Duration = Duration::from_secs(25);
pub(crate) const API_BODY_MAX: usize = 256 * 1024;
/// Nothing but our own files: no inline script, no third party.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; \
                              frame-ancestors 'none'; form-action 'self'";

pub fn router(gateway: Gateway) -> Router {
    let webhooks = Router::new()
        .route("/webhooks/slack/events", post(slack::receive))
        .route("/webhooks/slack/interactions", post(slack_interaction::receive))
        .route("/webhooks/slack/commands", post(slack_command::receive).get(slack_command::certificate_check))
        .route("/webhooks/whatsapp", get(whatsapp::verify).post(whatsapp::receive))
        .route("/webhooks/stripe", post(stripe::receive));
    let api = Router::new()
        .route("/api/v1/me", get(me::show))
        .route("/api/v1/agents", get(agents::list).put(agents::shape))
        .route("/api/v1/agents/{agent_id}/versions", get(agents::versions))
        .route("/api/v1/connections", get(connections::list).post(connections::connect))
        .route("/api/v1/connections/whatsapp-signup", get(signup_whatsapp::show).post(signup_whatsapp::finish))
        .route("/api/v1/connections/{id}/templates", get(templates::list))
        .route("/api/v1/connections/{id}/fallback-template", put(templates::choose))
        .route("/api/v1/connections/{id}/policy", get(channels::policy).put(channels::set_policy))
        .route("/api/v1/channels", get(channels::list))
        .route("/api/v1/bindings", get(bindings::list).put(bindings::replace))
        .route("/api/v1/bindings/explain", get(bindings::explain))
        .merge(talking())
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/audit/verify", post(audit::verify))
        .merge(trying())
        .merge(escalating())
        .merge(acting())
        .route("/api/v1/connections/slack/install", post(install::begin))
        .route("/api/v1/notices", get(notices::list))
        .route("/api/v1/notices/seen", post(notices::mark_seen))
        .route("/api/v1/members", get(members::list))
        .route("/api/v1/members/{user_id}", patch(members::change).delete(members::remove))
        .route("/api/v1/members/{user_id}/owner", post(members::transfer))
        .route("/api/v1/invitations", get(invitations::list).post(invitations::invite))
        .route("/api/v1/invitations/{invitation_id}", delete(invitations::revoke))
        .route("/api/v1/invitations/{invitation_id}/resend", post(invitations::resend))
        .route("/api/v1/api-keys", get(api_keys::list).post(api_keys::create))
        .route("/api/v1/api-keys/{key_id}", delete(api_keys::revoke))
        .merge(paying())
        .merge(looking_after())
        .merge(sign_in())
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/{*rest}", any(missing))
        // Bodies are kept for it, so that those of documents are not.
        .layer(from_fn(once::read))
        .layer(RequestBodyLimitLayer::new(API_BODY_MAX))
        // After that limit: a document may be larger.
        .merge(documents())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, API_TIMEOUT))
        .layer(map_response(refusal))
        // What it says is one caller's.
        .layer(header(header::CACHE_CONTROL.as_str(), "no-store"));
    // The work itself is shielded: whoever waits no longer still gets what they agreed to.
    let oauth = Router::new()
        .route("/oauth/slack/install", get(install::visit::open))
        .route("/oauth/slack/callback", get(install::visit::finish))
        .route("/oauth/oidc/callback", get(provider::back))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, OAUTH_TIMEOUT));
    let health = shared::health::routes(gateway.health.clone());
    // Where it is served by https, a browser takes no other way again.
    let secure = gateway.public_url.scheme() == "https";
    let https_only = secure.then_some(HeaderValue::from_static("max-age=63072000"));
    Router::new()
        .merge(webhooks)
        .merge(api)
        .merge(oauth)
        .layer(from_fn_with_state(gateway.clone(), refusals::note))
        .fallback(assets::serve)
        .with_state(gateway)
        .merge(health)
        // Below the headers: the answer to a panic carries them, too.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, https_only))
        .layer(header(header::CONTENT_SECURITY_POLICY.as_str(), CONTENT_POLICY))
}

/// Where whole documents come in.
fn documents() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/knowledge", get(knowledge::list).post(knowledge::give))
        .layer(from_fn(once::note))
        .layer(RequestBodyLimitLayer::new(BYTES_MAX))
}

/// What was said and is remembered, and what changes of it.
fn talking() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/conversations", get(conversations::list))
        .route("/api/v1/conversations/{conversation_id}", get(conversations::show))
        .route("/api/v1/conversations/{conversation_id}/messages", get(conversations::messages))
        .route("/api/v1/conversations/{conversation_id}/takeover", post(takeovers::take_over))
        .route("/api/v1/conversations/{conversation_id}/release", post(takeovers::release))
        .route("/api/v1/conversations/{conversation_id}/reply", post(takeovers::reply))
        .route("/api/v1/conversations/{conversation_id}/notes", get(notes::list).post(notes::add))
        .route("/api/v1/conversations/{conversation_id}/notes/{note_id}", delete(notes::remove))
        .route("/api/v1/conversations/{conversation_id}/trace", get(traces::show))
        .route("/api/v1/conversations/{conversation_id}/tags", get(related::tags).put(related::tag))
        .route("/api/v1/conversations/{conversation_id}/related", get(related::related))
        .route("/api/v1/events", get(events::stream))
        .route("/api/v1/memories", get(memories::list))
        .route(
            "/api/v1/memories/{memory_id}",
            get(memories::show).patch(memories::correct).delete(memories::forget),
        )
        .route("/api/v1/knowledge/addresses", post(knowledge::give_address))
        .route("/api/v1/knowledge/search", get(passages::search))
        .route("/api/v1/knowledge/{document_id}", get(knowledge::show).delete(knowledge::remove))
}

/// What agents would have said, without anybody being sent it.
fn trying() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/conversations/{conversation_id}/runs/{run_id}/replay", post(replays::replay))
        .route("/api/v1/conversations/{conversation_id}/runs/{run_id}/replays", get(replays::list))
        .route("/api/v1/conversations/{conversation_id}/forks", get(forks::list).post(forks::open))
        .route("/api/v1/forks/{fork_id}", get(forks::show).delete(forks::remove))
        .route("/api/v1/forks/{fork_id}/messages", post(forks::say))
        .route("/api/v1/cases", get(cases::list).post(cases::create))
        .route("/api/v1/cases/run", post(cases::run))
        .route("/api/v1/cases/trials/{trial_id}", get(cases::trial))
        .route("/api/v1/cases/{case_id}", put(cases::change).delete(cases::remove))
}

/// What hands conversations to humans, and what was handed over.
fn escalating() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/escalation-rules", get(rules::list).post(rules::create))
        .route("/api/v1/escalation-rules/simulate", post(rules::simulate))
        .route("/api/v1/escalation-rules/{rule_id}", patch(rules::change).delete(rules::remove))
        .route("/api/v1/escalation-rules/{rule_id}/versions", get(rules::versions))
        .route(
            "/api/v1/escalation-desk",
            get(escalation_desk::show).put(escalation_desk::set).delete(escalation_desk::remove),
        )
        .route("/api/v1/escalations", get(escalations::list))
        .route("/api/v1/escalations/{escalation_id}", get(escalations::show))
        .route("/api/v1/escalations/{escalation_id}/assign", post(escalations::assign))
        .route("/api/v1/escalations/{escalation_id}/close", post(escalations::close))
}

/// What models cost, whose keys pay, and what the tenant pays for.
fn paying() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/llm-keys", get(llm_keys::list).post(llm_keys::create))
        .route("/api/v1/llm-keys/{llm_key_id}", patch(llm_keys::change).delete(llm_keys::remove))
        .route("/api/v1/llm-keys/{llm_key_id}/prices", get(llm_key_prices::list).post(llm_key_prices::add))
        .route("/api/v1/privacy/erasures", get(privacy::list).post(privacy::erase))
        .route("/api/v1/privacy/people/{person_id}/export", get(privacy::export))
        .route("/api/v1/privacy/retention", get(privacy::retention).put(privacy::set_retention))
        .route("/api/v1/currency", get(currency::show).put(currency::set))
        .route("/api/v1/budgets", get(budgets::list).post(budgets::create))
        .route("/api/v1/budgets/{budget_id}", patch(budgets::change).delete(budgets::remove))
        .route("/api/v1/usage", get(usage::report))
        .route("/api/v1/analytics", get(analytics::report))
        .route("/api/v1/analytics/export", get(analytics::export))
        .route("/api/v1/analytics/events", get(happenings::list_events))
        .route("/api/v1/analytics/events/export", get(tables::export_events))
        .route("/api/v1/analytics/journeys", get(happenings::list_journeys))
        .route("/api/v1/analytics/journeys/export", get(tables::export_journeys))
        .route("/api/v1/billing", get(billing::show))
        .route("/api/v1/billing/checkout", post(billing::checkout))
        .route("/api/v1/billing/portal", post(billing::portal))
        .route("/api/v1/billing/refresh", post(billing::refresh))
}

/// What agents may do, and who agrees to it.
fn acting() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/tools", get(tools::list).post(tools::create))
        .route("/api/v1/tools/{tool_id}", patch(tools::change).delete(tools::remove))
        .route("/api/v1/tools/{tool_id}/confirm", post(mcp_servers::confirm))
        .route("/api/v1/mcp-servers", get(mcp_servers::list).post(mcp_servers::connect))
        .route("/api/v1/mcp-servers/{server_id}", delete(mcp_servers::remove))
        .route("/api/v1/mcp-servers/{server_id}/look", post(mcp_servers::look_again))
        .route("/api/v1/webhook-endpoints", get(webhook_endpoints::list).post(webhook_endpoints::create))
        .route(
            "/api/v1/webhook-endpoints/{endpoint_id}",
            patch(webhook_endpoints::change).delete(webhook_endpoints::remove),
        )
        .route("/api/v1/webhook-endpoints/{endpoint_id}/ping", post(webhook_endpoints::ping))
        .route("/api/v1/webhook-endpoints/{endpoint_id}/deliveries", get(webhook_endpoints::deliveries))
        .route("/api/v1/webhook-deliveries/{delivery_id}/retry", post(webhook_endpoints::retry))
        .route("/api/v1/approvals", get(approvals::list))
        .route("/api/v1/approvals/{approval_id}/approve", post(approvals::approve))
        .route("/api/v1/approvals/{approval_id}/deny", post(approvals::deny))
        .route("/api/v1/follow-ups", get(follow_ups::list))
        .route("/api/v1/follow-ups/{follow_up_id}", delete(follow_ups::cancel))
        .route("/api/v1/routines", get(routines::list).post(routines::create))
        .route("/api/v1/routines/{routine_id}", patch(routines::change).delete(routines::remove))
        .route("/api/v1/routines/{routine_id}/run", post(routines::run))
        .route("/api/v1/people", get(people::list))
        .route("/api/v1/people/{person_id}", get(people::show).patch(people::mark))
        .route("/api/v1/languages", get(languages::show).put(languages::set))
        .route("/api/v1/office-hours", get(office_hours::show).put(office_hours::set))
}

/// For who looks after the platform.
fn looking_after() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/tenants", get(tenants::list))
        .route("/api/v1/tenants/{tenant_id}", patch(tenants::change))
        .route("/api/v1/tenants/{tenant_id}/suspend", post(tenants::suspend))
        .route("/api/v1/tenants/{tenant_id}/resume", post(tenants::resume))
        .route("/api/v1/impersonation", post(impersonation::begin).delete(impersonation::end))
        .route("/api/v1/impersonation/consent", get(impersonation::consent).put(impersonation::set_consent))
        .route("/api/v1/status", get(status::show))
        .route("/api/v1/status/history", get(status::history))
        .route("/api/v1/dead-letters", get(dead_letters::list))
        .route("/api/v1/dead-letters/{job_id}/retry", post(dead_letters::retry))
        .route("/api/v1/dead-letters/{job_id}/discard", post(dead_letters::discard))
}

/// For people: who has no identity yet, and what belongs to a person instead of a tenant.
fn sign_in() -> Router<Gateway> {
    Router::new()
        .route("/api/v1/auth/signup", post(signup::sign_up))
        .route("/api/v1/auth/verify", post(signup::verify))
        .route("/api/v1/auth/login", post(login::login))
        .route("/api/v1/auth/refresh", post(login::refresh))
        .route("/api/v1/auth/logout", post(login::logout))
        .route("/api/v1/auth/password", post(password::change))
        .route("/api/v1/auth/password/forgot", post(password::forgot))
        .route("/api/v1/auth/password/reset", post(password::reset))
        .route("/api/v1/auth/invitation", post(accept::show))
        .route("/api/v1/auth/accept", post(accept::accept))
        .route("/api/v1/auth/sessions", get(devices::list).delete(devices::end_all))
        .route("/api/v1/auth/sessions/{session_id}", delete(devices::end))
        .route("/api/v1/auth/totp", post(totp::begin).delete(totp::end))
        .route("/api/v1/auth/totp/confirm", post(totp::confirm))
        .route("/api/v1/auth/tenant", post(devices::switch))
        .route("/api/v1/auth/options", get(provider::options))
        .route("/api/v1/auth/provider", post(provider::begin))
        .route("/api/v1/auth/provider/finish", post(provider::finish))
        .route("/api/v1/auth/identities", get(identities::list).post(identities::connect))
        .route("/api/v1/auth/identities/{identity_id}", delete(identities::disconnect))
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
