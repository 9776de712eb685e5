//! The API's description, generated from the handlers. `gateway/openapi.json` is its checked-in copy; a test compares.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

use crate::{
    cookies, install,
    portal::{
        agents, analytics, api_keys, approvals, audit,
        auth::{accept, devices, identities, impersonation, login, password, provider, signup, totp},
        billing, bindings, budgets, cases, channels, connections, conversations, dead_letters, escalation_desk,
        escalation_rules, escalations, events, follow_ups, forks, invitations, knowledge, llm_keys, mcp_servers,
        me, members, memories, notices, office_hours, passages, people, privacy, related, replays, routines,
        signup_whatsapp, status, takeovers, templates, tenants, tools, traces, usage, webhook_endpoints,
    },
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Konstruct", description = "The API of the portal and of programs. Errors are RFC 9457 problem documents."),
    paths(
        me::show, agents::list, agents::shape, agents::versions, connections::list, connections::connect, templates::list,
        templates::choose, channels::policy, channels::set_policy, channels::list, bindings::list, bindings::replace,
        bindings::explain, signup_whatsapp::show, signup_whatsapp::finish,
        members::list, members::change, members::remove, members::transfer,
        invitations::list, invitations::invite, invitations::resend, invitations::revoke,
        tools::list, tools::create, tools::change, tools::remove, mcp_servers::confirm,
        mcp_servers::list, mcp_servers::connect, mcp_servers::look_again, mcp_servers::remove,
        approvals::list, approvals::approve, approvals::deny, follow_ups::list, follow_ups::cancel,
        routines::list, routines::create, routines::change, routines::remove, routines::run,
        office_hours::show, office_hours::set, people::mark,
        llm_keys::list, llm_keys::create, llm_keys::change, llm_keys::remove,
        budgets::list, budgets::create, budgets::change, budgets::remove, privacy::list, privacy::erase,
        privacy::export, privacy::retention, privacy::set_retention, usage::report,
        analytics::report, analytics::export,
        billing::show, billing::checkout, billing::portal, billing::refresh,
        tenants::list,
        tenants::change, tenants::suspend, tenants::resume,
        impersonation::begin, impersonation::end, impersonation::consent, impersonation::set_consent,
        status::show, status::history, dead_letters::list, dead_letters::retry, dead_letters::discard,
        api_keys::list, api_keys::create, api_keys::revoke,
        signup::sign_up, signup::verify, login::login, login::refresh, login::logout,
        password::change, password::forgot, password::reset, accept::show, accept::accept,
        conversations::list, conversations::show, conversations::messages, takeovers::take_over, takeovers::release,
        takeovers::reply, events::stream, traces::show, memories::list, memories::show, memories::correct, memories::forget,
        related::tags, related::tag, related::related, replays::replay, replays::list, forks::open, forks::list, forks::show, forks::say, forks::remove,
        cases::list, cases::create, cases::change, cases::remove, cases::run, cases::trial,
        knowledge::list, knowledge::give, passages::search, knowledge::give_address, knowledge::show, knowledge::remove,
        webhook_endpoints::list, webhook_endpoints::create, webhook_endpoints::change, webhook_endpoints::remove,
        webhook_endpoints::ping, webhook_endpoints::deliveries, webhook_endpoints::retry,
        audit::list, audit::verify, devices::list, devices::end_all, devices::end, devices::switch,
        install::begin, notices::list, notices::mark_seen,
        totp::begin, totp::confirm, totp::end, provider::options, provider::begin, provider::finish,
        identities::list, identities::connect, identities::disconnect,
        escalation_rules::list, escalation_rules::create, escalation_rules::versions, escalation_rules::change,
        escalation_rules::remove, escalation_rules::simulate,
        escalation_desk::show, escalation_desk::set, escalation_desk::remove,
        escalations::list, escalations::show, escalations::assign, escalations::close,
    ),
    modifiers(&Schemes, &Patience),
    security(("api_key" = []), ("session" = []))
)]
pub struct Api;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let cookie = ApiKeyValue::with_description(
            cookies::ACCESS,
            "What changes something also needs `Origin` and the header `x-csrf-token`, which `me` tells.",
        );
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// Whoever has to say who they are may ask too often.
struct Patience;

impl Modify for Patience {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for path in api.paths.paths.values_mut() {
            let each = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
            for operation in each.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                if let Some(refused) = responses.get("401").cloned() {
                    responses.entry("429".to_owned()).or_insert(refused);
                }
            }
        }
    }
}

pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}
