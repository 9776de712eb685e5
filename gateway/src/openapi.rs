//! The API's description, generated from the handlers. `gateway/openapi.json` is its checked-in copy; a test compares.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, Parameter},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::{
    cookies, install, once,
    portal::{
        agents, analytics, api_keys, approvals, audit,
        auth::{accept, devices, identities, impersonation, login, password, provider, signup, totp},
        billing, bindings, budgets, cases, channels, connections, conversations, currency, dead_letters,
        escalation_desk, escalation_rules, escalations, events, follow_ups, forks, happenings, invitations,
        knowledge, languages, llm_key_prices, llm_keys, mcp_servers, me, members, memories, notes, notices,
        office_hours, passages, people, privacy, related, replays, routines, signup_whatsapp, status, tables,
        takeovers, templates, tenants, tools, traces, usage, webhook_endpoints,
    },
};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

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
        office_hours::show, office_hours::set, languages::show, languages::set,
        people::list, people::show, people::mark,
        llm_keys::list, llm_keys::create, llm_keys::change, llm_keys::remove, llm_key_prices::list,
        llm_key_prices::add, currency::show, currency::set,
        budgets::list, budgets::create, budgets::change, budgets::remove, privacy::list, privacy::erase,
        privacy::export, privacy::retention, privacy::set_retention, usage::report,
        analytics::report, analytics::export, happenings::list_events, tables::export_events,
        happenings::list_journeys, tables::export_journeys,
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
        notes::list, notes::add, notes::remove, related::tags, related::tag, related::related, replays::replay, replays::list, forks::open, forks::list, forks::show, forks::say, forks::remove,
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
    modifiers(&Schemes, &Whole),
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

/// What holds for every operation, so that none can forget it, and what makers of clients need: a name of its own for each, and a
/// sentence for each answer.
struct Whole;

impl Modify for Whole {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for path in api.paths.paths.values_mut() {
            let each = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
            for operation in each.into_iter().flatten() {
                name(operation);
                refuse(operation);
                for (status, response) in &mut operation.responses.responses {
                    if let RefOr::T(response) = response {
                        tell(status, response);
                    }
                }
            }
        }
    }
}

/// `agents_list`: what a file calls its handler is unique there only.
fn name(operation: &mut Operation) {
    let noun = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|verb| format!("{noun}_{verb}"));
}

/// Refusals that no handler makes: whoever has to say who they are may ask too often, a body may be too large, a key may be used
/// twice, the database may be away, and an answer may take too long.
fn refuse(operation: &mut Operation) {
    let is_key = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(given) if given.name == once::HEADER);
    let takes_key = operation.parameters.iter().flatten().any(is_key);
    let responses = &mut operation.responses.responses;
    let mut refusals = vec!["503", "504"];
    if responses.contains_key("401") {
        refusals.push("429");
    }
    if operation.request_body.is_some() {
        refusals.push("413");
    }
    if takes_key {
        refusals.extend(["400", "409", "422"]);
    }
    for status in refusals {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let problem = ResponseBuilder::new().content(JSON, problem).build();
        responses.entry(status.to_owned()).or_insert(RefOr::T(problem));
    }
}

/// A sentence, where the handler has none, and the kind that problems have.
fn tell(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        response.description = sentence(status).to_owned();
    }
    if status.starts_with(['4', '5'])
        && let Some(problem) = response.content.shift_remove(JSON)
    {
        response.content.insert(PROBLEM.to_owned(), problem);
    }
}

fn sentence(status: &str) -> &'static str {
    match status {
        "200" => "What was asked for.",
        "201" => "It is made.",
        "202" => "It is taken, and done in a moment.",
        "204" => "It is done; there is nothing to say.",
        "400" => "The request is not as it is described.",
        "401" => "Nobody is known by this key or session.",
        "403" => "Whoever asks may not do this.",
        "404" => "There is no such thing here.",
        "409" => "It does not fit what is there.",
        "412" => "Somebody else has changed it meanwhile.",
        "413" => "The body is too large.",
        "422" => "The idempotency key was used for another request.",
        "429" => "Too many requests: `Retry-After` says when to come again.",
        "502" => "The provider did not answer.",
        "503" => "The database or another part does not answer at the moment.",
        "504" => "It took too long.",
        _ => "See `code`.",
    }
}

pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}
